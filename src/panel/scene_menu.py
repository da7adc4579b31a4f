"""Entries of the menu that a double click in the scene opens, and the mouse modes that hold and tug residues.

ChimeraX has no way to take entries away; those here are not seen where there is nothing to be done. They are there from
the first use of the bundle in a session; this module and the modes load nothing else of it before they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimerax.mouse_modes import SelectContextMenuAction, SelectMouseMode

from .guard import guard
from .hold_mode import HoldMode
from .tug_mode import TugMode

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..live.scene_actions import SceneAction

__all__ = ["ACTION_NAMES", "SceneEntry", "offer_in_scene"]

_ATTRIBUTE = "_adp3d_scene_menu"
ACTION_NAMES = ("build", "rebuild", "all atoms", "hold", "release", "compare")
"""Of `live.scene_actions.ACTIONS`, in the order of the menu."""


class SceneEntry(SelectContextMenuAction):
    """One entry of the menu. Versions of ChimeraX differ in whether they give the event.

    Parameters
    ----------
    name : str
        One of `live.scene_actions.ACTIONS`.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def label(self, session: Session, event: object = None) -> str:
        """What it says."""
        action = self._action(session)
        return f"ADP-3D: {action.label}" if action is not None else "ADP-3D"

    def criteria(self, session: Session, event: object = None) -> bool:
        """Whether it is there."""
        return self._action(session) is not None

    def callback(self, session: Session, event: object = None) -> None:
        """Give the command."""

        def act() -> None:
            from chimerax.core.commands import run
            from chimerax.core.errors import UserError

            action = self._action(session)
            if action is not None and action.why_not:
                raise UserError(action.why_not)
            if action is not None:
                run(session, action.command)

        guard(session, session.logger.status, act)()

    def _action(self, session: Session) -> SceneAction | None:
        from chimerax.core.errors import UserError

        from ..live.scene_actions import ACTIONS

        try:
            return ACTIONS[self._name](session)
        except UserError as error:
            session.logger.status(str(error))
            return None


def offer_in_scene(session: Session) -> None:
    """Add the entries and the mouse modes, once in a session that has a window."""
    if not session.ui.is_gui or hasattr(session, _ATTRIBUTE):
        return
    entries = [SceneEntry(name) for name in ACTION_NAMES]
    setattr(session, _ATTRIBUTE, entries)
    for entry in entries:
        SelectMouseMode.register_menu_entry(entry)
    modes = session.ui.mouse_modes
    for mode in (HoldMode, TugMode):
        if modes.named_mode(mode.name) is None:
            modes.add_mode(mode(session))
