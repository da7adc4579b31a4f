"""Replicas as lines through their CA atoms.

A line costs next to nothing to move and to draw. With software rendering, seven replicas of 170 residues as
sticks took 0.4 s for each picture, as lines 0.02 s; the backbones themselves are in the job's ensemble.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..jobs.state import Layout

__all__ = ["CA", "faint_colour", "move_trace", "new_trace", "trace_fits"]

CA = 1
"""Place of the CA among the atoms of a residue."""

_FAINTNESS = 0.5
"""Part of the background in the colour of the traces."""


def new_trace(session: Session, layout: Layout, name: str, colour: NDArray[np.uint8]) -> Model:
    """Line through the CA atoms of a layout, broken where no peptide bond leads on; not opened yet."""
    from chimerax.core.models import Model

    trace = Model(name, session)
    first = np.flatnonzero(np.array(layout.links, dtype=bool)[:-1])
    edges = np.stack([first, first + 1], axis=1).astype(np.int32)
    trace.set_geometry(layout.coordinates[:, CA].astype(np.float32), None, edges)
    trace.display_style = trace.Mesh
    trace.use_lighting = False
    trace.color = colour
    trace.SESSION_SAVE_DRAWING = True
    trace.pickable = False
    return trace


def move_trace(trace: Model, ca: NDArray[np.floating]) -> None:
    """Move the line to other CA positions (N, 3), in angstrom."""
    trace.set_geometry(np.ascontiguousarray(ca, dtype=np.float32), None, trace.triangles)


def trace_fits(trace: Model, n_residues: int) -> bool:
    """Whether a model is a trace of that many residues."""
    vertices = None if trace.deleted else getattr(trace, "vertices", None)
    return vertices is not None and len(vertices) == n_residues


def faint_colour(background: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Opaque colour near that of the background: transparency would cost drawing time."""
    rgb = np.asarray(background, dtype=np.float64)[:3]
    contrast = np.full(3, 0.0 if rgb.mean() > 0.5 else 1.0)
    rgba = np.append(_FAINTNESS * rgb + (1.0 - _FAINTNESS) * contrast, 1.0)
    colour: NDArray[np.uint8] = np.rint(255 * rgba).astype(np.uint8)
    return colour
