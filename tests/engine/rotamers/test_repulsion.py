from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from adp3d.rotamers.repulsion import FixedAtoms, element_class, repulsion, surface_near


def energy(distance, a, b):
    kinds = torch.tensor([element_class(a)]), torch.tensor([element_class(b)])
    return float(repulsion(torch.tensor([distance**2]), *kinds))


def test_contacts_as_crystals_have_them_cost_nothing_and_clashes_much():
    assert energy(3.8, "C", "C") == 0.0
    assert energy(2.8, "N", "O") == 0.0  # a hydrogen bond
    assert energy(2.8, "C", "C") > 10.0
    assert energy(2.0, "O", "C") == 25.0
    assert energy(3.75 - 0.18, "C", "C") == pytest.approx(0.5, rel=1e-3)
    assert energy(3.3, "C", "N") == energy(3.3, "N", "C")


def test_disulfides_are_bonds():
    assert energy(2.05, "S", "S") == 0.0
    assert energy(3.0, "S", "S") > 3.0


def test_atoms_do_not_run_into_their_own_residue():
    fixed = FixedAtoms(
        np.array([[0.0, 0, 0], [3.0, 0, 0], [0, 3.0, 0]]), torch.tensor([0, 0, 0]), torch.tensor([7, 8, -1]),
        torch.tensor([-1, 7, -1]),
    )  # fmt: skip
    mine = torch.tensor([[1.0, 1.0, 0.0]])
    near = surface_near(fixed, cKDTree(fixed.xyz), mine, torch.tensor([7]), 4.0, 8)
    expected = repulsion(torch.tensor([5.0]), torch.tensor([0]), torch.tensor([0]))
    assert float(near.energy(mine, torch.tensor([0]))) == pytest.approx(float(expected))
    other = surface_near(fixed, cKDTree(fixed.xyz), mine, torch.tensor([6]), 4.0, 8)
    assert float(other.energy(mine, torch.tensor([0]))) > 2 * float(expected)
