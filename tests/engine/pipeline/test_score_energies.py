"""Energies in portions: as many at once as memory holds, the same whether a run was interrupted or not."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_structures import Part, build

from adp3d.cli import main
from adp3d.contract.specs.score import INTEGRATORS, ScoreSettings
from adp3d.energy import flow
from adp3d.energy.structure import EnergySettings
from adp3d.pipeline import score_cost
from adp3d.pipeline.joint_energy import JointSettings
from adp3d.pipeline.score import read_models, score_models, score_with
from adp3d.pipeline.score_energies import fitting_memory, group_energy
from adp3d.pipeline.sequence_energy import SequenceSettings
from adp3d.pipeline.unfinished_scores import UNFINISHED, UnfinishedScores

SETTINGS = EnergySettings(steps=4, draws=2, batch=2)


def _models(tmp_path, count=5):
    parts = [Part("A", "ALSEKVLG"), Part("B", "GKTFRW", shift=(12, 0, 0))]
    build(parts).make_mmcif_document().write_file(str(tmp_path / "one.cif"))
    (model,) = read_models(tmp_path / "one.cif")
    rng = np.random.default_rng(0)
    shifts = np.where(model.polymer.chain_index[:, None, None] == 1, 1.0, 0.0)
    return [replace(model, x=model.x + shifts * rng.normal(size=3)) for _ in range(count)]


class Interrupted(Exception):
    pass


def _interrupting(after):
    def told(done, total):
        if done >= after:
            raise Interrupted

    return told


@pytest.mark.parametrize("sides", [None, (("A",), ("B",))])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path, sides):
    models, path = _models(tmp_path), tmp_path / UNFINISHED
    whole = score_models(models, SETTINGS, "builtin", "cpu", sides)
    with pytest.raises(Interrupted):
        score_models(models, SETTINGS, "builtin", "cpu", sides, None, _interrupting(2), UnfinishedScores(path))
    assert len(UnfinishedScores(path)) == 2
    heard = []
    again = score_models(
        models, SETTINGS, "builtin", "cpu", sides, None, lambda done, total: heard.append(done), UnfinishedScores(path)
    )
    assert heard[0] == 2 and heard[-1] == 5 and len(UnfinishedScores(path)) == 5
    for one, other in zip(whole, again, strict=True):
        assert other.per_residue == pytest.approx(one.per_residue, abs=2e-3)
        assert other.standard_error == pytest.approx(one.standard_error, rel=1e-3)
    # all there: nothing is computed any more, and the numbers are the same to the last digit
    third = score_models(models, SETTINGS, "builtin", "cpu", sides, unfinished=UnfinishedScores(path))
    assert [score.energy for score in third] == [score.energy for score in again]


def test_other_settings_and_other_models_are_computed_anew(tmp_path):
    model, path = _models(tmp_path, 1)[0], tmp_path / UNFINISHED
    x = torch.as_tensor(model.x, dtype=torch.float32)[None]

    def kept_after(x, settings, prior="gaussian"):
        group_energy(model.polymer, prior, x, settings, unfinished=UnfinishedScores(path))
        return len(UnfinishedScores(path))

    assert kept_after(x, SETTINGS) == kept_after(x, replace(SETTINGS, batch=7)) == 1
    assert kept_after(x, replace(SETTINGS, seed=1)) == 2
    assert kept_after(x + 0.1 * torch.randn(x.shape), SETTINGS) == 3
    assert kept_after(x, SETTINGS, "builtin") == 4


def test_the_command_goes_on_and_leaves_nothing_behind(tmp_path, capsys):
    models = _models(tmp_path, 10)
    structure = build([Part("A", "ALSEKVLG"), Part("B", "GKTFRW", shift=(12, 0, 0))])
    for number, model in enumerate(models):
        for residue, atoms in zip([r for c in structure[0] for r in c], model.x, strict=True):
            for name, position in zip(("N", "CA", "C", "O"), atoms, strict=True):
                residue[name][0].pos.fromlist(position.tolist())
        structure.make_mmcif_document().write_file(str(tmp_path / f"m{number}.cif"))
    paths = [str(tmp_path / f"m{number}.cif") for number in range(10)]
    out = tmp_path / "out"
    out.mkdir()
    settings = ScoreSettings(prior="gaussian", steps=3, draws=2, device="cpu")
    read = [model for path in paths for model in read_models(path)]
    with pytest.raises(Interrupted):
        score_with(read, settings, _interrupting(8), UnfinishedScores(out / UNFINISHED))
    words = ["score", *paths, "--prior", "gaussian", "-n", "3", "--draws", "2", "--device", "cpu"]
    assert main([*words, "-o", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"scores.csv", "scores.json"}
    table = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == table["models"]


def test_as_many_at_once_as_memory_holds(monkeypatch):
    device = torch.device("cpu")
    plenty, estimate = fitting_memory(EnergySettings(), "builtin", 20, 1000, device)
    assert plenty.batch == 8 and estimate.batch == 8
    monkeypatch.setattr(score_cost, "available_memory", lambda device: 1_500_000_000)
    fewer, less = fitting_memory(EnergySettings(), "builtin", 20, 1000, device)
    flow_of, more = fitting_memory(EnergySettings(method="flow"), "builtin", 20, 1000, device)
    assert 1 <= flow_of.batch < fewer.batch < 8
    assert less.peak_bytes < 1_500_000_000 and more.bytes_per_replica > less.bytes_per_replica
    assert more.seconds > 2 * less.seconds > 0
    joint, same = fitting_memory(JointSettings(EnergySettings(), SequenceSettings(), 3.0), "builtin", 20, 1000, device)
    assert joint.prior.batch == fewer.batch and same.seconds == less.seconds
    assert fitting_memory(SequenceSettings(), "builtin", 20, 1000, device) == (SequenceSettings(), None)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_the_flow_is_followed_as_asked_for(tmp_path, integrator):
    assert flow.INTEGRATORS == INTEGRATORS
    (model,) = _models(tmp_path, 1)
    settings = ScoreSettings(method="flow", steps=6, draws=1, prior="gaussian", device="cpu", integrator=integrator)
    coarse = score_with([model], settings)[0].energy
    fine = score_with([model], replace(settings, steps=60))[0].energy
    calls = {"euler": 6, "heun": 12, "rk4": 24}
    assert flow.CALLS[integrator] * 6 == calls[integrator]
    assert coarse == pytest.approx(fine, rel=0.2)
