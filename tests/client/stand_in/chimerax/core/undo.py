"""core/src/undo.py."""

from __future__ import annotations

from typing import Any

from .errors import UserError
from .state import StateManager


class UndoAction:
    """A step that can be taken back."""

    def __init__(self, name: str, can_redo: bool = True) -> None:
        self.name = name
        self.can_redo = can_redo

    def undo(self) -> None:
        raise NotImplementedError

    def redo(self) -> None:
        raise NotImplementedError


class UndoState(UndoAction):
    """Attributes of collections or of single objects, as they were and as they are."""

    def __init__(self, name: str, can_redo: bool = True) -> None:
        super().__init__(name, can_redo)
        self.state: list[tuple[Any, str, Any, Any]] = []

    def add(self, owner: Any, attribute: str, old_value: Any, new_value: Any, option: str = "A") -> None:
        self.state.append((owner, attribute, old_value, new_value))

    def undo(self) -> None:
        for owner, attribute, old, _ in reversed(self.state):
            setattr(owner, attribute, old)

    def redo(self) -> None:
        for owner, attribute, _, new in self.state:
            setattr(owner, attribute, new)


class Undo(StateManager):
    """Stacks of steps."""

    def __init__(self, session, first=False, max_depth=10):
        self.session = session
        self.max_depth = max_depth
        self.undo_stack: list[UndoAction] = []
        self.redo_stack: list[UndoAction] = []

    def register(self, action: UndoAction) -> UndoAction:
        self.undo_stack.append(action)
        if self.max_depth > 0:
            del self.undo_stack[: -self.max_depth]
        self.redo_stack.clear()
        return action

    def deregister(self, action: UndoAction, delete_history: bool = True) -> None:
        for stack in (self.undo_stack, self.redo_stack):
            if action in stack:
                start = stack.index(action)
                del stack[0 if delete_history else start : start + 1]

    def clear(self) -> None:
        self.undo_stack.clear()
        self.redo_stack.clear()

    def top_undo_name(self) -> str | None:
        return self.undo_stack[-1].name if self.undo_stack else None

    def top_redo_name(self) -> str | None:
        return self.redo_stack[-1].name if self.redo_stack else None

    def undo(self, silent=True):
        if not self.undo_stack:
            if not silent:
                raise IndexError("pop from empty list")
            return
        action = self.undo_stack.pop()
        try:
            action.undo()
        except UserError:
            raise
        except Exception as error:
            self.session.logger.report_exception(f"undo failed: {error}")
            self.redo_stack.clear()
        else:
            if action.can_redo:
                self.redo_stack.append(action)
            else:
                self.redo_stack.clear()

    def redo(self, silent=True):
        if not self.redo_stack:
            if not silent:
                raise IndexError("pop from empty list")
            return
        action = self.redo_stack.pop()
        try:
            action.redo()
        except UserError:
            raise
        except Exception as error:
            self.session.logger.report_exception(f"redo failed: {error}")
        else:
            self.undo_stack.append(action)

    def reset_state(self, session):
        self.clear()
