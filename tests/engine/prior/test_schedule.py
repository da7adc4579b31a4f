import numpy as np
import pytest
import torch

from adp3d.prior.schedule import LogSnrSchedule, step_times


def test_variance_is_preserved_and_ends_are_chromas():
    schedule = LogSnrSchedule()
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(t))
    torch.testing.assert_close(2 * torch.log(alpha / sigma), schedule.log_snr(t))
    assert schedule.log_snr(t)[0] == 13.5
    assert schedule.log_snr(t)[-1] == -7.0
    a, s = schedule.at(0.35)
    assert (a, s) == pytest.approx(
        (schedule.alpha(torch.tensor(0.35)).item(), schedule.sigma(torch.tensor(0.35)).item()), rel=1e-5
    )


def test_times_fall_evenly_from_start_to_nearly_nothing():
    times = step_times(50, start=0.9)
    assert times.shape == (51,)
    assert times[0] == pytest.approx(0.9)
    assert times[-1] == pytest.approx(0.001)
    np.testing.assert_allclose(np.diff(times), -(0.9 - 0.001) / 50)


@pytest.mark.parametrize(("steps", "start"), [(0, 1.0), (5, 1.1), (5, 0.001), (5, -0.2)])
def test_impossible_times_are_refused(steps, start):
    with pytest.raises(ValueError):
        step_times(steps, start)
