"""core/src/state.py."""

from __future__ import annotations

from typing import Any


class State:
    """Base of everything that sessions save."""

    SCENE = 0x1
    SESSION = 0x2

    def take_snapshot(self, session: Any, flags: int) -> Any:
        return {}

    @classmethod
    def restore_snapshot(cls, session: Any, data: Any) -> Any:
        return None


class StateManager(State):
    """State that is reset, not deleted, when a session is closed."""

    def include_state(self) -> bool:
        return True

    def reset_state(self, session: Any) -> None:
        raise NotImplementedError
