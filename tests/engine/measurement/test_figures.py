"""What several measurements say together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.measurement.distances import DistanceMeasurement
from adp3d.measurement.figures import (
    described,
    figures_of,
    judges_of,
    log_likelihoods,
    potentials_among,
    residue_figures_of,
    shells_of,
)
from adp3d.physics.distances import DistanceOperator


class Plain:
    """A measurement that neither judges nor locates, and that no part can be taken of."""

    name = "plain"
    potential = "a potential"

    def figures(self, x):
        return {"height": x[:, 0, 1, 2]}

    def residue_figures(self, x):
        return {"height": x[:, 1, 2].numpy()}


def distances(first, second, length):
    """One CA-CA distance in angstrom."""
    operator = DistanceOperator.between_ca(torch.tensor([[first, second]]))
    return DistanceMeasurement(None, DistanceLikelihood.harmonic(operator, torch.tensor([length]), 1.0))


X = torch.arange(48.0).reshape(4, 4, 3)
"""CA atoms of four residues, 12 sqrt(3) angstrom apart from one to the next."""
STEP = 12.0 * np.sqrt(3.0)


def test_two_of_a_kind_have_names_of_their_own():
    both = [distances(0, 1, STEP), Plain(), distances(1, 2, STEP + 2.0)]
    told = log_likelihoods(both, X[None])
    assert {name: float(value) for name, value in told.items()} == pytest.approx(
        {"distances": 0.0, "distances_2": -2.0}, abs=1e-4
    )
    assert set(figures_of(both, X[None])) == {
        f"{name}.{figure}" for name in ("distances", "distances_2") for figure in ("log_likelihood", "satisfied")
    } | {"plain.height"}
    assert list(residue_figures_of(both, X)) == ["plain.height"]
    assert set(described(both, X[None])["measurements"]) == {"distances", "plain", "distances_2"}
    assert described([], X[None]) == {}
    assert [judge.name for judge in judges_of(both)] == ["distances", "distances"]


def test_shells_of_all_that_locate():
    known = np.repeat(np.array([True, True, False, False])[:, None], 4, 1)
    shells = shells_of([distances(0, 2, 5.0), Plain(), distances(3, 1, 6.0), distances(2, 3, 7.0)], X, known)
    assert shells.residue.tolist() == [2, 3] and shells.upper.tolist() == [5.0, 6.0]
    np.testing.assert_allclose(shells.centre, X[[0, 1], 1].numpy())
    assert len(shells_of([Plain()], X, known)) == 0


def test_of_what_has_no_place_yet_nothing_pulls():
    known = np.array([True, True, False, True])
    pulls = potentials_among([distances(0, 2, 5.0), Plain(), distances(0, 1, 5.0)], known)
    assert pulls[0] == "a potential" and [pull.name for pull in pulls[1:]] == ["distances"]
