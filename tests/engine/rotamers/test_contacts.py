from __future__ import annotations

from itertools import product

import pytest
import torch

from adp3d.rotamers.contacts import FIRST, REACH, STEP, contact
from adp3d.rotamers.kinds import BESIDE, N_KINDS, N_MOVING, TRUNK, kind_of_element
from adp3d.rotamers.repulsion import repulsion

METHYL, CATION, CARBOXYLATE = 1, 4, 8


def energy(distance, a, b, firm=0.0):
    return float(contact(torch.tensor([distance**2]), torch.tensor([a]), torch.tensor([b]), firm))


def test_crystals_like_what_chemistry_likes():
    assert energy(2.85, CATION, CARBOXYLATE) < -0.3 < 0.0 < energy(2.85, METHYL, CARBOXYLATE)
    assert energy(3.9, METHYL, METHYL) < 0.0 < energy(3.0, METHYL, METHYL)


def test_it_does_not_matter_which_atom_comes_first():
    for a, b in product(range(N_MOVING), range(N_KINDS)):
        assert energy(3.3, a, b) == pytest.approx(energy(3.3, b, a), abs=1e-6)


def test_energy_ends_in_zero_and_is_continuous():
    kinds = torch.tensor([METHYL]).expand(400), torch.tensor([TRUNK + 3]).expand(400)
    distance = torch.linspace(2.4, REACH + 0.2, 400)
    values = contact(distance.square(), *kinds)
    assert float(values[distance > REACH].abs().max()) < 1e-3
    assert float(values.diff().abs().max()) < 0.1


def test_gradient_is_the_slope():
    square = torch.tensor([3.4**2], dtype=torch.float64, requires_grad=True)
    kinds = torch.tensor([METHYL]), torch.tensor([TRUNK])
    assert FIRST + 3 * STEP < 3.4 < FIRST + 4 * STEP
    assert torch.autograd.gradcheck(lambda x: contact(x, *kinds, 1.0), square, eps=1e-4, atol=1e-3)


def test_atoms_that_have_moved_are_held_to_the_full_repulsion_unless_bonded():
    full = float(repulsion(torch.tensor([2.9**2]), torch.tensor([METHYL]), torch.tensor([TRUNK + 2])))
    loose, firm = energy(2.9, METHYL, TRUNK + 2), energy(2.9, METHYL, TRUNK + 2, 1.0)
    assert loose < 0.3 * full < 0.8 * full < firm - loose <= full
    assert energy(2.9, METHYL, BESIDE + 2, 1.0) == energy(2.9, METHYL, BESIDE + 2)


def test_ligands_only_repel():
    other = kind_of_element("C")
    assert energy(4.2, METHYL, other) == 0.0
    assert energy(2.5, METHYL, other) > 10.0
