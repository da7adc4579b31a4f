"""What a job says, for tests."""

from __future__ import annotations

from adp3d.job.events import NullEvents

__all__ = ["Messages"]


class Messages(NullEvents):
    """Events that keep the sentences, in ``texts``."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str, level: str = "info") -> None:
        self.texts.append(text)
