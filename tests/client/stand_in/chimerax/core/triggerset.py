"""core/src/triggerset.py."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DEREGISTER = "delete handler"


def _basic_report(text):
    sys.stdout.write(text + "\n")
    traceback.print_exc(file=sys.stdout)


_report = _basic_report


def set_exception_reporter(f):
    """Who is told of exceptions in handlers; the other handlers are called nevertheless."""
    global _report
    old, _report = _report, f or _basic_report
    return old


class _TriggerHandler:
    """What add_handler returns."""

    def __init__(self, name, func, trigger_set):
        self._name = name
        self._func = func
        self._trigger_set = trigger_set
        self._blocked = 0

    def remove(self) -> None:
        self._trigger_set.remove_handler(self)

    @contextmanager
    def blocked(self) -> Iterator[None]:
        self._blocked += 1
        try:
            yield
        finally:
            self._blocked -= 1

    def invoke(self, data, remove_if_error):
        if self._blocked:
            return None
        try:
            return self._func(self._name, data)
        except Exception:
            _report(f'Error processing trigger "{self._name}"')
            return DEREGISTER if remove_if_error else None


class _Trigger:
    def __init__(self, remove_bad_handlers):
        self.handlers = []
        self.remove_bad_handlers = remove_bad_handlers
        self.locked = False
        self.pending_add = []
        self.pending_del = []

    def add(self, handler):
        (self.pending_add if self.locked else self.handlers).append(handler)

    def delete(self, handler):
        if self.locked:
            if handler in self.pending_add:
                self.pending_add.remove(handler)
            else:
                self.pending_del.append(handler)
        elif handler in self.handlers:
            self.handlers.remove(handler)

    def activate(self, data):
        locked, self.locked = self.locked, True
        for handler in list(self.handlers):
            if handler in self.pending_del:
                continue
            if handler.invoke(data, self.remove_bad_handlers) == DEREGISTER:
                self.pending_del.append(handler)
        self.locked = locked
        if not locked:
            self.handlers = [h for h in self.handlers if h not in self.pending_del] + self.pending_add
            self.pending_add, self.pending_del = [], []


class TriggerSet:
    """Named triggers with handlers, which are called in the order of registration."""

    def __init__(self):
        self._triggers = {}

    def add_trigger(
        self, name: str, *, usage_cb=None, after=None, default_one_time=False, remove_bad_handlers: bool = False
    ) -> None:
        if name in self._triggers:
            raise KeyError(f"Trigger '{name}' already exists")
        self._triggers[name] = _Trigger(remove_bad_handlers)

    def has_trigger(self, name: str) -> bool:
        return name in self._triggers

    def add_handler(self, name: str, func: Callable[[str, Any], object]) -> _TriggerHandler:
        handler = _TriggerHandler(name, func, self)
        self._triggers[name].add(handler)
        return handler

    def remove_handler(self, handler: _TriggerHandler) -> None:
        trigger = self._triggers.get(handler._name)
        if trigger is not None:
            trigger.delete(handler)

    def activate_trigger(self, name: str, data: Any, absent_okay: bool = False) -> None:
        if name in self._triggers or not absent_okay:
            self._triggers[name].activate(data)
