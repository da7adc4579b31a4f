"""Helices and strands of residues that an acceptance adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .atoms import Address
from .part import residue_addresses
from .results import result_model

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residues
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["Kinds", "assign", "find_before_drawing", "known_kinds"]

Kinds = list[tuple[int, int]]
"""For each residue ChimeraX's number of its kind (coil, helix or strand), and of its helix or strand."""


def known_kinds(session: Session, job: Job, addresses: Sequence[Address]) -> Kinds | None:
    """What ChimeraX has found in the open result of a job; None where that is not open or lacks one of the residues."""
    model = result_model(session, job)
    if model is None or not model.ss_assigned:
        return None
    residues = model.residues
    stated = zip(residues.ss_types.tolist(), residues.ss_ids.tolist(), strict=True)
    kinds = dict(zip(residue_addresses(residues), stated, strict=True))
    return [kinds[address] for address in addresses] if all(address in kinds for address in addresses) else None


def assign(residues: Residues, kinds: Kinds) -> None:
    """Give residues what was found."""
    residues.ss_types, residues.ss_ids = np.array(kinds, dtype=np.int32).T.copy()


def find_before_drawing(structure: AtomicStructure, new: Residues, found: Callable[[Kinds], None]) -> None:
    """Find helices and strands of new residues: with a window when the next picture is made, else at once.

    ChimeraX goes through the whole model for it, which would be a third of the time that a click takes. The picture
    needs the residues' cartoon in any case, and nobody sees them before.

    Parameters
    ----------
    structure : AtomicStructure
    new : Residues
    found : callable
        Told what was found, unless residues were deleted before.
    """
    from chimerax.core.triggerset import DEREGISTER

    session, count = structure.session, len(new)

    def find(*_: Any) -> Any:
        gone = structure.deleted or len(new) < count or any(residue.deleted for residue in new)
        if not gone:  # 'undo' may have been faster
            _find(structure, new)
            found(list(zip(new.ss_types.tolist(), new.ss_ids.tolist(), strict=True)))
        return DEREGISTER

    if session.ui.is_gui:
        session.triggers.add_handler("new frame", find)
    else:
        find()


def _find(structure: AtomicStructure, new: Residues) -> None:
    """Assign helices and strands of new residues; what the model says of all others stays."""
    from chimerax.dssp import compute_ss

    others = structure.residues.subtract(new)
    kinds, numbers = others.ss_types, others.ss_ids
    compute_ss(structure)
    others.ss_types = kinds
    others.ss_ids = numbers
