"""core/src/commands/cli.py, class Annotation: what specifiers of models and all other types of arguments are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any


class Annotation:
    """Type of an argument: a class, or an instance where it has parameters."""

    allow_repeat: bool | str = False
    name = "an argument"

    def __init__(self, name: str | None = None, url: str | None = None, html_name: str | None = None) -> None:
        if name is not None:
            self.name = name

    if TYPE_CHECKING:
        parse: Callable[..., Any]
        """Value, text that was used and the rest, from a text and the session; a method of any kind."""
    else:

        @staticmethod
        def parse(text, session):
            raise NotImplementedError
