"""core/src/objects.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import Atoms, Residues


class Objects:
    """What a specifier found."""

    def __init__(self, atoms: Atoms | None = None, bonds=None, pseudobonds=None, models=None) -> None:
        self.models = models
        self.atoms = atoms

    @property
    def residues(self) -> Residues:
        return self.atoms.unique_residues
