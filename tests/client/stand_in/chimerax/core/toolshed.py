"""core/src/toolshed/__init__.py."""

from __future__ import annotations

from typing import Any


class BundleAPI:
    """Base of what a bundle offers."""

    api_version = 0

    @staticmethod
    def start_tool(*args: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def register_command(*args: Any) -> None:
        raise NotImplementedError

    @staticmethod
    def register_selector(*args: Any) -> None:
        raise NotImplementedError

    @staticmethod
    def run_provider(session: Any, name: str, mgr: Any, **kw: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def get_class(name: str) -> type | None:
        return None


class BundleInfo:
    """core/src/toolshed/info.py: metadata of a bundle."""


class ToolInfo:
    """core/src/toolshed/info.py: metadata of a tool."""

    def __init__(self, name: str, categories: list[str], synopsis: str | None = None) -> None:
        self.name = name
        self.categories = categories
        self.synopsis = synopsis or "No synopsis given"


class CommandInfo(ToolInfo):
    """core/src/toolshed/info.py: metadata of a command."""


class SelectorInfo(ToolInfo):
    """core/src/toolshed/info.py: metadata of a name for atoms."""

    def __init__(self, name: str, synopsis: str | None = None, atomic: bool = True) -> None:
        super().__init__(name, [], synopsis)
        self.atomic = atomic
