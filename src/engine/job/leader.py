"""Which replica is the best so far: decided here, once, for all who show it, hold it or compare others with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.kinds import Merit

__all__ = ["MARGIN", "Leader"]

MARGIN = 0.01
"""Part of the best value by which a replica must be better to take over. Chosen by eye: replicas that differ by less
look the same, and the picture should not jump back and forth between them."""


class Leader:
    """The best replica of a stage by what has been told of each.

    Parameters
    ----------
    state : mapping, optional
        From `state`, to go on with.

    Attributes
    ----------
    replica : int
        The best one, 0 before anything is known.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.replica = 0
        self._stage = ""
        self._scores: dict[int, float] = {}
        if state is not None:
            self.replica, self._stage = state["replica"], state["stage"]
            self._scores = {int(replica): score for replica, score in state["scores"].items()}

    @property
    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        scores = {str(replica): score for replica, score in self._scores.items()}
        return {"replica": self.replica, "stage": self._stage, "scores": scores}

    def enter(self, stage: str) -> None:
        """Compare the replicas of a stage from here on; the best one of the stage before stays until then."""
        if stage != self._stage:
            self._stage, self._scores = stage, {}

    def hear(self, merit: Merit, values: Sequence[float], first_replica: int = 0) -> None:
        """Take the figure of replicas ``first_replica``... into account.

        Another replica leads only if it is better by `MARGIN` or nothing is known of the one that led; what is not
        finite tells nothing.
        """
        for replica, value in enumerate(values, start=first_replica):
            if math.isfinite(value):
                self._scores[replica] = -value if merit.lowest else value
        if not self._scores:
            return
        first = max(self._scores, key=self._scores.__getitem__)
        lead = self._scores[first] - self._scores.get(self.replica, -math.inf)
        if lead > MARGIN * abs(self._scores[first]):
            self.replica = first

    def choose(self, replica: int) -> None:
        """Let a replica lead that was chosen by more than its figures."""
        self.replica = replica
