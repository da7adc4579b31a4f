"""dssp/src/__init__.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure


def compute_ss(structure: AtomicStructure, **kw: Any) -> None:
    """Helices and strands are not found here: every residue stays as it is."""
