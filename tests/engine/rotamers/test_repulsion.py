from __future__ import annotations

import pytest
import torch

from adp3d.rotamers.kinds import kind_of_element
from adp3d.rotamers.repulsion import repulsion


def energy(distance, a, b):
    kinds = torch.tensor([kind_of_element(a)]), torch.tensor([kind_of_element(b)])
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
