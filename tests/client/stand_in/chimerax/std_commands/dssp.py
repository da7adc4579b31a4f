"""std_commands/src/dssp.py."""

from chimerax.core.undo import UndoAction
from chimerax.dssp import compute_ss as _compute_ss


def compute_ss(session, structures=None, *, min_helix_len=3, min_strand_len=3, energy_cutoff=-0.5, report=False):
    _compute_ss(structures)
    session.undo.register(UndoAction("dssp"))
