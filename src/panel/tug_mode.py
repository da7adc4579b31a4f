"""A mouse mode: a drag tugs a residue of a running job, an arrow shows where to, and the button lets it go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from chimerax.mouse_modes import MouseMode
from numpy.typing import NDArray

from .guard import guard
from .picking import picked_residue

if TYPE_CHECKING:
    from chimerax.atomic import Residue
    from chimerax.core.session import Session
    from chimerax.mouse_modes import MouseEvent

    from ..live.steering import Tugging

__all__ = ["TugMode"]


class TugMode(MouseMode):
    """For instance ``ui mousemode right adp3d-tug``.

    The place pulled to is on the line of sight under the mouse, as near as it comes to where the residue was when the
    button went down: it moves in the plane of the window, as in ISOLDE and in ChimeraX's own mode for tugging.
    """

    name = "adp3d-tug"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._tugging: Tugging | None = None
        self._start: NDArray[np.float64] = np.zeros(3)
        self._handler: Any = None

    def mouse_down(self, event: MouseEvent) -> None:
        """Take the residue under the mouse."""
        MouseMode.mouse_down(self, event)
        self._let_go()
        residue = picked_residue(self.view, event.position())
        if residue is not None:
            guard(self.session, self.session.logger.status, lambda: self._take(residue))()

    def mouse_drag(self, event: MouseEvent) -> None:
        """Pull it to where the mouse is."""
        tugging = self._tugging
        if tugging is None:
            return
        near, far = self.view.clip_plane_points(*event.position())
        if near is not None and far is not None:
            way = far - near
            place = near + ((self._start - near) @ way / (way @ way)) * way
            guard(self.session, self.session.logger.status, lambda: tugging.aim(place))()

    def mouse_up(self, event: MouseEvent) -> None:
        """Let it go."""
        MouseMode.mouse_up(self, event)
        self._let_go()

    def _take(self, residue: Residue) -> None:
        from chimerax.core.errors import UserError

        from ..live.scene_actions import running_job
        from ..live.steering import Tugging, rows_of

        job = running_job(self.session, [residue])
        if job is None:
            raise UserError(f"{residue} is no part of a job of ADP-3D that runs; only such residues can be tugged.")
        (row,) = rows_of(job, [residue])
        atom = residue.find_atom("CA")
        if atom is None:
            raise UserError(f"{residue} has no CA atom to be tugged.")
        self._tugging = Tugging(self.session, job, row)
        self._start = np.array(atom.scene_coord, dtype=np.float64)
        # the last place of a drag has to arrive although the mouse stands still
        flush = guard(self.session, self.session.logger.status, self._tugging.flush)
        self._handler = self.session.triggers.add_handler("new frame", flush)

    def _let_go(self) -> None:
        tugging, self._tugging = self._tugging, None
        handler, self._handler = self._handler, None
        if handler is not None:
            self.session.triggers.remove_handler(handler)
        if tugging is not None:
            guard(self.session, self.session.logger.status, tugging.end)()
