"""What the user prefers for jobs that do not say it themselves: where they go, their device, their B-factors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract.settings import rows
from ..settings import adp3d_settings

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..engine.contract.specification import JobSpec

__all__ = ["default_folder", "folder_beside", "with_preferences"]

_DEVICE, _LEFT_TO_US = "device", "auto"
_B_FACTORS = "b_factors"


def with_preferences(session: Session, kind: type[JobSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a job with those that the user prefers in the place of those that were left out.

    Parameters
    ----------
    session : Session
    kind : type
        Specification of the kind of job.
    given : mapping
        By name; ``auto`` leaves the device out.
    """
    settings = adp3d_settings(session)
    known = {row.name for row in rows(kind)}
    found = dict(given)
    if _DEVICE in known and given.get(_DEVICE) in (None, _LEFT_TO_US) and settings.job_device:
        found[_DEVICE] = settings.job_device
    if _B_FACTORS in known and given.get(_B_FACTORS) is None and settings.job_b_factors:
        found[_B_FACTORS] = settings.job_b_factors
    return found


def default_folder() -> Path:
    """Folder for jobs of models that come from no file of the user's."""
    return _downloads() / "ADP-3D"


def folder_beside(path: str | Path | None) -> Path | None:
    """Folder of a file, for jobs on it; None if the user has no such file there or cannot write there.

    What ChimeraX has fetched lies among its downloads, which it may replace: jobs do not go there.
    """
    if not path:
        return None
    file = Path(path).absolute()
    if not file.is_file() or _downloads() in file.parents or not os.access(file.parent, os.W_OK):
        return None
    return file.parent


def _downloads() -> Path:
    return Path.home() / "Downloads" / "ChimeraX"
