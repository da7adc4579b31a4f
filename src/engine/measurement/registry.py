"""Measurements by name, which any job that starts from a model may take beside its own: one line each.

Other packages add theirs through the entry point group ``adp3d.measurements``: the name of the entry point is that
of the measurement, and its object a `Load`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..contract.errors import InputError
from ..contract.plugins import MEASUREMENTS, plugins
from ..contract.requests import parse_request
from . import copies, density, distances, saxs, sequence
from .protocol import Load, Measurement, Scene

__all__ = ["BUILT_IN", "load_measurements", "registered"]

BUILT_IN: Mapping[str, Load] = {
    copies.NAME: copies.load,
    density.NAME: density.load,
    distances.NAME: distances.load,
    saxs.NAME: saxs.load,
    sequence.NAME: sequence.load,
}
"""Measurements of this package."""


def registered() -> tuple[str, ...]:
    """Names of all measurements, those of other packages included."""
    return (*BUILT_IN, *(name for name in plugins(MEASUREMENTS) if name not in BUILT_IN))


def load_measurements(requests: Sequence[str] | None, scene: Scene) -> tuple[Measurement, ...]:
    """Measurements that a job takes beside its own, bound to its residues.

    Parameters
    ----------
    requests : sequence of str or None
        As `adp3d.contract.requests` reads them.
    scene : Scene

    Raises
    ------
    InputError
        If there is no such measurement, or it cannot be used.
    """
    return tuple(_load(text, scene) for text in requests or ())


def _load(text: str, scene: Scene) -> Measurement:
    request = parse_request(text)
    load = BUILT_IN.get(request.name)
    if load is None:
        found = plugins(MEASUREMENTS).get(request.name)
        if found is None:
            raise InputError(
                f"There is no measurement {request.name!r}: choose one of {', '.join(sorted(registered()))}."
            )
        load = found.load()
    return load(request, scene)
