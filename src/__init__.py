"""ChimeraX bundle of ADP-3D. Nothing but what ChimeraX asks a bundle for; everything else loads when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimerax.core.toolshed import BundleAPI

if TYPE_CHECKING:
    from chimerax.core.logger import Logger
    from chimerax.core.session import Session
    from chimerax.core.tools import ToolInstance
    from chimerax.core.toolshed import BundleInfo, CommandInfo, SelectorInfo, ToolInfo

__all__ = ["bundle_api"]

_CLASSES = {"SavedJobs": ".live.session"}
"""Classes in session files, and the modules that have them."""
_TOOLS = {
    "ADP-3D": (".panel.tool", "ADP3DTool"),
    "ADP-3D Scores": (".panel.score_tool", "ScoresTool"),
    "ADP-3D Segments": (".panel.segment_tool", "SegmentsTool"),
}
"""Tools by name: their modules and classes. There is one of each."""


class _ADP3DBundle(BundleAPI):
    """Commands, tools, toolbar button, names of residues, and classes of sessions."""

    api_version = 1

    @staticmethod
    def register_command(bundle_info: BundleInfo, command_info: CommandInfo, logger: Logger) -> None:
        """Register ``adp3d NAME``: function ``adp3d_NAME`` and description ``NAME_desc`` in ``commands/NAME.py``."""
        from importlib import import_module

        from chimerax.core.commands import register

        _offer_in_scene(logger.session)
        name = command_info.name.split()[-1]
        module = import_module(f".commands.{name}", __package__)
        description = getattr(module, f"{name}_desc")()
        if description.synopsis is None:
            description.synopsis = command_info.synopsis
        register(command_info.name, description, getattr(module, f"adp3d_{name}"), logger=logger)

    @staticmethod
    def register_selector(bundle_info: BundleInfo, selector_info: SelectorInfo, logger: Logger) -> None:
        """Register a name for residues, such as ``adp3d-new``, when it is first used."""
        from importlib import import_module

        import_module(".live.selectors", __package__).register_group(selector_info.name, selector_info.synopsis, logger)

    @staticmethod
    def start_tool(session: Session, bundle_info: BundleInfo, tool_info: ToolInfo) -> ToolInstance | None:
        """Show a tool."""
        from importlib import import_module

        from chimerax.core.tools import get_singleton

        _offer_in_scene(session)
        module, name = _TOOLS[tool_info.name]
        tool: ToolInstance | None = get_singleton(
            session, getattr(import_module(module, __package__), name), tool_info.name
        )
        return tool

    @staticmethod
    def run_provider(session: Session, name: str, mgr: object, **kw: object) -> None:
        """Act for the toolbar button."""
        from chimerax.core.commands import run

        run(session, 'ui tool show "ADP-3D"')

    @staticmethod
    def get_class(name: str) -> type | None:
        """Class of this bundle that a session file names."""
        from importlib import import_module

        module = _CLASSES.get(name)
        return None if module is None else getattr(import_module(module, __package__), name)


def _offer_in_scene(session: Session) -> None:
    """Add what can be asked from the scene; it needs a window."""
    if session.ui.is_gui:
        from importlib import import_module

        import_module(".panel.scene_menu", __package__).offer_in_scene(session)


bundle_api = _ADP3DBundle()
