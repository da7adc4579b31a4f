"""core/src/tools.py."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, TypeVar

from .state import State

if TYPE_CHECKING:
    from .session import Session


class ToolInstance(State):
    """A running tool."""

    SESSION_ENDURING = False
    SESSION_SAVE = False
    help: str | None = None
    tool_window: Any = None

    def __init__(self, session: Session, tool_name: str) -> None:
        self.session = session
        self.tool_name = tool_name
        self.display_name = tool_name
        session.tools.add([self])

    def delete(self) -> None:
        self.session.tools.remove([self])

    def displayed(self) -> bool:
        return self.tool_window.shown

    def display(self, b: bool) -> None:
        self.tool_window.shown = b

    def display_help(self) -> None:
        from .commands import run

        run(self.session, f"help {self.help}" if self.help is not None else "")


_Tool = TypeVar("_Tool", bound=ToolInstance)


def get_singleton(
    session: Session, tool_class: type[_Tool], tool_name: str, create: bool = True, display: bool = False
) -> _Tool | None:
    if not session.ui.is_gui:
        return None
    running = [tool for tool in session.tools.find_by_class(tool_class) if tool.display_name == tool_name]
    if len(running) > 1:
        raise RuntimeError(f"too many {tool_name} instances running")
    tool = running[0] if running else tool_class(session, tool_name) if create else None
    if display and tool is not None:
        tool.display(True)
    return tool


class Tools:
    """Running tools of a session."""

    def __init__(self, session, first=False):
        self._tools = []

    def add(self, tools):
        self._tools.extend(tools)

    def remove(self, tools):
        self._tools = [tool for tool in self._tools if tool not in tools]

    def list(self) -> builtins.list[ToolInstance]:
        return list(self._tools)

    def find_by_class(self, cls: type[_Tool]) -> builtins.list[_Tool]:
        return [tool for tool in self._tools if isinstance(tool, cls)]
