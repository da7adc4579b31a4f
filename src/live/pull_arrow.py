"""The arrow from a residue that the user tugs to the place where it is pulled, below the live model.

It follows the residue, and is closed with the live model, when the residue is let go, and when the job ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .arrows import arrow_mesh

if TYPE_CHECKING:
    from chimerax.core.models import Model

__all__ = ["PullArrow"]

_NAME = "tug"
_COLOUR = (0, 158, 115, 255)
"""Bluish green of Okabe and Ito: seen on black and on white, and none of the colours of confidence, fit and pins."""
_LEAST = 0.05
"""Angstrom below which there is nothing to be seen."""


class PullArrow:
    """The arrow of one job.

    Attributes
    ----------
    row : int or None
        Position in the layout of the residue that is pulled.
    """

    def __init__(self) -> None:
        self.row: int | None = None
        self._target: NDArray[np.float64] = np.zeros(3)
        self._model: Model | None = None

    def point(self, below: Model, row: int, target: NDArray[np.floating], ca: NDArray[np.floating]) -> None:
        """Point from a residue to a place.

        Parameters
        ----------
        below : Model
            The live model.
        row : int
        target : ndarray, shape (3,)
            In the model's frame, in angstrom.
        ca : ndarray, shape (N, 3)
            CA atoms of all residues there.
        """
        from chimerax.core.models import Model

        self.row, self._target = row, np.asarray(target, dtype=np.float64)
        if self._model is None or self._model.deleted:
            self._model = Model(_NAME, below.session)
            self._model.color = np.array(_COLOUR, dtype=np.uint8)
            self._model.pickable = False
            self._model.SESSION_SAVE = False
            below.session.models.add([self._model], parent=below)
        self.move(ca)

    def move(self, ca: NDArray[np.floating]) -> None:
        """Begin where the CA atoms (N, 3) are now, in angstrom."""
        if self.row is None or self._model is None or self._model.deleted:
            return
        start = np.asarray(ca[self.row], dtype=np.float64)
        far = float(np.linalg.norm(self._target - start))
        seen = np.isfinite(far) and far > _LEAST
        self._model.display = bool(seen)
        if seen:
            self._model.set_geometry(*arrow_mesh(start[None], self._target[None]))

    def close(self) -> None:
        """Take it away."""
        model, self._model, self.row = self._model, None, None
        if model is not None and not model.deleted:
            model.session.models.close([model])
