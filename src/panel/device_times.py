"""How long a job would take on each device, as far as checks have told. Knows nothing of Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from .form import Form

__all__ = ["DeviceTimes"]

_AUTO, _CPU = "auto", "cpu"


@dataclass(frozen=True)
class DeviceTimes:
    """Estimates for one job, whatever its device; those of another job are not kept.

    Parameters
    ----------
    job : Form or None
        What was estimated, on the device ``auto``.
    seconds : mapping
        By what the panel calls the device.
    """

    job: Form | None = None
    seconds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def learn(self, form: Form, report: Mapping[str, Any] | None) -> DeviceTimes:
        """These, and what a report of ``adp3d check`` says.

        Parameters
        ----------
        form : Form
            What was checked.
        report : mapping or None
            ``cost`` has the device that was taken, its seconds, and ``seconds_on`` those of all devices there.
        """
        cost = (report or {}).get("cost")
        if not isinstance(cost, Mapping):
            return self
        asked, job = str(form.options.get("device", _AUTO)), _anywhere(form)
        known = dict(self.seconds) if job == self.job else {}
        known[asked] = float(cost["seconds"])
        if asked == _AUTO or asked.partition(":")[0] in ("cpu", "cuda", "mps"):  # else it was another computer
            known |= {_named(device): float(time) for device, time in cost.get("seconds_on", {}).items()}
        return replace(self, job=job, seconds=MappingProxyType(known))

    def texts(self, form: Form) -> dict[str, str]:
        """What is said beside each device; empty for another job than that which was checked."""
        if self.job != _anywhere(form):
            return {}
        return {device: f"about {_duration(seconds)}" for device, seconds in self.seconds.items()}


def _anywhere(form: Form) -> Form:
    return replace(form, options={**form.options, "device": _AUTO})


def _named(device: str) -> str:
    """What the panel calls a device of the engine: the first card needs no number."""
    return device.removesuffix(":0")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
