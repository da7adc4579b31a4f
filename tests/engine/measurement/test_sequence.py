"""The sequence as a measurement: requests, its pull, and a job with it, by a small network with random weights."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone
from small_protein_mpnn import NEIGHBOURS, small_weights
from told import Messages

from adp3d.cli.app import run
from adp3d.contract.errors import InputError
from adp3d.contract.specification import CompleteSpec
from adp3d.likelihood.protein_mpnn import ProteinMPNN
from adp3d.likelihood.protein_mpnn_weights import MPNN_WEIGHTS_VARIABLE
from adp3d.likelihood.sequence import SequenceLikelihood
from adp3d.measurement.design_networks import DESIGN_NETWORKS
from adp3d.measurement.figures import log_likelihoods
from adp3d.measurement.protocol import Scene
from adp3d.measurement.registry import load_measurements
from adp3d.measurement.sequence import SequenceMeasurement
from adp3d.pipeline import complete
from adp3d.prior.schedule import LogSnrSchedule
from adp3d.solver.protocol import Level
from adp3d.structure.polymer import Polymer

POLYMER = Polymer.single_chain("MKVLAAGITR")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file like the published ones, found by the environment variable."""
    path = tmp_path / "small.pt"
    torch.save({"model_state_dict": small_weights(), "num_edges": NEIGHBOURS}, path)
    monkeypatch.setenv(MPNN_WEIGHTS_VARIABLE, str(path))
    return path


def _backbones(replicas=3):
    x = build_backbone([-62.0] * 10, [-43.0] * 10)
    return torch.as_tensor(x + 0.3 * np.random.default_rng(1).normal(size=(replicas, *x.shape)))


def _level(t):
    return Level(3, 10, t, *LogSnrSchedule().at(t))


def test_it_pulls_late_by_a_quadratic_about_the_estimate():
    likelihood = SequenceLikelihood.of_polymer(ProteinMPNN(small_weights(), NEIGHBOURS), POLYMER, "cpu")
    potential = SequenceMeasurement(likelihood, 2.0, DESIGN_NETWORKS["proteinmpnn"]).potential
    x = _backbones()
    early = potential.at(x, _level(0.7))
    assert not early.value_and_gradient(x)[1].any() and not early.curvature(x).any()
    late = potential.at(x, _level(0.3))
    value, gradient = late.value_and_gradient(x)
    expected = likelihood.value_and_gradient(x)
    torch.testing.assert_close(value, -2.0 * expected[0])
    torch.testing.assert_close(gradient, -2.0 * expected[1])
    moved = x + 0.5
    torch.testing.assert_close(
        late.value_and_gradient(moved)[1] - gradient, 0.5 * late.curvature(x)[..., None].expand_as(x)
    )
    # a small step against its gradient raises the probability
    assert (likelihood(x - 1e-3 * gradient) > expected[0]).all()


def test_without_a_weight_it_tells_and_judges_but_does_not_pull():
    likelihood = SequenceLikelihood.of_polymer(ProteinMPNN(small_weights(), NEIGHBOURS), POLYMER, "cpu")
    measurement, x = SequenceMeasurement(likelihood, 0.0, DESIGN_NETWORKS["proteinmpnn"]), _backbones()
    assert not measurement.potential.at(x, _level(0.1)).value_and_gradient(x)[1].any()
    mean = measurement.figures(x)["log_probability"]
    torch.testing.assert_close(mean, likelihood(x) / 10)
    assert measurement.residue_figures(x[0])["log_probability"].mean() == pytest.approx(float(mean[0]))
    judged = log_likelihoods([measurement, replace(measurement, weight=0.3)], x)
    torch.testing.assert_close(judged["sequence"], likelihood(x))  # in full, whatever the weight


def test_requests_that_cannot_be_used_are_refused(weights):
    scene = Scene(POLYMER, (), _backbones(1)[0].numpy(), None, torch.device("cpu"), Messages())
    (found,) = load_measurements(["sequence 0.5"], scene)
    assert (found.name, found.weight) == ("sequence", 0.5)
    assert load_measurements(["sequence"], scene)[0].weight == 0.0
    (named,) = load_measurements(["sequence 0.5 proteinmpnn"], scene)
    assert (named.weight, named.entry, named.likelihood.network) == (0.5, found.entry, found.likelihood.network)
    for request in ("sequence@file", "sequence much", "sequence 1 chroma 2", "sequence -1", "sequence nan"):
        with pytest.raises(InputError, match="takes one number, its weight"):
            load_measurements([request], scene)
    with pytest.raises(InputError, match="no design network 'alphafold': choose proteinmpnn or chroma"):
        load_measurements(["sequence 1 alphafold"], scene)


def test_the_weight_is_a_setting_that_is_given_once():
    spec = CompleteSpec(model="m.cif", output="out", sequence_weight=0.25, measure=("saxs@c.dat",))
    assert spec.further == ("saxs@c.dat", "sequence 0.25 proteinmpnn")
    assert CompleteSpec(model="m.cif", output="out").further == ()
    with pytest.raises(InputError, match="asked for twice"):
        CompleteSpec(model="m.cif", output="out", sequence_weight=0.25, measure=("sequence",))


def test_files_of_measurements_have_settings_of_their_own():
    spec = CompleteSpec(model="m.cif", output="out", distance_restraints="cross links.csv", saxs="curve.dat")
    assert spec.further == ('distances@"cross links.csv"', "saxs@curve.dat")
    for settings in (
        {"saxs": "a.dat", "measure": ("saxs@b.dat",)},
        {"distance_restraints": "a", "measure": ("distances@b",)},
    ):
        with pytest.raises(InputError, match="asked for twice, by 'measure' and by"):
            CompleteSpec(model="m.cif", output="out", **settings)


def test_a_job_takes_the_sequence_as_a_measurement(small, weights, tmp_path, monkeypatch):
    out, ranked = tmp_path / "out", []
    rank = complete.rank_replicas
    monkeypatch.setattr(complete, "rank_replicas", lambda *given: ranked.append((given, rank(*given))) or ranked[-1][1])
    words = ["complete", str(small.model), "-s", small.sequence, "-o", str(out), "--replicas", "2", "--steps", "6"]
    words += ["--prior", "gaussian", "--side-chains", "none", "--no-relax", "--sequence-weight", "0.1"]
    assert run(words) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    told = metrics["measurements"]["sequence"]["log_probability"]
    assert -6.0 < told < -1.0
    ((_, _, further), ranking) = ranked[0]
    assert set(further) == {"sequence"} and further["sequence"].shape == (2,)
    # atoms move by thousandths of an angstrom when geometry is made regular, after the choice
    assert float(further["sequence"][ranking.chosen]) / len(small.sequence) == pytest.approx(told, abs=0.3)


def test_without_weights_a_job_says_what_is_missing(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(MPNN_WEIGHTS_VARIABLE, str(tmp_path / "nowhere.pt"))
    words = ["complete", str(small.model), "-o", str(tmp_path / "out"), "--sequence-weight", "1", "--prior", "gaussian"]
    assert run(words) == 2
    assert "There is no file of ProteinMPNN's weights" in capsys.readouterr().err
