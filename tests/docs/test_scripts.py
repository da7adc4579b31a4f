"""The scripts that make pictures and the model card of the documentation."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import struct
import sys
from pathlib import Path

import gemmi
import numpy as np
import pytest
from safetensors.numpy import save_file

from adp3d.contract.specification import CompleteSpec
from adp3d.job.folder import JobFolder
from adp3d.pipeline.export import write_models
from adp3d.placing.confidence_records import read_confidence
from adp3d.placing.write import write_structure
from adp3d.prior.builtin.weights_file import DEFAULT_WEIGHTS

N = 30


def _script(root: Path, name: str):
    spec = importlib.util.spec_from_file_location(name, root / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pictures(root):
    return _script(root, "make_pictures")


@pytest.fixture(scope="module")
def card(root):
    return _script(root, "make_model_card")


def _size(png: Path) -> tuple[int, int]:
    content = png.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def _coil() -> np.ndarray:
    angle = np.deg2rad(100.0) * np.arange(N)
    ca = np.stack([2.3 * np.cos(angle), 2.3 * np.sin(angle), 1.5 * np.arange(N)], -1)
    return ca[:, None] + np.array([[-1.2, 0.5, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.5], [1.2, 2.0, 0.5]])


@pytest.fixture
def job(tmp_path):
    """Finished job: 30 residues, of which 11 to 15 were missing."""
    x, labels = _coil(), [("A", i + 1, "") for i in range(N)]
    keep = [i for i in range(N) if not 10 <= i < 15]
    write_models(tmp_path / "whole.cif", x[None], "A" * N, labels)
    write_models(tmp_path / "part.cif", x[None, keep], "A" * len(keep), [labels[i] for i in keep])
    spec = CompleteSpec(
        output=str(tmp_path / "job"), model=str(tmp_path / "part.cif"), reference=str(tmp_path / "whole.cif")
    )
    folder = JobFolder.create(spec)
    result = gemmi.read_structure(str(tmp_path / "whole.cif"))
    for residue in result[0]["A"]:
        for atom in residue:
            atom.b_iso = 20.0
    confidence = {("A", number, ""): 95.0 if number < 13 else 40.0 for number in range(1, N + 1)}
    write_structure(result, folder.result, confidence)
    folder.write_metrics({})
    return folder


def test_trace_is_read_in_order(pictures, job):
    trace = pictures.read_trace(job.result, read_confidence(job.result))
    assert trace.labels == tuple(("A", i + 1, "") for i in range(N))
    np.testing.assert_allclose(trace.xyz, _coil()[:, 1], atol=1e-3)
    assert set(trace.confidence) == {95.0, 40.0}


def test_curve_passes_through_the_atoms_and_stops_at_gaps(pictures, job):
    trace = pictures.read_trace(job.spec.model)
    pieces = dict(pictures._pieces(trace))
    assert len(pieces) == N - 5 - 2  # one piece for each bond of two stretches
    for (i, j), piece in pieces.items():
        np.testing.assert_allclose(piece[[0, -1]], trace.xyz[[i, j]], atol=1e-9)


def test_view_is_a_rotation(pictures):
    centre, axes = pictures._view(_coil()[:, 1])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    seen = (_coil()[:, 1] - centre) @ axes.T
    assert np.ptp(seen[:, 0]) == pytest.approx(np.ptp(seen, axis=0).max())


def test_picture_is_drawn(pictures, job, tmp_path):
    pictures.main([str(job.path), str(tmp_path / "out.png")])
    width, height = _size(tmp_path / "out.png")
    assert width == 1200 and 90 < height < width


def test_unfinished_job_is_refused(pictures, job, tmp_path, capsys):
    (job.path / "metrics.json").unlink()
    with pytest.raises(SystemExit) as end:
        pictures.main([str(job.path), str(tmp_path / "out.png")])
    assert end.value.code == 2
    assert "not a finished job" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


@pytest.fixture
def run(tmp_path):
    """Folder as training leaves it."""
    folder = tmp_path / "run"
    folder.mkdir()
    metadata = {"config": json.dumps({"width": 8, "stages": [1, 1]}), "steps": "1200", "minutes": "90.0"}
    save_file({"w": np.zeros(3, np.float32)}, folder / "weights.safetensors", metadata=metadata)
    training = [{"step": s, "minutes": s / 10, "loss": 2.0 - s / 1000, "skipped": 3} for s in (600, 1200)]
    validation = [
        {
            "step": s,
            "minutes": s / 10,
            "t": t,
            "sequence": q,
            "known_every": k,
            "resolution": d,
            "loss": t + q - k / 20,
            "rmsd": t + k,
            "missing_ca": t + d,
        }
        for s in (600, 1200)
        for t in (0.2, 0.5)
        for q, k, d in ((1, 0, 0.0), (0, 0, 0.0), (1, 8, 0.0), (1, -1, 0.0), (1, -1, 2.5))
    ]
    for name, rows in (("training", training), ("validation", validation)):
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def test_training_record(card, run):
    text = card.record(run, "two abaci")
    assert "| hardware | two abaci |" in text
    assert "| training time | 1.5 hours |" in text
    assert "| updates | 1,200, of which 3 skipped |" in text
    assert "| loss of the last 100 updates | 0.800 |" in text
    assert "| 0.5 | 1.500 | 0.500 | 1.100 | 0.500 Å | 0.500 Å | 8.500 Å |" in text
    assert "| $t$ | no map | map of 2.5 Å |" in text and "| 0.5 | 0.50 Å | 3.00 Å |" in text
    assert hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest() in text


def test_filling_twice_replaces(card, run, tmp_path):
    (tmp_path / "model_card.md").write_text(f"before\n{card.BEGIN}\nold\n{card.END}\nafter\n")
    arguments = [str(run), "--hardware", "two abaci", "--docs", str(tmp_path)]
    card.main(arguments)
    once = (tmp_path / "model_card.md").read_text(encoding="utf-8")
    card.main(arguments)
    assert (tmp_path / "model_card.md").read_text(encoding="utf-8") == once
    assert once.startswith("before\n") and once.endswith("after\n") and "old" not in once
    assert _size(tmp_path / "images" / "training.png")[0] == 1200
    with pytest.raises(ValueError, match="markers"):
        card.fill("no markers", "text")


def test_record_of_side_chains(card, tmp_path):
    """Weights that the run has left behind: what was recorded later does not count."""
    config = {"width": 8}
    metadata = {"kind": "sidechain", "config": json.dumps(config), "steps": "600", "minutes": "30.0"}
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "old.safetensors", metadata=metadata)
    (tmp_path / "training.csv").write_text("step,minutes,loss,skipped\n600,30,3.5,2\n1200,60,2.5,4\n")
    head = "step,minutes,case,chi1_20,chi1_40,chi12_20,chi12_40,rmsd,rebuilt_chi1_20,rebuilt_rmsd,entropy,used"
    rows = [f"{s},{s / 20},{c},{s / 10},70,50,60,1.25,95,0.7,3.1,227" for s in (300, 1200) for c in ("backbone", "map")]
    (tmp_path / "validation.csv").write_text("\n".join([head, *rows]) + "\n")
    (tmp_path / "model_card_side_chains.md").write_text(f"before\n{card.BEGIN}\n{card.END}\nafter\n")
    weights = tmp_path / "old.safetensors"
    words = ["--weights", str(weights), "--hardware", "two abaci", "--docs", str(tmp_path)]
    card.main([str(tmp_path), *words])
    text = (tmp_path / "model_card_side_chains.md").read_text(encoding="utf-8")
    assert "| updates | 600, of which 2 skipped |" in text and "Validation after 300 updates" in text
    assert "| backbone and map | 30.0 % | 70.0 % | 50.0 % | 60.0 % | 1.25 Å | 95.0 % | 0.70 Å | 3.10 | 227 |" in text
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in text and "two abaci" in text
    assert _size(tmp_path / "images" / "training_side_chains.png")[0] == 1200


def test_the_card_of_side_chains_is_about_the_weights_that_ship(pages):
    packaged = DEFAULT_WEIGHTS.parents[3] / "sidechain" / "weights" / "default.safetensors"
    checksum = hashlib.sha256(packaged.read_bytes()).hexdigest()
    assert checksum in pages["docs/model_card_side_chains.md"], (
        "run docs/make_model_card.py on the run of these weights"
    )


def test_the_card_is_about_the_weights_that_ship(pages):
    checksum = hashlib.sha256(DEFAULT_WEIGHTS.read_bytes()).hexdigest()
    assert checksum in pages["docs/model_card.md"], "run docs/make_model_card.py on the run of these weights"
