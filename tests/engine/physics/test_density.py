from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from radial_density import radial_density

from adp3d.contract.errors import InputError
from adp3d.physics import boxes
from adp3d.physics.boxes import TensorBoxes
from adp3d.physics.compiled_boxes import CompiledBoxes
from adp3d.physics.density import AtomDensity, Grid
from adp3d.physics.form_factors import electron_form_factors

GRID = Grid((-4.0, 3.0, 1.0), (0.8, 1.0, 0.9), (16, 14, 15))
ELEMENTS = ["C", "N", "O", "S"]


def make(grid=GRID, elements=ELEMENTS, b=(30.0, 45.0, 60.0, 20.0), tolerance=1e-12, occupancy=1.0):
    a, width = electron_form_factors(elements)
    n = len(elements)
    return AtomDensity(
        grid,
        torch.tensor(a),
        torch.tensor(width),
        torch.tensor(b[:n], dtype=torch.float64),
        torch.full((n,), occupancy, dtype=torch.float64),
        tolerance,
    )


def positions(*batch, n=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    low, step = torch.tensor(GRID.origin), torch.tensor(GRID.spacing)
    size = step * (torch.tensor(GRID.shape) - 1)
    return (low + size * torch.rand(*batch, n, 3, generator=generator)).double()


def distances(grid, point):
    axes = [o + s * np.arange(n) for o, s, n in zip(grid.origin, grid.spacing, grid.shape, strict=True)]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return np.linalg.norm(mesh - np.asarray(point), axis=-1)


def whole_grid_sum(operator, xyz):
    total = np.zeros(operator.grid.shape)
    for i, point in enumerate(xyz.numpy()):
        r = distances(operator.grid, point)
        a, b = operator.amplitude[i].numpy(), operator.width[i].numpy()
        total += float(operator.occupancy[i]) * radial_density(r, a, b, float(operator.b_factor[i]))
    return total


def test_sum_over_atoms_matches_the_closed_form():
    operator, xyz = make(occupancy=0.7), positions()
    np.testing.assert_allclose(operator(xyz).numpy(), whole_grid_sum(operator, xyz), atol=1e-10)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-4])
def test_neglected_density_stays_below_the_tolerance(tolerance):
    operator, xyz = make(elements=["C"], tolerance=tolerance), positions(n=1)
    exact = whole_grid_sum(operator, xyz)
    density = operator(xyz).numpy()
    peak = radial_density(np.zeros(1), operator.amplitude[0].numpy(), operator.width[0].numpy(), 30.0)[0]
    assert np.abs(density - exact).max() <= tolerance * peak
    inside = distances(GRID, xyz[0].numpy()) <= float(operator.radius[0])
    np.testing.assert_allclose(density[inside], exact[inside], rtol=1e-10)


def test_radius_is_where_the_density_reaches_the_tolerance():
    operator = make(tolerance=1e-3)
    for i in range(operator.n_atoms):
        r = np.array([0.0, float(operator.radius[i])])
        a, b = operator.amplitude[i].numpy(), operator.width[i].numpy()
        peak, edge = radial_density(r, a, b, float(operator.b_factor[i]))
        assert edge / peak == pytest.approx(1e-3, rel=1e-6)


def test_gradients_by_finite_differences():
    operator = make()
    xyz = positions(2).requires_grad_(True)
    b_factor = operator.b_factor.clone().requires_grad_(True)
    occupancy = torch.tensor([1.0, 0.5, 0.8, 1.2], dtype=torch.float64, requires_grad=True)
    field = torch.randn(2, *GRID.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda *inputs: (operator(*inputs) * field).sum((1, 2, 3)), (xyz, b_factor, occupancy), atol=1e-6
    )


def test_gradient_without_graph_equals_autograd():
    operator, xyz = make(tolerance=1e-3), positions(3).requires_grad_(True)
    field = torch.randn(3, *GRID.shape, dtype=torch.float64)
    (expected,) = torch.autograd.grad((operator(xyz) * field).sum(), xyz)
    torch.testing.assert_close(operator.gradient(field, xyz.detach()), expected)


def test_adjoint():
    operator, xyz = make(tolerance=1e-3, occupancy=0.6), positions(2)
    field = torch.randn(2, *GRID.shape, dtype=torch.float64)
    direct = (operator(xyz) * field).sum((1, 2, 3))
    torch.testing.assert_close(operator.adjoint(field, xyz).sum(-1), direct)


def test_one_field_may_serve_all_replicas():
    operator, xyz = make(), positions(3)
    field = torch.randn(GRID.shape, dtype=torch.float64)
    stacked = field.expand(3, *GRID.shape)
    torch.testing.assert_close(operator.adjoint(field, xyz), operator.adjoint(stacked, xyz))
    torch.testing.assert_close(operator.gradient(field, xyz), operator.gradient(stacked, xyz))


def test_leading_dimensions_are_independent():
    operator, xyz = make(), positions(2, 3)
    density = operator(xyz)
    assert density.shape == (2, 3, *GRID.shape)
    torch.testing.assert_close(density[1, 2], operator(xyz[1, 2]))


