"""What it means for a running job that the user has closed models."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["closed_sentence"]

_ORDER = ("model", "map", "live models")


def closed_sentence(job_id: int, parts: Collection[str]) -> str:
    """One sentence about what was closed of a job: ``model``, ``map`` and ``live models``."""
    names = [name for name in _ORDER if name in parts]
    what = " and the ".join([", the ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    verb = "was" if len(names) == 1 and not names[0].endswith("s") else "were"
    text = f"The {what} of ADP-3D job {job_id} {verb} closed; the job goes on"
    if "model" in parts or "map" in parts:
        text += " with its own copy" if len({"model", "map"}.intersection(parts)) == 1 else " with its own copies"
    if "model" in parts:
        text += f", and 'adp3d accept {job_id} newModel true' opens its result when it has finished"
    return text + "."
