"""Completion: what it is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..kinds import COMPLETE
from .model import ModelSpec

__all__ = ["CompleteSpec"]


@dataclass(frozen=True, kw_only=True)
class CompleteSpec(ModelSpec):
    """Complete a partial model without a map."""

    kind: ClassVar[str] = COMPLETE.name
