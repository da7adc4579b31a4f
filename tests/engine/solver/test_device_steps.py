"""Steps of a job on a device other than the CPU: nothing may leave it, and all tensors have to be on it.

The device is ``meta``, whose tensors have shapes but no values: who asks for one, by ``item``, ``bool``, ``numpy`` or
``cpu``, needs a shape that depends on values, or mixes them with tensors of the CPU, gets an error.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from moved import moved

from adp3d.likelihood.density import DensityLikelihood
from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.likelihood.internal_geometry import InternalGeometryLikelihood
from adp3d.measurement.density_potential import DensityPotential
from adp3d.measurement.doubtful_potential import DoubtfulPotential
from adp3d.physics import density as physics_density
from adp3d.physics.boxes import TensorBoxes
from adp3d.physics.distances import DistanceOperator
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import Evidence, KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.registry import load_prior
from adp3d.prior.standard_map import standard_map
from adp3d.solver.adp3d import initial_state, solve
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.pins import HeldAtoms, Pins
from adp3d.solver.protocol import SolverState
from adp3d.solver.updates import ProximalUpdate
from adp3d.structure.polymer import Polymer

GRID = Grid((-20.0, -20.0, -20.0), (1.0, 1.0, 1.0), (40, 40, 40))
TIMES = np.array([0.6, 0.5, 0.4])
REPLICAS = 2


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(autouse=True)
def plain_precision(monkeypatch):
    """The device has no types of its own to choose from, which is the only thing that blocks are left out of."""
    original = torch.autocast
    monkeypatch.setattr(
        torch, "autocast", lambda device, enabled: original("cpu" if device == "meta" else device, enabled=enabled)
    )


@pytest.fixture
def residues(helix):
    return (helix - helix.mean((0, 1))).float()


@pytest.fixture
def polymer(residues):
    return Polymer.single_chain("ADKLVERTAGFSWIYNQPHM"[: len(residues)])


@pytest.fixture
def known(residues):
    mask = torch.zeros(residues.shape[:2], dtype=torch.bool)
    mask[5:12] = True
    return KnownAtoms.measured(residues, mask, torch.full(mask.shape, 0.3))


@pytest.fixture
def density(residues, polymer, monkeypatch):
    """The likelihood of a map, as a device without compiled loops computes it."""
    monkeypatch.setattr(
        physics_density,
        "choose_boxes",
        lambda grid, amplitude, width, tolerance: TensorBoxes(
            grid, physics_density._cutoff_radius(amplitude, width, tolerance)
        ),
    )
    atoms = prepare_atoms(polymer.aatype, b_factor=40.0)
    values = atoms.density(GRID)(backbone_to_atoms(residues[None], atoms))[0]
    return DensityLikelihood.from_map(values, GRID, atoms, 3.0, 0.01, blurs=(0.0, 200.0))


def _run(prior, update, evidence, device, start=None):
    """Two steps, and how many were shown."""
    noise, seen = ReplicaNoise(0, 0, REPLICAS), []
    state = initial_state(prior, 1, noise, float(TIMES[0]), torch.zeros(3, device=device), start)
    done: SolverState = solve(
        prior, [update], TIMES, state, noise, lambda state, level: seen.append(level.t) or True, evidence
    )
    assert seen == TIMES[:-1].tolist()
    return done.estimate


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=[pytest.mark.gpu, GPU])])
def test_a_step_of_refinement_never_waits_for_its_device(device, residues, polymer, known, density):
    prior = load_prior("builtin", polymer, torch.device("cpu"))
    shown = standard_map(
        torch.fft.rfftn(density.levels[0].values), GRID.shape, torch.tensor(GRID.origin), 1.0, 3.0,
        residues[:, :3].flatten(0, 1), torch.zeros(0, 3),
    )  # fmt: skip
    pins = Pins(len(residues))
    pins.hold(np.arange(len(residues))[:, None].repeat(4, 1) == 3, residues.double().numpy())
    held = HeldAtoms(known, pins)
    pairs = torch.tensor([[0, 4], [2, 9], [3, 17]])
    distances = (residues[pairs[:, 0], 1] - residues[pairs[:, 1], 1]).norm(dim=-1)
    atoms = torch.ones(3, 2, dtype=torch.int64)
    operator = DistanceOperator(pairs, atoms, torch.arange(3), 3)
    potentials = (
        DensityPotential(density, "density"),
        LikelihoodPotential("distances", DistanceLikelihood.harmonic(operator, distances, 0.5)),
        DoubtfulPotential("internal", InternalGeometryLikelihood(pairs, distances, torch.full((3,), 0.5))),
    )
    update = ProximalUpdate(prior.correlation, held, potentials, iterations=2)
    evidence = Evidence(held, shown)
    # on the CPU first: what is made once, at the first step, is made there
    expected = _run(prior, update, evidence, "cpu")
    assert torch.isfinite(expected).all()
    memo: dict[int, object] = {}
    there = [moved(thing, device, memo) for thing in (prior, update, evidence)]
    found = _run(*there, device)
    assert found.device.type == device and found.shape == expected.shape
    if device == "cuda":
        # half a step is tried in the next iteration there, in the same one here
        torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=0.05)


def test_a_look_at_a_value_would_be_noticed(polymer, known):
    prior = GaussianPrior(GlobularCorrelation(polymer.segment_lengths))

    class Asking(ProximalUpdate):
        def direction(self, z, origin, level):
            assert z.abs().max() < 1e6
            return super().direction(z, origin, level)

    there = moved(known, "meta")
    with pytest.raises(RuntimeError, match="meta"):
        _run(prior, Asking(prior.correlation, there), Evidence(there), "meta")
    assert _run(prior, ProximalUpdate(prior.correlation, there), Evidence(there), "meta").device.type == "meta"
