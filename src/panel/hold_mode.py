"""A mouse mode: a click holds a residue of the running job, another one releases it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimerax.mouse_modes import MouseMode

from .guard import guard
from .picking import picked_residue

if TYPE_CHECKING:
    from chimerax.atomic import Residue
    from chimerax.mouse_modes import MouseEvent

__all__ = ["HoldMode"]


class HoldMode(MouseMode):
    """For instance ``ui mousemode right adp3d-hold``."""

    name = "adp3d-hold"

    def mouse_up(self, event: MouseEvent) -> None:
        """Hold or release the residue under the mouse; a drag does nothing."""
        still = event.position() == self.mouse_down_position
        MouseMode.mouse_up(self, event)
        if not still:
            return
        residue = picked_residue(self.view, event.position())
        if residue is not None:
            guard(self.session, self.session.logger.status, lambda: self._toggle(residue))()

    def _toggle(self, residue: Residue) -> None:
        from chimerax.atomic import Residues
        from chimerax.core.commands import run
        from chimerax.core.errors import UserError

        from ..live.scene_actions import hold_command

        command = hold_command(self.session, Residues([residue]))
        if not command:
            raise UserError(f"{residue} is no part of a job of ADP-3D that runs; only such residues can be held.")
        run(self.session, command)