def test_atoms_outside_the_grid_contribute_what_falls_inside():
    low = [o - 6 * s for o, s in zip(GRID.origin, GRID.spacing, strict=True)]
    wide = Grid(tuple(low), GRID.spacing, tuple(n + 12 for n in GRID.shape))
    xyz = torch.tensor(
        [[-5.0, 9.0, 7.0], [2.0, 17.5, 14.5], [0.0, 2.0, 0.5], [500.0, -900.0, 0.0]], dtype=torch.float64
    )
    small, large = make(tolerance=1e-4), make(wide, tolerance=1e-4)
    inner = large(xyz)[6:-6, 6:-6, 6:-6]
    torch.testing.assert_close(small(xyz), inner)
    xyz.requires_grad_(True)
    (gradient,) = torch.autograd.grad(small(xyz).square().sum(), xyz)
    assert torch.isfinite(gradient).all()
    assert (gradient[3] == 0).all()
    assert (gradient[:3].abs().sum(-1) > 0).all()


@settings(max_examples=15, deadline=None)
@given(shift=st.tuples(*[st.integers(-2, 2)] * 3), b=st.floats(15.0, 80.0))
def test_shift_by_voxels_and_conservation_of_charge(shift, b):
    grid = Grid((0.0, 0.0, 0.0), (0.7, 0.8, 0.9), (30, 28, 26))
    operator = make(grid, ["C"], b=(b,), tolerance=1e-6)
    xyz = torch.tensor([[10.3, 11.1, 11.9]], dtype=torch.float64)
    density = operator(xyz)
    moved = operator(xyz + torch.tensor(shift) * torch.tensor(grid.spacing, dtype=torch.float64))
    torch.testing.assert_close(torch.roll(density, shift, (0, 1, 2)), moved, atol=1e-9, rtol=1e-6)
    assert float(density.sum()) * grid.voxel_volume == pytest.approx(float(operator.charge[0]), rel=2e-3)


def test_pieces_of_any_size_give_the_same_result(monkeypatch):
    operator, xyz = make(), positions(2)
    field = torch.randn(GRID.shape, dtype=torch.float64)
    density, gradient = operator(xyz), operator.gradient(field, xyz)
    monkeypatch.setitem(boxes._VOXELS_AT_ONCE, "cpu", 1)
    torch.testing.assert_close(operator(xyz), density)
    torch.testing.assert_close(operator.gradient(field, xyz), gradient)


def test_work_grows_linearly_with_atoms():
    def box_voxels(n):
        operator = make(elements=["C"] * n, b=(40.0,) * n, tolerance=1e-3)
        return sum(len(group.atoms) * group.size**3 for group in operator.boxes.groups)

    assert box_voxels(400) == 4 * box_voxels(100)


def test_every_atom_has_a_box_that_covers_its_radius():
    operator = make(elements=["C"] * 30, b=tuple(np.linspace(5, 300, 30)), tolerance=1e-3)
    assert sorted(torch.cat([group.atoms for group in operator.boxes.groups]).tolist()) == list(range(30))
    assert len(operator.boxes.groups) > 3
    for group in operator.boxes.groups:
        assert float(operator.radius[group.atoms].max()) <= group.radius
        assert group.size * min(GRID.spacing) > 2 * group.radius


def test_closed_form_integrals_match_sums():
    n, step = 48, 0.3
    operator = make(Grid((0.0,) * 3, (step,) * 3, (n,) * 3), ["O"], b=(40.0,), occupancy=0.5, tolerance=1e-9)
    density = operator(torch.full((1, 3), n * step / 2, dtype=torch.float64)).numpy()
    k = np.fft.fftfreq(n, step)
    square = k[:, None, None] ** 2 + k[:, None] ** 2 + k**2
    power = np.abs(np.fft.fftn(density) * step**3) ** 2 / (n * step) ** 3
    numeric = (4 * np.pi**2 * square * power).sum()
    assert float(operator.gradient_energy[0]) == pytest.approx(numeric, rel=1e-4)
    assert float(operator.square_integral[0]) == pytest.approx((density**2).sum() * step**3, rel=1e-4)
    assert float(operator.charge[0]) == pytest.approx(density.sum() * step**3, rel=1e-4)


def test_single_precision_agrees_with_double():
    double = make(tolerance=1e-3)
    single = AtomDensity(
        GRID, *(t.float() for t in (double.amplitude, double.width, double.b_factor, double.occupancy)), 1e-3
    )
    xyz = positions()
    density = double(xyz)
    in_tensors = TensorBoxes(GRID, double.radius).density(xyz.float()[None], *single.gaussians())[0]
    assert float((in_tensors.double() - density).abs().max()) < 1e-5 * float(density.max())


def test_unusable_parameters_are_refused():
    with pytest.raises(InputError, match="B-factors"):
        make(b=(-60.0, 1.0, 1.0, 1.0))
    with pytest.raises(InputError, match="B-factors"):
        make(b=(math.nan, 1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="tolerance"):
        make(tolerance=0.0)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_single_precision_on_the_cpu_is_compiled(kind):
    coefficients = [torch.ones(2, 5, dtype=kind), torch.ones(2, 5, dtype=kind), torch.ones(2, dtype=kind)]
    operator = AtomDensity(GRID, *coefficients, torch.ones(2, dtype=kind))
    assert isinstance(operator.boxes, CompiledBoxes if kind == torch.float32 else TensorBoxes)
    three = AtomDensity(GRID, *(c[:, :3] for c in coefficients[:2]), coefficients[2], torch.ones(2, dtype=kind))
    assert isinstance(three.boxes, TensorBoxes)
