"""The weight of the map while a job runs."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["USUAL_WEIGHT", "DensityWeight"]

USUAL_WEIGHT = 1.0
"""Factor on the weight of a map of which nothing more is known: its noise as estimated."""


class DensityWeight:
    """What the user said last, else what was proposed last.

    Parameters
    ----------
    measurement : str
        Name of the map among the measurements.
    given : float or None
        The user's, before the job.
    """

    def __init__(self, measurement: str, given: float | None) -> None:
        self._measurement = measurement
        self._table = {measurement: USUAL_WEIGHT if given is None else given}
        self.steered = False

    @property
    def table(self) -> Mapping[str, float]:
        """By name of measurement, as it is at any time."""
        return self._table

    @property
    def value(self) -> float:
        """As it is now."""
        return self._table[self._measurement]

    def change(self, settings: Mapping[str, float]) -> None:
        """Take over what the user changes while the job runs; from then on nothing is proposed."""
        if "density_weight" in settings:
            self._table[self._measurement] = settings["density_weight"]
            self.steered = True

    def propose(self, weight: float) -> None:
        """Use another weight, unless the user has said one while the job runs."""
        if not self.steered:
            self._table[self._measurement] = weight
