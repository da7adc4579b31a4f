"""dssp/src/__init__.py."""


def compute_ss(structure, **kw):
    """Helices and strands are not found here: every residue stays as it is."""
