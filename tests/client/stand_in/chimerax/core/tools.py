"""core/src/tools.py."""

from .state import State


class ToolInstance(State):
    """A running tool."""

    SESSION_ENDURING = False
    SESSION_SAVE = False
    help = None

    def __init__(self, session, tool_name):
        self.session = session
        self.tool_name = tool_name
        self.display_name = tool_name
        self.tool_window = None
        session.tools.add([self])

    def delete(self):
        self.session.tools.remove([self])

    def displayed(self):
        return self.tool_window.shown

    def display_help(self):
        from .commands import run

        run(self.session, f"help {self.help}" if self.help is not None else "")


class Tools:
    """Running tools of a session."""

    def __init__(self, session, first=False):
        self._tools = []

    def add(self, tools):
        self._tools.extend(tools)

    def remove(self, tools):
        self._tools = [tool for tool in self._tools if tool not in tools]

    def list(self):
        return list(self._tools)

    def find_by_class(self, cls):
        return [tool for tool in self._tools if isinstance(tool, cls)]
