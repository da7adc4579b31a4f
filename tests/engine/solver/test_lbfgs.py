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


def test_each_replica_only_goes_down_and_steps_stay_short():
    def objective(x):  # Rosenbrock, far from quadratic
        a, b = x[:, 0], x[:, 1]
        value = (1 - a) ** 2 + 100 * (b - a**2) ** 2
        gradient = torch.stack([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)], 1)
        return value, gradient

    start = torch.tensor([[-1.2, 1.0], [3.0, -2.0], [1.0, 1.0]], dtype=torch.float64)
    previous = objective(start)[0]
    for iterations in (1, 5, 40):
        x = minimise(objective, lambda g: g * 1e-2, start, iterations, longest_step=0.5)
        value = objective(x)[0]
        assert (value <= previous + 1e-12).all()
        previous = value
    one = minimise(objective, lambda g: g, start, 1, longest_step=0.5)
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
