import pytest
import torch

from adp3d.solver.lbfgs import minimise


def _quadratic(n=30, seed=0):
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(n, n, generator=generator, dtype=torch.float64)
    hessian = root @ root.T / n + torch.diag(torch.linspace(0.01, 50, n, dtype=torch.float64))
    minimum = torch.randn(3, n, generator=generator, dtype=torch.float64)

    def objective(x):
        gap = x - minimum
        return 0.5 * torch.einsum("rn,nm,rm->r", gap, hessian, gap), gap @ hessian

    return objective, minimum, hessian


def test_reaches_the_minimum_of_a_quadratic():
    objective, minimum, _ = _quadratic()
    x = minimise(objective, lambda g: g / 10, torch.zeros_like(minimum), 120, history=30)
    torch.testing.assert_close(x, minimum, atol=1e-4, rtol=1e-4)


def test_exact_preconditioner_needs_one_step():
    objective, minimum, hessian = _quadratic()
    inverse = torch.linalg.inv(hessian)
    x = minimise(objective, lambda g: g @ inverse, torch.zeros_like(minimum), 1)
    torch.testing.assert_close(x, minimum, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("trials", [None, 1])
def test_each_replica_only_goes_down_and_steps_stay_short(trials):
    def objective(x):  # Rosenbrock, far from quadratic
        a, b = x[:, 0], x[:, 1]
        value = (1 - a) ** 2 + 100 * (b - a**2) ** 2
        gradient = torch.stack([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)], 1)
        return value, gradient

    start = torch.tensor([[-1.2, 1.0], [3.0, -2.0], [1.0, 1.0]], dtype=torch.float64)
    previous = objective(start)[0]
    for iterations in (1, 5, 40):
        x = minimise(objective, lambda g: g * 1e-2, start, iterations, longest_step=0.5, trials=trials)
        value = objective(x)[0]
        assert (value <= previous + 1e-12).all()
        previous = value
    one = minimise(objective, lambda g: g, start, 1, longest_step=0.5, trials=trials)
    assert (one - start).abs().max() <= 0.5 + 1e-12
    assert previous.max() < 0.5


def test_every_iterate_is_shown_and_the_last_one_returned():
    objective, minimum, _ = _quadratic()
    seen = []
    x = minimise(objective, lambda g: g / 10, torch.zeros_like(minimum), 6, observe=seen.append)
    assert len(seen) == 6 and torch.equal(seen[-1], x)
    values = torch.stack([objective(y)[0] for y in seen])
    assert (values.diff(dim=0) <= 1e-9).all()
    torch.testing.assert_close(x, minimise(objective, lambda g: g / 10, torch.zeros_like(minimum), 6))


def test_one_trial_an_iteration_is_the_same_where_each_is_good():
    objective, minimum, _ = _quadratic()
    ways = [minimise(objective, lambda g: g / 100, torch.zeros_like(minimum), 20, trials=n) for n in (1, 4)]
    torch.testing.assert_close(*ways, rtol=1e-12, atol=1e-12)


def test_no_value_is_looked_at_on_another_device():
    start = torch.zeros(3, 30, device="meta")  # which holds none
    x = minimise(lambda y: ((y * y).sum(1), 2 * y), lambda g: g / 10, start, 5, longest_step=0.5)
    assert x.shape == start.shape and x.device.type == "meta"
