"""Where the starting model was, as a faint line beside the live model, which hides it.

The model itself is not made transparent: two cartoons in one place are drawn through each other, and how it was drawn
before would have to be known. The line costs next to nothing, and goes with the live model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .traces import CA

if TYPE_CHECKING:
    from chimerax.core.models import Model
    from chimerax.core.session import Session
    from numpy.typing import NDArray

    from ..jobs.state import Layout

__all__ = ["new_ghost"]

_NAME = "starting model"


def new_ghost(session: Session, layout: Layout, colour: NDArray[np.uint8]) -> Model | None:
    """Line through the CA atoms that the starting model has, not opened yet; None where it has none."""
    from chimerax.core.models import Model

    known = np.array(layout.known, dtype=bool)
    if not known.any():
        return None
    links = np.array(layout.links, dtype=bool)[:-1]
    first = np.flatnonzero(links & known[:-1] & known[1:])
    edges = np.stack([first, first + 1], axis=1).astype(np.int32)
    ghost = Model(_NAME, session)
    ghost.set_geometry(layout.coordinates[:, CA].astype(np.float32), None, edges)
    ghost.display_style = ghost.Mesh
    ghost.use_lighting = False
    ghost.color = colour
    ghost.pickable = False
    ghost.SESSION_SAVE = False
    return ghost
