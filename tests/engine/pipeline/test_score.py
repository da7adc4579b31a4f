"""Scores of models in files: who is compared with whom, what is left out, and the Gaussian chain in closed form."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch
from small_protein_mpnn import NEIGHBOURS, small_weights
from small_structures import Part, build

from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.contract.specs.score import ScoreSettings
from adp3d.energy.structure import EnergySettings
from adp3d.likelihood.protein_mpnn_weights import MPNN_WEIGHTS_VARIABLE, read_protein_mpnn
from adp3d.likelihood.sequence import SequenceLikelihood
from adp3d.pipeline import sequence_energy
from adp3d.pipeline.score import read_models, score_models, score_with
from adp3d.pipeline.score_report import remarks, rows_of, write_scores
from adp3d.pipeline.score_request import score_request
from adp3d.prior.correlation import GlobularCorrelation

SETTINGS = EnergySettings(method="path", steps=60, draws=1)


def chain_of(name, shift, count):
    return Part(name, ("ALS" * count)[:count], shift=shift)


def write(path, *models, change=lambda chain: None):
    structure = build(models[0])
    for number, parts in enumerate(models[1:], 2):
        other = build(parts)[0]
        other.num = number
        structure.add_model(other)
    change(structure[0][0])
    structure.make_mmcif_document().write_file(str(path))
    return path


def without(chain, number, name):
    chain[number].remove_atom(name, "*")


def test_energies_of_the_gaussian_chain(tmp_path):
    models = read_models(write(tmp_path / "two.cif", [chain_of("A", (0, 0, 0), 12)], [chain_of("A", (5, 0, 0), 12)]))
    assert [model.name for model in models] == ["two.cif 1", "two.cif 2"]
    found = score_models(models, SETTINGS, "gaussian", "cpu")
    assert found[0].group == found[1].group == 0
    assert found[0].energy == pytest.approx(found[1].energy, rel=1e-5)  # wherever it lies
    assert found[0].per_residue.sum() == pytest.approx(found[0].energy)
    correlation = GlobularCorrelation(models[0].polymer.segment_lengths)
    x = torch.as_tensor(models[0].x)
    y = correlation.inverse((x - x.mean((0, 1)))[None])
    log_snr = 13.5 - 20.5 * 0.05
    variance = 1 + math.exp(-log_snr)
    exact = 0.5 * float((y**2 / variance + math.log(2 * math.pi * variance)).sum()) + correlation.log_determinant
    assert found[0].energy == pytest.approx(exact, rel=1e-3)


def test_how_a_model_is_turned_does_not_matter(tmp_path):
    """Fewest noise levels, so that energies are anything but exact."""
    (model,) = read_models(write(tmp_path / "one.cif", [chain_of("A", (0, 0, 0), 12)]))
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    turned = replace(model, x=model.x @ rotation + 7.0)
    found = score_models([model, turned], EnergySettings(steps=3, draws=1), "gaussian", "cpu")
    assert found[1].per_residue == pytest.approx(found[0].per_residue, rel=1e-3, abs=1e-3)


def test_only_the_same_molecule_is_compared(tmp_path):
    one = write(tmp_path / "one.cif", [chain_of("A", (0, 0, 0), 10)])
    longer = write(tmp_path / "longer.cif", [chain_of("A", (0, 0, 0), 11)])
    models = read_models(one) + read_models(longer) + read_models(one)
    found = score_models(models, EnergySettings(steps=3, draws=1), "gaussian", "cpu")
    assert [score.group for score in found] == [0, 1, 0]
    assert [row["above_lowest"] for row in rows_of(found)] == [0.0, 0.0, 0.0]
    assert remarks(found, False) == [
        "Models of different molecules form groups: only energies of one group can be compared."
    ]


def test_a_reference_is_compared_with_the_residues_that_both_have(tmp_path):
    one = write(tmp_path / "one.cif", [chain_of("A", (0, 0, 0), 10)])
    longer = write(tmp_path / "longer.cif", [chain_of("A", (0, 0, 0), 11)])
    other = write(tmp_path / "other.cif", [Part("A", "WWWWWWWW")])
    models = [read_models(path)[0] for path in (one, longer, other)]
    found = score_models(models, EnergySettings(steps=3, draws=1), "gaussian", "cpu", reference=models[0])
    assert [score.ca_rmsd for score in found] == [pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6), None]
    assert [row["compared"] for row in rows_of(found)] == [10, 10, None]
    assert remarks(found, True)[1:] == [
        "longer.cif: CA RMSD over 10 of 11 residues, those that the reference has, too.",
        "other.cif: no CA RMSD, as the reference is of another protein.",
    ]


def test_chains_are_compared_by_name_whatever_their_order(tmp_path):
    """Three chains of one sequence, in two orders: sides of an interface and RMSDs are of the chains named."""
    chains = {
        name: chain_of(name, shift, 8) for name, shift in zip("ABC", ((0, 0, 0), (12, 0, 0), (0, 30, 0)), strict=True)
    }
    one = read_models(write(tmp_path / "abc.cif", [chains[name] for name in "ABC"]))[0]
    two = read_models(write(tmp_path / "cab.cif", [chains[name] for name in "CAB"]))[0]
    assert two.polymer.chain_ids == ("C", "A", "B")
    settings = EnergySettings(steps=4, draws=1)
    found = score_models([one, two], settings, "builtin", "cpu", (("A", "B"), ("C",)), one)
    assert found[1].model.labels == found[0].model.labels and found[1].group == 0
    assert found[1].energy == pytest.approx(found[0].energy, rel=1e-4)
    assert [score.ca_rmsd for score in found] == pytest.approx([0, 0], abs=1e-6)


def test_strained_bonds_are_no_breaks_if_a_model_or_the_reference_shows_them_bonded(tmp_path):
    (model,) = read_models(write(tmp_path / "whole.cif", [chain_of("A", (0, 0, 0), 12), chain_of("B", (0, 20, 0), 6)]))

    def strained(path, residues):
        def change(chain):
            for residue in residues:
                for atom in chain[residue]:
                    atom.pos += gemmi.Position(0, 0, 1.5)

        return read_models(write(path, [chain_of("A", (0, 0, 0), 12), chain_of("B", (0, 20, 0), 6)], change=change))[0]

    bad, worse = strained(tmp_path / "bad.cif", [4]), strained(tmp_path / "worse.cif", [4, 8])
    assert model.polymer.segment_lengths == (12, 6)
    assert all(len(one.polymer.segment_lengths) > 2 for one in (bad, worse)), "alone, what is far apart is a break"
    settings = EnergySettings(steps=4, draws=1)
    found = score_models([bad, model, worse], settings, "builtin", "cpu")
    assert [score.group for score in found] == [0, 0, 0]
    # they are judged as bonded, as the one without strain is
    alone = score_models([model], settings, "builtin", "cpu")[0]
    assert found[1].per_residue.sum() < found[0].per_residue.sum() < found[2].per_residue.sum()
    assert found[1].energy == pytest.approx(alone.energy, rel=0.02)
    by_reference = score_models([bad], settings, "builtin", "cpu", reference=model)[0]
    broken = score_models([bad], settings, "builtin", "cpu")[0]
    assert by_reference.energy > broken.energy, "a bond too long is worse than a break"
    assert by_reference.ca_rmsd is not None


def test_residues_without_a_backbone_are_a_break(tmp_path):
    def change(chain):
        without(chain, 4, "CA")
        without(chain, 2, "O")

    (whole,) = read_models(write(tmp_path / "whole.cif", [chain_of("A", (0, 0, 0), 9)]))
    (model,) = read_models(write(tmp_path / "gap.cif", [chain_of("A", (0, 0, 0), 9)], change=change))
    assert model.left_out == 1 and len(model.labels) == 8 and np.isfinite(model.x).all()
    assert whole.polymer.segment_lengths == (9,) and model.polymer.segment_lengths == (4, 4)
    # the place of the oxygen, within what a bent peptide is out of its plane
    assert np.linalg.norm(model.x[2, 3] - whole.x[2, 3]) < 0.1


def test_an_interface_of_independent_chains_is_worth_nothing(tmp_path):
    path = write(tmp_path / "complex.cif", [chain_of(n, (12 * k, 0, 0), 8) for k, n in enumerate("ABC")])
    found = score_models(read_models(path), replace(SETTINGS, placed=True), "gaussian", "cpu", (("A",), ("B",)))
    assert found[0].model.polymer.chain_ids == ("A", "B") and len(found[0].per_residue) == 16
    assert abs(found[0].energy) < 0.05
    with pytest.raises(InputError, match="no chain D with protein in it; it has A, B, C"):
        score_models(read_models(path), SETTINGS, "gaussian", "cpu", (("A",), ("D",)))


def test_models_may_be_settled_first(tmp_path, capsys):
    """A model that is strained locally is judged by its fold: less is left between it and one that is not."""
    path = write(tmp_path / "one.cif", [chain_of("A", (0, 0, 0), 20)])
    (model,) = read_models(path)
    strained = replace(model, x=model.x + 0.08 * np.random.default_rng(4).normal(size=model.x.shape))
    apart = [
        np.diff([one.energy for one in score_with([model, strained], ScoreSettings(steps=8, draws=1, settle=settle))])
        for settle in (0.0, 0.4)
    ]
    assert apart[0] > 100 and abs(apart[1]) < 0.2 * apart[0]
    for other in ({"interface": "A:B"}, {"method": "sequence"}):
        with pytest.raises(InputError, match="'settle' is for energies of whole models"):
            ScoreSettings(settle=0.4, **other)
    assert main(["score", str(path), "--settle", "0.4", "--interface", "A:B"]) == 2
    assert "--settle is for energies of whole models" in capsys.readouterr().err


def test_a_file_without_a_backbone_is_refused(tmp_path):
    def change(chain):
        for number in range(4):
            without(chain, number, "C")

    with pytest.raises(InputError, match="no protein backbone"):
        read_models(write(tmp_path / "trace.cif", [chain_of("A", (0, 0, 0), 4)], change=change))


def test_tables_and_pictures(tmp_path):
    models = read_models(write(tmp_path / "m.cif", *([chain_of("A", (0, 0, k), 6)] for k in range(3))))
    found = score_models(models, EnergySettings(steps=3, draws=2), "gaussian", "cpu", reference=models[0])
    written = write_scores(tmp_path / "out", found, {"method": "denoising"}, True)
    assert {path.name for path in written} == {
        "scores.csv",
        "scores.json",
        "residues.csv",
        "residues.png",
        "funnel.png",
    }
    with (tmp_path / "out" / "residues.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 18 and rows[0]["chain"] == "A" and rows[5]["number"] == "6"
    total = sum(float(row["energy"]) for row in rows if row["model"] == "m.cif 1")
    table = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert table["models"][0]["energy"] == pytest.approx(total, abs=0.01)
    assert all(path.stat().st_size > 0 for path in written)
    fewer = score_models(models[:1], EnergySettings(steps=3, draws=2), "gaussian", "cpu")
    (tmp_path / "out" / "notes.txt").write_text("of the user")
    write_scores(tmp_path / "out", fewer, {"method": "denoising"}, False)
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"scores.csv", "scores.json", "notes.txt"}, "nothing of the earlier run is beside the new one"


@pytest.mark.parametrize("name", ["m$x_{$.cif", "_m.cif", f"{'long' * 50}.cif", "x[bold]y.cif", "a:smile:b.cif"])
def test_files_may_have_any_name(tmp_path, capsys, name):
    path = write(tmp_path / name, [chain_of("A", (0, 0, 0), 6)])
    words = ["score", str(path), "--prior", "gaussian", "-n", "3", "--device", "cpu"]
    assert main([*words, "--per-residue", "-o", str(tmp_path / "out")]) == 0
    table = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert table["models"][0]["model"] == name and (tmp_path / "out" / "residues.png").stat().st_size > 0
    assert len(name) > 80 or name in capsys.readouterr().out


def test_files_of_one_name_are_told_by_their_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(str(write(tmp_path / folder / "m.cif", [chain_of("A", (0, 0, 0), 6)]).relative_to(tmp_path)))
    write(tmp_path / "n.cif", [chain_of("A", (0, 0, 0), 6)])
    assert main(["score", *paths, "n.cif", "--prior", "gaussian", "-n", "3", "--device", "cpu", "--json"]) == 0
    assert [row["model"] for row in json.loads(capsys.readouterr().out)["models"]] == [*paths, "n.cif"]


def test_from_the_command_line(tmp_path, capsys):
    path = write(tmp_path / "pair.cif", [chain_of("A", (0, 0, 0), 6), chain_of("B", (14, 0, 0), 6)])
    words = ["score", str(path), str(path), "--prior", "gaussian", "-n", "3", "--draws", "2", "--device", "cpu"]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["prior"] == "gaussian" and [row["above_lowest"] for row in told["models"]] == [0.0, 0.0]
    assert main([*words, "--interface", "A:B", "-o", str(tmp_path / "out")]) == 0
    assert "Interface A:B" in capsys.readouterr().out and (tmp_path / "out" / "scores.csv").is_file()
    before = (tmp_path / "out" / "scores.csv").read_text()
    for folder, said in ((tmp_path / "out", "holds 'scores.csv' already"), (path, "is a file; name a folder")):
        assert main([*words, "-o", str(folder)]) == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "out" / "scores.csv").read_text() == before
    assert main([*words, "-o", str(tmp_path / "out"), "--overwrite"]) == 0
    assert (tmp_path / "out" / "scores.csv").read_text() != before
    assert main([*words, "--interface", "A:Q"]) == 2
    assert "has no chain Q" in capsys.readouterr().err
    assert main([*words[:3], "--prior", "none-such"]) == 2


def test_a_client_asks_for_energies(tmp_path):
    def change(chain):
        without(chain, 4, "CA")

    parts = [chain_of("A", (0, 0, 0), 10), chain_of("B", (0, 0, 20), 8)]
    files = [str(write(tmp_path / f"{i}.cif", parts, change=change)) for i in range(2)]
    quick = {"prior": "gaussian", "steps": 3, "draws": 1, "device": "cpu"}
    report = score_request({"models": files, "labels": ["#1", "#2.1"], "reference": files[0], **quick})
    first, second = report["models"]
    assert (first["model"], second["model"], second["ca_rmsd"]) == ("#1", "#2.1", 0.0)
    assert first["chains"] == ["A"] * 9 + ["B"] * 8 and first["insertion_codes"] == [""] * 17
    assert sum(first["energies"]) == pytest.approx(first["energy"], abs=0.01)
    assert report["lines"] == [f"{name}: 1 residues without N, CA or C were left out." for name in ("#1", "#2.1")]
    whole = score_request({"models": files[:1], "labels": ["#1"], "interface": "A:B", **quick})["models"][0]
    settings = EnergySettings(steps=3, draws=1)
    (alone,) = score_models(read_models(tmp_path / "0.cif"), settings, "gaussian", "cpu", (("A",), ("B",)))
    assert whole["energy"] == pytest.approx(alone.energy, abs=0.01)
    wrong = {
        "'models' must be": {"models": [], "labels": []},
        "needs a name of its own": {"models": files, "labels": ["#1"]},
        "nothing called 'speed'": {"models": files, "labels": ["#1", "#2"], "speed": 1},
        "'interface' A": {"models": files, "labels": ["#1", "#2"], "interface": "A"},
        "'steps' must lie": {"models": files, "labels": ["#1", "#2"], "steps": 1},
    }
    for words, given in wrong.items():
        with pytest.raises(InputError, match=words):
            score_request(given)


def test_the_sequence_can_be_the_judge(tmp_path, monkeypatch, capsys):
    """-log p(s|x) of a design network with random weights: residues sum up, the parts of a complex see each other."""
    weights = tmp_path / "small.pt"
    torch.save({"model_state_dict": small_weights(), "num_edges": NEIGHBOURS}, weights)
    monkeypatch.setenv(MPNN_WEIGHTS_VARIABLE, str(weights))
    chains = [chain_of("A", (0, 0, 0), 8), chain_of("B", (0, 6, 0), 6)]
    complexed = write(tmp_path / "complex.cif", chains)
    settings = ScoreSettings(method="sequence", draws=3, device="cpu")
    (model,) = read_models(complexed)
    (found,) = score_with([model], settings)
    likelihood = SequenceLikelihood.of_polymer(read_protein_mpnn(weights), model.polymer, "cpu", 3, 0)
    x = torch.as_tensor(model.x, dtype=torch.float32)[None]
    assert found.energy == pytest.approx(-float(likelihood(x)[0]), rel=1e-5)
    assert found.per_residue.sum() == pytest.approx(found.energy)
    assert 0.0 < found.standard_error < 5.0
    (between,) = score_with([model], replace(settings, interface="A:B"))
    assert abs(between.energy) > 1e-3
    far = write(tmp_path / "far.cif", [chain_of("A", (0, 0, 0), 8), chain_of("B", (0, 500, 0), 6)])
    monkeypatch.setattr(
        sequence_energy, "design_network", lambda name, device: replace(likelihood.network, neighbours=6)
    )
    (apart,) = score_with(read_models(far), replace(settings, interface="A:B", draws=40))
    assert np.abs(apart.per_residue).max() < 0.2, "chains that do not see each other differ by their orders alone"
    assert main(["score", str(complexed), "--method", "sequence", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["method"] == "sequence"


@pytest.mark.parametrize("interface", [None, "A:B"])
def test_the_sequence_counts_beside_the_prior(tmp_path, monkeypatch, interface):
    """What is added is -log p(s|x) times its weight, by residue, and errors of independent draws add up as squares."""
    weights = tmp_path / "small.pt"
    torch.save({"model_state_dict": small_weights(), "num_edges": NEIGHBOURS}, weights)
    monkeypatch.setenv(MPNN_WEIGHTS_VARIABLE, str(weights))
    models = read_models(write(tmp_path / "complex.cif", [chain_of("A", (0, 0, 0), 8), chain_of("B", (0, 6, 0), 6)]))
    usual = ScoreSettings(steps=4, draws=3, device="cpu", prior="gaussian", interface=interface)
    told = []
    (energy,) = score_with(models, usual)
    (sequence,) = score_with(models, replace(usual, method="sequence"))
    (both,) = score_with(models, replace(usual, sequence_weight=2.5), lambda done, total: told.append((done, total)))
    assert both.per_residue == pytest.approx(energy.per_residue + 2.5 * sequence.per_residue, rel=1e-5, abs=1e-4)
    error = np.hypot(energy.standard_error, 2.5 * sequence.standard_error)
    assert both.standard_error == pytest.approx(error, rel=1e-5) and sequence.standard_error > 0
    assert told[-1] == (1, 1)


def test_a_weight_of_the_sequence_is_for_energies_of_a_prior(tmp_path, monkeypatch, capsys):
    with pytest.raises(InputError, match="'sequence_weight' is of what is added to the energy of a prior"):
        ScoreSettings(method="sequence", sequence_weight=1.0)
    path = write(tmp_path / "one.cif", [chain_of("A", (0, 0, 0), 8)])
    assert main(["score", str(path), "--method", "sequence", "--sequence-weight", "1"]) == 2
    assert "--sequence-weight is of what is added" in capsys.readouterr().err
    monkeypatch.setenv(MPNN_WEIGHTS_VARIABLE, str(tmp_path / "none.pt"))
    assert main(["score", str(path), "--sequence-weight", "1", "--prior", "gaussian"]) == 2
    assert "none.pt" in capsys.readouterr().err
