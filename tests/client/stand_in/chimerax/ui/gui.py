"""ui/src/gui.py: windows of tools; they are not docked, as there is no main window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from Qt.QtWidgets import QWidget

if TYPE_CHECKING:
    from chimerax.core.tools import ToolInstance


class MainToolWindow:
    """Window of a tool; `ui_area` is the parent of the tool's widgets."""

    def __init__(self, tool_instance: ToolInstance, **kw: Any) -> None:
        self.tool_instance = tool_instance
        self.title = tool_instance.display_name
        self.ui_area = QWidget()
        self.shown = False
        self.placement = None

    def manage(self, placement: str | None = None, **kw: Any) -> None:
        self.placement = placement
        self.ui_area.show()
        self.shown = True

    def destroy(self) -> None:
        self.ui_area.close()
        self.ui_area.deleteLater()
