"""Marks on the residues that a running job holds: small octahedra around their CA atoms, below the live model.

They move with it, and are closed with it, when the residues are released, and when the job ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimerax.core.models import Model

__all__ = ["Pins"]

_NAME = "held residues"
_RADIUS = 0.9
"""Angstrom: stands out of a cartoon, whose ribbons are 0.4 A thick and 2 A wide."""
_COLOUR = (204, 121, 167, 255)
"""Reddish purple of Okabe and Ito: none of the colours of confidence and fit."""
_CORNERS = np.concatenate([np.eye(3), -np.eye(3)])
_FACES = np.array([(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)], np.int32)


class Pins:
    """The marks of one job."""

    def __init__(self) -> None:
        self._rows: tuple[int, ...] = ()
        self._model: Model | None = None

    @property
    def rows(self) -> tuple[int, ...]:
        """Positions in the layout of the residues that are marked."""
        return self._rows

    def mark(self, below: Model, rows: Iterable[int], ca: NDArray[np.floating]) -> None:
        """Mark residues, and no others.

        Parameters
        ----------
        below : Model
            The live model.
        rows : iterable of int
        ca : ndarray, shape (N, 3)
            CA atoms of all residues in the model's frame, in angstrom.
        """
        from chimerax.core.models import Model

        wanted = tuple(sorted(rows))
        if wanted == self._rows:  # marks that the user has closed do not come back by themselves
            return
        self.close()
        self._rows = wanted
        if not wanted:
            return
        self._model = Model(_NAME, below.session)
        self._model.color = np.array(_COLOUR, dtype=np.uint8)
        self._model.pickable = False
        self._model.SESSION_SAVE = False
        self.move(ca)
        below.session.models.add([self._model], parent=below)

    def move(self, ca: NDArray[np.floating]) -> None:
        """Put the marks where the CA atoms (N, 3) are now, in angstrom."""
        if self._model is not None and not self._model.deleted:
            places = np.asarray(ca)[list(self._rows)]
            self._model.set_geometry(*_octahedra(places[np.isfinite(places).all(axis=1)]))

    def close(self) -> None:
        """Take all marks away."""
        model, self._model, self._rows = self._model, None, ()
        if model is not None and not model.deleted:
            model.session.models.close([model])


def _octahedra(centres: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (6 n, 3), normals (6 n, 3) and triangles (8 n, 3)."""
    vertices = np.asarray(centres, np.float64)[:, None] + _RADIUS * _CORNERS
    normals = np.broadcast_to(_CORNERS, vertices.shape)
    triangles = _FACES[None] + len(_CORNERS) * np.arange(len(vertices), dtype=np.int32)[:, None, None]
    return (
        vertices.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        triangles.reshape(-1, 3).astype(np.int32),
    )
