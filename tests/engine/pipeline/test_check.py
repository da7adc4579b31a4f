"""Preflight of a small real problem."""

from __future__ import annotations

import json
from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.specification import CompleteSpec, DistancesSpec, RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.job.events import Control, Stopped
from adp3d.pipeline.check import check


def refine(small, **options):
    files = {"map": str(small.map), "model": str(small.model)}
    return RefineSpec(**{"output": "unused", "device": "cpu", "replicas": 2, "steps": 10, **files, **options})


def test_a_job_that_can_run(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = check(refine(small, keep=("A:20-25",)))
    assert report["ok"] and report["problems"] == []
    assert json.loads(json.dumps(report)) == json.loads(json.dumps(report, default=list))
    assert (report["residues"], report["known"], report["missing"], report["kept"]) == (44, 37, 7, 6)
    (chain,) = report["chains"]
    assert (chain["matches"], chain["identity"]) == (37, 1.0)
    (segment,) = chain["unmodelled"]
    assert (segment["first"], segment["last"], segment["length"]) == ("30", "36", 7)
    placed = report["map"]
    assert placed["inside"] == 1.0 and placed["above_noise"] > 0.9 and placed["correlation"] > 0.3
    assert 1.3 < placed["resolution"] < 2.5 and not placed["resolution_given"]
    cost = report["cost"]
    assert cost["seconds_on"][cost["device"]] == cost["seconds"] and "cpu" in cost["seconds_on"]
    assert 0 < cost["peak_bytes"] < cost["available_bytes"] and cost["seconds"] > 0
    assert (cost["batch"], cost["replicas"], cost["device"]) == (2, 2, "cpu")
    assert report["lines"][-1] == "The job can run."
    assert any("30 to 36 (7)" in line for line in report["lines"])
    assert list(tmp_path.iterdir()) == []


def test_further_measurements_are_read(small, tmp_path):
    (tmp_path / "links.csv").write_text("chain1,residue1,chain2,residue2,distance\nA,20,A,50,12.0\n")
    quick = {"model": str(small.model), "output": "unused", "device": "cpu", "prior": "gaussian"}
    usual = check(CompleteSpec(**quick))
    good = check(CompleteSpec(**quick, measure=(f"distances@{tmp_path / 'links.csv'}", f"density@{small.map} 1.75")))
    assert good["ok"] and any(line.startswith("Map: ") for line in good["lines"])
    assert good["cost"]["peak_bytes"] > usual["cost"]["peak_bytes"] + 1_000_000, "that of the map is counted"
    bad = check(CompleteSpec(**quick, measure=(f"distances@{tmp_path / 'none.csv'}",)))
    assert not bad["ok"] and any("none.csv" in problem for problem in bad["problems"])


def test_a_model_that_is_not_docked(small, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos += gemmi.Position(500.0, 0.0, 0.0)
    structure.make_mmcif_document().write_file(str(tmp_path / "far.cif"))
    report = check(refine(small, model=str(tmp_path / "far.cif"), dock="never"))
    assert not report["ok"] and "overlap" in report["problems"][0]
    assert report["map"] is None and report["known"] == 37  # what could be found is there
    report = check(refine(small, model=str(tmp_path / "far.cif")))
    assert report["ok"] and report["problems"] == [] and report["map"] is None
    assert report["dock"].startswith("The model does not lie in the map and will be docked first")
    assert report["dock"] in report["lines"] and not any("fit it" in text for text in report["advice"])
    coarse = check(refine(small, model=str(tmp_path / "far.cif"), resolution=0.9))
    assert any(text.startswith("The map's voxels of") for text in coarse["advice"]), "as where it lies in the map"
    near = check(refine(small))
    assert near["dock"] == ""
    assert report["cost"]["peak_bytes"] == pytest.approx(near["cost"]["peak_bytes"], rel=0.5)  # the map is counted


def test_a_model_beside_its_density(small, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.pos += gemmi.Position(12.0, 9.0, 0.0)
    structure.make_mmcif_document().write_file(str(tmp_path / "beside.cif"))
    docked = check(refine(small, model=str(tmp_path / "beside.cif")))
    assert docked["ok"] and docked["dock"].startswith("The model hardly lies in density where it is")
    report = check(refine(small, model=str(tmp_path / "beside.cif"), dock="never"))
    assert any("place it in the map first (with" in text for text in report["advice"])
    assert report["map"]["correlation"] < 0.3
    assert not report["ok"] and report["problems"] == []
    assert "The job can run." not in report["lines"] and "in vain" in report["lines"][-1]


def changed(small, tmp_path, change):
    """Check of the problem with another map."""
    write_map(change(small.density), tmp_path / "changed.mrc")
    return check(refine(small, map=str(tmp_path / "changed.mrc"), resolution=1.75))


def test_a_map_of_the_wrong_hand(small, tmp_path):
    report = changed(small, tmp_path, lambda d: DensityMap(np.flip(d.values, 2), d.origin, d.axes))
    assert not report["ok"] and "The job can run." not in report["lines"]
    assert any("wrong hand" in text and "place it in the map first (with" in text for text in report["advice"])


def test_residues_that_stay_and_a_model_that_moves(small):
    report = check(refine(small, keep=("A:20-25",), dock="always"))
    assert not report["ok"] and "leave one of the two out" in report["problems"][0]
    assert check(refine(small, dock="always"))["dock"].startswith("The model was asked to be docked")


def test_a_file_of_aligned_errors_of_another_model(small, tmp_path):
    (tmp_path / "pae.json").write_text(json.dumps({"predicted_aligned_error": [[0.0, 1.0], [1.0, 0.0]]}))
    report = check(refine(small, pae=str(tmp_path / "pae.json")))
    assert not report["ok"] and "pae.json is for 2 residues" in report["problems"][0]


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.15, 1.25])
def test_a_map_with_the_wrong_voxel_size(small, tmp_path, factor):
    report = changed(small, tmp_path, lambda d: DensityMap(d.values, d.origin * factor, d.axes * factor))
    assert report["dock"]  # its origin is wrong with it, so that the model lies outside
    assert any("voxel size of the map is wrong" in text for text in report["advice"]), report["advice"]


def test_density_of_the_wrong_sign(small, tmp_path):
    report = changed(small, tmp_path, lambda d: d.with_values(-d.values))
    assert report["map"]["correlation"] < 0
    assert not report["ok"] and any("wrong sign" in text for text in report["advice"])


def test_a_lost_origin(small, tmp_path):
    lost = DensityMap(small.density.values, np.zeros(3), small.density.axes)
    write_map(lost, tmp_path / "changed.mrc")
    report = check(refine(small, map=str(tmp_path / "changed.mrc"), resolution=1.75, dock="never"))
    assert not report["ok"] and "overlap" in report["problems"][0]
    assert any("displaced, or the origin" in text for text in report["advice"])


def test_voxels_too_coarse_for_the_resolution(small):
    report = check(refine(small, resolution=1.1))
    assert not report["ok"] and "The job can run." not in report["lines"]
    assert any("no detail finer than 1.3 A" in text and "1.1 A" in text for text in report["advice"])
    assert check(refine(small, resolution=1.3))["ok"]


def test_a_map_without_solvent_noise_is_no_reason_for_doubt(small, tmp_path):
    report = changed(small, tmp_path, lambda d: d.with_values(np.where(d.values < 0.02, 0, d.values)))
    assert report["ok"] and report["lines"][-1] == "The job can run."
    assert report["map"]["noise_method"] == "floor"
    assert len([line for line in report["lines"] if "solvent is blank" in line]) == 1
    assert not [text for text in report["advice"] if "density" in text]


def test_half_maps_masked_alike_are_advice(small, tmp_path):
    density = small.density
    rng = np.random.default_rng(0)
    spread = float(density.values.std())
    halves = []
    for i in range(2):
        noise = rng.normal(scale=0.5 * spread, size=density.shape)
        halves.append(str(tmp_path / f"half{i}.mrc"))
        write_map(density.with_values(np.where(density.values == 0, 0, density.values + noise)), halves[-1])
    report = check(refine(small, half_maps=tuple(halves)))
    assert report["ok"]
    assert any("one mask" in text and "'resolution'" in text for text in report["advice"])
    assert report["map"]["resolution"] > 1.45  # Nyquist is 1.3


def test_all_problems_are_told_at_once(small, tmp_path):
    missing = str(tmp_path / "none.cif")
    report = check(refine(small, device="cuda:77", reference=missing))
    assert not report["ok"] and len(report["problems"]) == 2
    for word, problem in zip(("CUDA" if not torch.cuda.is_available() else "cuda:77", missing),
                             report["problems"], strict=True):  # fmt: skip
        assert word in problem
    assert report["map"] is not None and report["cost"] is not None
    assert [line for line in report["lines"] if line.startswith("Problem: ")]


def test_a_sequence_that_is_not_the_models(small):
    report = check(CompleteSpec(output="unused", model=str(small.model), sequence="W" * 60, device="cpu"))
    assert report["problems"] or any("right one" in text for text in report["advice"])


def test_a_complete_model_needs_no_building(small):
    report = check(CompleteSpec(output="unused", model=str(small.deposited), device="cpu"))
    assert report["ok"] and report["missing"] == 0 and report["map"] is None
    assert any("the job would give the model back" in text for text in report["advice"])
    assert report["cost"] is None


def test_what_will_be_done_to_types_and_without_a_sequence(small, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    (residue,) = [r for r in structure[0]["A"] if r.seqid.num == 20]
    was, residue.name = residue.name, "TRP"
    structure.make_mmcif_document().write_file(str(tmp_path / "mutated.cif"))
    model = str(tmp_path / "mutated.cif")
    spec = CompleteSpec(output="unused", model=model, sequence=small.sequence, device="cpu")
    (advice,) = [text for text in check(spec)["advice"] if "A 20" in text]
    assert f"rebuilt as {was}" in advice and "'keep_types' keeps TRP" in advice
    assert not any("A 20" in text for text in check(replace(spec, keep_types=True))["advice"])
    text = "".join(line for line in structure.make_pdb_string().splitlines(True) if line[:6] in ("ATOM  ", "TER   "))
    (tmp_path / "bare.pdb").write_text(text)
    report = check(CompleteSpec(output="unused", model=str(tmp_path / "bare.pdb"), device="cpu"))
    assert [text for text in report["advice"] if "sequence" in text] == [
        "No sequence is known for chain A: 7 residues in gaps of the numbering are built as UNK, of unknown type, and "
        "what may be missing before the first and after the last residue is not built; give the sequence with "
        "'sequence' (a FASTA file, or the letters) to have it built."
    ]


def test_residues_to_keep_that_are_not_there(small):
    for item, words in (("A:30-36", "does not show"), ("A:500", "no residues"), ("B:1", "its chains are A")):
        report = check(CompleteSpec(output="unused", model=str(small.model), keep=(item,), device="cpu"))
        assert words in report["problems"][0]


def test_distances(small, tmp_path):
    (tmp_path / "r.csv").write_text("residue1,residue2,distance\n1,9,12.0\n3,12,8.0\n")
    spec = DistancesSpec(output="unused", restraints=str(tmp_path / "r.csv"), sequence=small.sequence, device="cpu")
    report = check(spec)
    assert report["ok"] and report["restraints"] == 2 and report["cost"]["replicas"] == 16
    assert any("few" in text for text in report["advice"])
    (tmp_path / "r.csv").write_text("residue1,residue2,distance\n1,900,12.0\n")
    assert not check(spec)["ok"]


def test_it_ends_when_asked(small):
    control = Control()
    control.stop()
    with pytest.raises(Stopped):
        check(refine(small), control.obey)


def test_the_models_coordinates_do_not_matter_to_the_cost(small):
    one, two = (check(CompleteSpec(output="unused", model=str(small.model), replicas=n, device="cpu")) for n in (2, 4))
    assert np.isclose(two["cost"]["seconds"], 2 * one["cost"]["seconds"], rtol=0.2)
