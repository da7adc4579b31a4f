"""core/src/objects.py."""


class Objects:
    """What a specifier found."""

    def __init__(self, atoms=None, bonds=None, pseudobonds=None, models=None):
        self.models = models
        self.atoms = atoms

    @property
    def residues(self):
        return self.atoms.unique_residues
