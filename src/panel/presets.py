"""Named settings of the panel: how many replicas a job takes, with the usual steps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..engine.contract.settings import rows
from ..engine.contract.specification import CommonSpec

__all__ = ["CUSTOM", "PRESETS", "STANDARD", "preset_of"]

STANDARD = "standard"
"""The preset that equals the defaults of the commands."""

CUSTOM = "custom"
"""What the panel calls settings that are no preset's."""

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "quick": MappingProxyType({"replicas": 4, "steps": None}),
        STANDARD: MappingProxyType(
            {row.keyword or row.name: row.default for row in rows(CommonSpec) if row.setting.always}
        ),
        "thorough": MappingProxyType({"replicas": 16, "steps": None}),
    }
)
"""Options by preset: a first look, the defaults of the commands, and a result to publish."""


def preset_of(options: Mapping[str, Any]) -> str:
    """Name of the preset whose options all have the given values, or `CUSTOM`."""
    for name, preset in PRESETS.items():
        if all(options.get(option) == value for option, value in preset.items()):
            return name
    return CUSTOM
