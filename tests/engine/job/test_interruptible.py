"""Work between solver runs ends when asked to."""

from __future__ import annotations

import pytest
import torch

from adp3d.ensemble.denoising_energy import denoising_energy
from adp3d.job.events import Control, Stopped
from adp3d.job.interruptible import InterruptiblePrior
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior

PRIOR = GaussianPrior(GlobularCorrelation((5,)))
X = PRIOR.correlation.apply(torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0)))


def energy(prior):
    return denoising_energy(prior, X, torch.Generator().manual_seed(1))


def test_it_changes_no_figure():
    prior = InterruptiblePrior(PRIOR, Control().obey)
    assert (prior.name, prior.schedule) == (PRIOR.name, PRIOR.schedule)
    assert torch.equal(energy(prior), energy(PRIOR))


def test_it_ends_at_the_next_evaluation():
    control, calls = Control(), []

    def poll():
        calls.append(1)
        if len(calls) == 3:
            control.stop()
        control.obey()

    with pytest.raises(Stopped):
        energy(InterruptiblePrior(PRIOR, poll))
    assert len(calls) == 3
