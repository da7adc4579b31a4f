"""What other packages add to this one, by the entry points that they declare. Nothing of theirs is imported here."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

__all__ = ["MEASUREMENTS", "PRIORS", "plugins"]

PRIORS = "adp3d.priors"
"""Entry point group of priors: each object is an `adp3d.prior.registry.Entry`."""
MEASUREMENTS = "adp3d.measurements"
"""Entry point group of measurements: each object is an `adp3d.measurement.protocol.Load`."""


def plugins(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name, in alphabetic order."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}
