"""What all solver runs of a refinement have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..contract.specification import RefineSpec
from ..job.sampling import Sampling
from ..measurement.protocol import Measurement
from ..solver.pins import Pins

__all__ = ["Course"]


@dataclass(frozen=True)
class Course:
    """What all runs of a refinement have in common.

    Attributes
    ----------
    spec : RefineSpec
    further : sequence of Measurement
        Measurements beside the map.
    weights : mapping of str to float
        By name of measurement; may change while the job runs.
    sampling : Sampling
    pins : Pins
    """

    spec: RefineSpec
    further: Sequence[Measurement]
    weights: Mapping[str, float]
    sampling: Sampling
    pins: Pins
