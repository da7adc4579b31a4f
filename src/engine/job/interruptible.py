"""Work between solver runs that can take minutes and must end when the user asks for it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..prior.evidence import NOTHING, Evidence
from ..prior.protocol import Correlation, Prior, Schedule

__all__ = ["InterruptiblePrior"]


class InterruptiblePrior:
    """A prior that asks before each evaluation whether to go on.

    Not for the solver, which asks after each step and saves its state then.

    Parameters
    ----------
    prior : Prior
    poll : callable
        What it raises ends the evaluation; `adp3d.job.events.Control.obey`.
    """

    def __init__(self, prior: Prior, poll: Callable[[], None]) -> None:
        self._prior = prior
        self._poll = poll

    @property
    def name(self) -> str:
        """Name of the prior."""
        return self._prior.name

    @property
    def correlation(self) -> Correlation:
        """Noise correlation operator of the prior."""
        return self._prior.correlation

    @property
    def schedule(self) -> Schedule:
        """Noise schedule of the prior."""
        return self._prior.schedule

    @property
    def sees_known(self) -> bool:
        """Whether the prior looks at known atoms."""
        return self._prior.sees_known

    @property
    def sees_density(self) -> bool:
        """Whether the prior looks at maps."""
        return self._prior.sees_density

    def denoise(self, x_t: Tensor, t: float, evidence: Evidence = NOTHING) -> Tensor:
        """Estimate of the prior; shapes as in `Prior.denoise`."""
        self._poll()
        return self._prior.denoise(x_t, t, evidence)
