"""Where tools of some height open."""

from __future__ import annotations

from typing import Any

__all__ = ["free_side"]


def free_side(session: Any) -> str:
    """Side of the window on which ChimeraX does not put its tools.

    In their column the panel would leave the Log, Models and Volume Viewer no room, and have too little itself.
    Where the user has moved it, and saved that, ChimeraX opens it there.
    """
    return "left" if session.ui.settings.default_tool_window_side == "right" else "right"
