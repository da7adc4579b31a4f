"""The bundled example from its map to its result: short, but everything that a full run does."""

from __future__ import annotations

import json
from types import SimpleNamespace

import gemmi
import matplotlib.image
import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.job.trajectory import read_trajectory
from adp3d.pipeline.demo import RESOLUTION, run_demo
from adp3d.placing.confidence_records import read_confidence
from adp3d.structure.read import read_structure

pytestmark = pytest.mark.slow
BACKBONE = ("N", "CA", "C", "O")


class Collected(NullEvents):
    def __init__(self):
        self.texts = []
        self.stages = {}

    def message(self, text, level="info"):
        self.texts.append(text)

    def progress(self, stage, step, total, metrics=None):
        self.stages.setdefault(stage, []).append((step, total))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "job"
    events = Collected()
    threads = torch.get_num_threads()
    metrics = run_demo(folder, 2, 8, 0, "cpu", events, Control())
    torch.set_num_threads(threads)
    return SimpleNamespace(folder=folder, metrics=metrics, events=events, job=JobFolder.open(folder))


def backbone(path):
    """Backbone positions by (number, atom) of chain A."""
    return {
        (r.seqid.num, a.name): np.array(a.pos.tolist())
        for r in read_structure(path)[0]["A"]
        for a in r
        if a.name in BACKBONE
    }


def test_metrics(demo):
    stored = json.loads((demo.folder / "metrics.json").read_text())
    assert stored == demo.job.read_metrics()
    for key in ("ca_rmsd_known", "ca_rmsd_missing", "map_cc_before", "map_cc_after", "seconds", "peak_memory_bytes"):
        assert isinstance(stored[key], float | int) and np.isfinite(stored[key]), key
    assert stored["completeness_before"] == pytest.approx(100 * 111 / 172)
    assert stored["completeness_after"] == 100
    assert stored["ca_rmsd_known"] < 0.5
    assert 0 < stored["map_cc_before"] < 1 and 0 < stored["map_cc_after"] < 1
    assert stored["seconds"] > 1 and stored["peak_memory_bytes"] > 1e8
    assert stored["resolution"] == RESOLUTION
    assert len(stored["segments"]) == 7
    assert (stored["segments"][0]["first"], stored["segments"][0]["last"]) == ("11", "18")
    assert sum(s["length"] for s in stored["segments"]) == 61
    assert len(stored["replica_scores"]) == 2 == len(stored["map_cc_by_replica"])


def test_result_is_complete_and_keeps_the_users_numbering(demo):
    found = backbone(demo.folder / "result.cif")
    assert set(found) == {(number, name) for number in range(5, 177) for name in BACKBONE}
    given = backbone(demo.job.spec.model)
    moves = [np.linalg.norm(found[key] - position) for key, position in given.items()]
    assert np.sqrt(np.mean(np.square(moves))) < 0.5
    structure = gemmi.read_structure(str(demo.folder / "result.cif"))
    confidence = np.array(list(read_confidence(demo.folder / "result.cif").values()))
    assert confidence.min() >= 0 and confidence.max() <= 100
    known = np.array([(r.seqid.num, "CA") in given for r in structure[0]["A"]])
    assert confidence[known].mean() > confidence[~known].mean()


def test_pictures_ensemble_and_trajectory(demo):
    for name in ("convergence", "confidence", "rmsd_completeness"):
        picture = matplotlib.image.imread(demo.folder / f"{name}.png")
        assert picture.ndim == 3 and picture.std() > 0.01
    ensemble = gemmi.read_structure(str(demo.folder / "ensemble.cif"))
    assert len(ensemble) == 2
    assert all(len(model["A"]) == 172 for model in ensemble)
    frames = read_trajectory(demo.job.trajectory)
    shown = gemmi.read_structure(str(demo.folder / "trajectory.cif"))
    assert len(shown) == len(frames.of_replica(0)[0]) > 4
    assert {"result", "ensemble", "trajectory", "frames", "metrics", "log"} <= set(demo.job.outputs())
    best = backbone(demo.folder / "result.cif")
    first = {(r.seqid.num, a.name): np.array(a.pos.tolist()) for r in ensemble[0]["A"] for a in r}
    np.testing.assert_allclose([first[key] for key in best], list(best.values()), atol=2e-3)


def test_progress_is_told(demo):
    assert any("61" in text for text in demo.events.texts)  # residues to build
    assert any("MB of memory" in text for text in demo.events.texts)
    for stage, steps in demo.events.stages.items():
        assert steps[-1][0] == steps[-1][1], stage
        if stage in ("placing side chains", "relaxing"):  # which tell that they begin, and skip steps
            assert [step for step, _ in steps] == sorted(step for step, _ in steps), stage
        else:
            assert [step for step, _ in steps] == list(range(1, steps[-1][1] + 1)), stage


def test_the_folder_is_not_overwritten(demo):
    with pytest.raises(InputError, match="already holds a job"):
        run_demo(demo.folder, 2, 8, 0, "cpu", NullEvents(), Control())
    assert demo.job.finished


def test_rerunning_the_folder_gives_the_same_bits(demo):
    """Last of the file: it replaces the results."""
    names = ("result.cif", "ensemble.cif", "trajectory.bin", "trajectory.cif")
    before = {name: (demo.folder / name).read_bytes() for name in names}
    figures = demo.job.read_metrics()
    with demo.job.lock():
        demo.job.restart()
    assert not (demo.folder / "result.cif").exists()
    threads = torch.get_num_threads()
    execute(demo.job, NullEvents(), Control())
    torch.set_num_threads(threads)
    for name in names:
        assert (demo.folder / name).read_bytes() == before[name], name
    again = demo.job.read_metrics()
    for changing in ("seconds", "peak_memory_bytes", "peak_device_memory_bytes"):
        for told in (again, figures):
            told.pop(changing, None)
            for part in ("side_chains", "relaxation"):
                (told[part] or {}).pop(changing, None)
    assert again == figures


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_graphics_card_builds_the_same(demo, tmp_path):
    there = run_demo(tmp_path / "job", 2, 8, 0, "cuda", NullEvents(), Control())
    for name in ("ca_rmsd_known", "map_cc_after"):
        assert there[name] == pytest.approx(demo.metrics[name], abs=0.1)
