from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.physics.form_factors import B_PER_VARIANCE, electron_form_factors
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, local_frames, prepare_atoms
from adp3d.structure.polymer import AMINO_ACIDS, Polymer

IDEAL = torch.tensor(
    [[1.3612, -0.5225, 0.0], [0.0, 0.0, 0.0], [0.0, 1.525, 0.0], [-1.07, 2.14, 0.2]], dtype=torch.float64
)
SEQUENCE = "GAXRWPKS"


def prepare(sequence=SEQUENCE, **options):
    return prepare_atoms(Polymer.single_chain(sequence).aatype, dtype=torch.float64, **options)


def backbone(n=8, replicas=2, noise=0.05):
    generator = torch.Generator().manual_seed(3)
    turns = Rotation.random(replicas * n, random_state=0).as_matrix().reshape(replicas, n, 3, 3)
    x = torch.einsum("rnij,aj->rnai", torch.tensor(turns), IDEAL)
    x = x + 10 * torch.randn(replicas, n, 1, 3, generator=generator, dtype=torch.float64)
    return x + noise * torch.randn(x.shape, generator=generator, dtype=torch.float64)


def test_each_residue_has_its_atoms():
    atoms = prepare()
    count = np.bincount(atoms.residue.numpy())
    assert count.tolist() == [4, 5, 5, 8, 8, 8, 8, 8]
    assert atoms.n_residues == len(SEQUENCE)
    assert atoms.n_atoms == count.sum() == len(atoms.b_factor)
    xyz = backbone_to_atoms(backbone(), atoms)
    assert xyz.shape == (2, atoms.n_atoms, 3)
    torch.testing.assert_close(xyz[:, :32], backbone().flatten(1, 2))


def test_backbone_alone():
    atoms = prepare(side_chains=False)
    assert atoms.n_atoms == 4 * len(SEQUENCE)
    x = backbone()
    torch.testing.assert_close(backbone_to_atoms(x, atoms), x.flatten(1, 2))


def test_sites_turn_and_move_with_the_backbone():
    atoms, x = prepare(), backbone()
    turn = torch.tensor(Rotation.random(random_state=5).as_matrix())
    shift = torch.tensor([3.0, -7.0, 11.0], dtype=torch.float64)
    moved = backbone_to_atoms(x @ turn.T + shift, atoms)
    torch.testing.assert_close(moved, backbone_to_atoms(x, atoms) @ turn.T + shift)


def test_frames_are_orthonormal_and_right_handed():
    frames = local_frames(backbone())
    torch.testing.assert_close(
        frames @ frames.transpose(-1, -2),
        torch.eye(3, dtype=torch.float64).expand_as(frames),
        atol=1e-3,
        rtol=0,
    )
    assert (torch.linalg.det(frames) > 0.99).all()


@pytest.mark.parametrize("code", [code for code in AMINO_ACIDS if code != "G"])
def test_beta_carbon_has_the_geometry_of_l_amino_acids(code):
    cb = backbone_to_atoms(IDEAL[None, None], prepare(code))[0, 4]
    n, ca, c = IDEAL[:3]
    assert float((cb - ca).norm()) == pytest.approx(1.53, abs=0.03)
    for other in (n, c):
        cosine = torch.dot(cb - ca, other - ca) / ((cb - ca).norm() * (other - ca).norm())
        assert np.degrees(np.arccos(float(cosine))) == pytest.approx(110.0, abs=8.0)
    # seen from hydrogen, CO, R and N follow each other clockwise
    assert float(torch.dot(torch.linalg.cross(n - ca, c - ca), cb - ca)) > 0


def test_sites_carry_the_scattering_of_the_side_chain():
    side_chains = {"R": "CCCNCNN", "W": "CCCCNCCCCC", "M": "CCSC", "D": "CCOO", "G": "", "X": "C"}
    for code, elements in side_chains.items():
        atoms = prepare(code)
        charge = float((atoms.occupancy * atoms.amplitude.sum(-1))[4:].sum())
        assert charge == pytest.approx(electron_form_factors(elements)[0].sum(), rel=2e-3)


def test_b_factors_and_occupancies_follow_the_residues():
    b = np.array([10.0, 50.0])
    atoms, plain = prepare("AR", b_factor=b, occupancy=np.array([1.0, 0.5])), prepare("AR")
    torch.testing.assert_close(atoms.b_factor - plain.b_factor, torch.tensor(b)[atoms.residue])
    torch.testing.assert_close(
        atoms.occupancy / plain.occupancy, torch.tensor([1.0, 0.5], dtype=torch.float64)[atoms.residue]
    )
    assert float(plain.b_factor[-1]) > B_PER_VARIANCE  # an arginine's far end spreads over more than 1 A


def test_derivatives():
    atoms, x = prepare("RG"), backbone(2, 1).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda y: backbone_to_atoms(y, atoms), x, atol=1e-7)


def test_levers_are_the_derivatives_at_ideal_geometry():
    atoms = prepare("RA")
    x = IDEAL.expand(1, 2, 4, 3).clone()
    jacobian = torch.autograd.functional.jacobian(lambda y: backbone_to_atoms(y, atoms), x)[0, 8:, :, 0]
    sites = torch.arange(len(atoms.local))
    own = jacobian[sites, :, atoms.residue[8:]]  # (P, xyz, atom, xyz)
    expected = own.square().sum((1, 3))[:, :3] / 3
    torch.testing.assert_close(atoms.lever, expected, rtol=1e-3, atol=1e-4)
    assert float(own[:, :, 3].abs().max()) == 0  # O moves no side chain


def test_gradients_stay_finite_when_atoms_line_up():
    atoms = prepare("R")
    x = torch.zeros(1, 1, 4, 3, dtype=torch.float64)
    x[..., 0, 0], x[..., 2, 0] = -1.0, 1.0
    x.requires_grad_(True)
    (gradient,) = torch.autograd.grad(backbone_to_atoms(x, atoms).square().sum(), x)
    assert torch.isfinite(gradient).all()


def test_density_operator_adds_the_blur():
    atoms = prepare("AG", b_factor=20.0)
    grid = Grid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (8, 8, 8))
    operator = atoms.density(grid, blur=30.0, tolerance=1e-2)
    torch.testing.assert_close(operator.b_factor, atoms.b_factor + 30.0)
    assert operator.n_atoms == atoms.n_atoms


def test_atoms_of_some_residues_are_those_of_their_sequence():
    rows, b = torch.tensor([1, 2, 4, 7]), np.linspace(10, 80, len(SEQUENCE))
    part = prepare(b_factor=b).of_residues(rows)
    own = prepare("".join(SEQUENCE[i] for i in rows), b_factor=b[rows])
    for name in ("residue", "local", "amplitude", "width", "b_factor", "occupancy", "lever"):
        torch.testing.assert_close(getattr(part, name), getattr(own, name))
    assert part.n_residues == 4
