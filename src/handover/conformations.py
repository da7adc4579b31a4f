"""Alternative conformations of an atom: what ChimeraX tells only of the one that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import Atom

__all__ = ["conformation_bfactors"]


def conformation_bfactors(atom: Atom) -> dict[str, float]:
    """B-factor of each conformation by its name; the one that is shown stays so, and nobody is told of a change."""
    found: dict[str, float] = {}
    with atom.suppress_alt_loc_change_notifications():
        for loc in atom.alt_locs:
            atom.alt_loc = loc
            found[loc.strip()] = float(atom.bfactor)
    return found
