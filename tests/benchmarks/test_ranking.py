"""Which replica each way of ranking chooses."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def ranking(load):
    return load("ranking")


def test_ways_choose_by_fit_by_energy_and_by_both(ranking):
    fit = torch.tensor([-10.0, -11.0, -60.0])
    energies = {"denoising energy": torch.tensor([0.9, 0.2, 0.1]), "flow": torch.tensor([-500.0, -900.0, -950.0])}
    found = ranking.choices("log_likelihood", fit, energies)
    assert found["fit"] == 0
    assert found["denoising energy alone"] == found["flow alone"] == 2
    # the second is hardly worse by fit, and nearly the best by either energy
    assert found["now"] == found["fit and flow"] == 1


def test_means_are_those_of_each_task_and_way(ranking):
    rows = [
        {"task": task, "protein": protein, "way": way, "rmsd": rmsd, "above_best": rmsd - 1.0}
        for task, protein, way, rmsd in (("a", "p", "fit", 1.0), ("a", "q", "fit", 3.0), ("b", "p", "fit", 5.0))
    ]
    first, second = ranking.summarise(rows)
    assert (first["task"], first["proteins"]) == ("a", 2)
    assert (first["rmsd"], first["above_best"]) == (pytest.approx(2.0), pytest.approx(1.0))
    assert second["rmsd"] == 5.0
