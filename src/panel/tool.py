"""The tool ADP-3D of ChimeraX's Tools menu."""

from __future__ import annotations

from typing import Any

from chimerax.core.tools import ToolInstance
from chimerax.ui import MainToolWindow

from .free_side import free_side
from .panel import Panel

__all__ = ["ADP3DTool"]


class ADP3DTool(ToolInstance):
    """Window with the panel.

    Parameters
    ----------
    session : Session
    tool_name : str
        Name of the tool in the description of the bundle.
    """

    SESSION_ENDURING = False
    SESSION_SAVE = False
    help = "help:user/tools/adp3d.html"

    def __init__(self, session: Any, tool_name: str) -> None:
        super().__init__(session, tool_name)
        self.display_name = "ADP-3D"
        self.tool_window = MainToolWindow(self)
        self.panel = Panel(session, self.tool_window.ui_area, self.display_help)
        self.tool_window.manage(placement=free_side(session))

    def delete(self) -> None:
        """Close the window; jobs go on."""
        self.panel.close()
        super().delete()
