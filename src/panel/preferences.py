"""What the panel remembers for the next session: the task and the options that concern no one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chimerax.core.settings import Settings

from ..engine.contract.kinds import KINDS
from .fields import panel_fields, tasks, valid_options

__all__ = ["PanelMemory"]


class _PanelSettings(Settings):
    AUTO_SAVE = {"task": next(iter(KINDS)), "options": {}}  # noqa: RUF012  (ChimeraX reads it as a class attribute)


class PanelMemory:
    """Task and options, kept in a file of ChimeraX's settings."""

    def __init__(self, session: Any) -> None:
        self._settings = _PanelSettings(session, "ADP-3D panel")

    def recall(self) -> tuple[str, dict[str, Any]]:
        """Task and options of last time; defaults for what is missing or does not fit."""
        task = self._settings.task
        offered = [kind.name for kind in tasks()]
        return (task if task in offered else offered[0]), valid_options(self._settings.options)

    def keep(self, task: str, options: Mapping[str, Any]) -> None:
        """Store the task and the options.

        ChimeraX refuses to store anything when it was started in its safe mode; then nothing is kept.
        """
        from chimerax.core import configfile

        if configfile.only_use_defaults:
            return
        self._settings.task = task
        self._settings.options = {f.keyword: options[f.keyword] for f in panel_fields() if f.row.setting.remembered}
