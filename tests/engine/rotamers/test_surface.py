from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from adp3d.rotamers.contacts import REACH, contact
from adp3d.rotamers.kinds import BESIDE, TRUNK, kind_of_element
from adp3d.rotamers.surface import FixedAtoms, surface_near


def fixed_of(xyz, kinds, owner, exempt, bonded):
    return FixedAtoms(
        np.array(xyz, np.float64), torch.tensor(kinds), torch.tensor(owner), torch.tensor(exempt), torch.tensor(bonded)
    )


def test_atoms_do_not_touch_their_own_residue():
    carbon = kind_of_element("C")
    none = [[-1, -1]] * 3
    fixed = fixed_of([[0, 0, 0], [3, 0, 0], [0, 3, 0]], [carbon] * 3, [7, 8, -1], [-1, 7, -1], none)
    mine, kind = torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([0])
    near = surface_near(fixed, cKDTree(fixed.xyz), mine, torch.tensor([7]), REACH, 8)
    one = float(contact(torch.tensor([5.0]), kind, torch.tensor([carbon])))
    assert float(near.energy(mine, kind)) == pytest.approx(one)
    other = surface_near(fixed, cKDTree(fixed.xyz), mine, torch.tensor([6]), REACH, 8)
    assert float(other.energy(mine, kind)) > 2 * one


def test_backbones_of_bonded_residues_are_seen_as_such():
    fixed = fixed_of([[0, 0, 0], [6, 0, 0]], [TRUNK, TRUNK], [4, 9], [-1, -1], [[3, 5], [8, 10]])
    mine = torch.tensor([[3.0, 0.0, 0.0]])
    near = surface_near(fixed, cKDTree(fixed.xyz), mine, torch.tensor([5]), REACH, 2)
    assert sorted(near.kind[0].tolist()) == [TRUNK, BESIDE]
    assert bool(near.counts.all())
