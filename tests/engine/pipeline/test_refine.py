"""Refining a small real problem in its map."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.resample import blur, low_pass
from adp3d.density.write import write_map
from adp3d.ensemble.recombination import recombine
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline import refiner
from adp3d.relax.toolkit import has_openmm
from adp3d.solver.choose_updates import choose_updates
from adp3d.structure.read import read_structure


@pytest.fixture
def make_job(small, tmp_path):
    count = iter(range(100))

    def make(**options):
        options = {
            "map": str(small.map), "model": str(small.model), "replicas": 2, "steps": 6, "device": "cpu",
            "resolution": 1.75, "unseen": "build",
        } | options  # fmt: skip
        return JobFolder.create(RefineSpec(output=str(tmp_path / f"job{next(count)}"), **options))

    return make


class Told(NullEvents):
    def __init__(self, control=None, stop=None):
        self.control, self.stop, self.stages, self.texts = control, stop, [], []
        self.done, self.done_at = [], {}

    def overall(self, done, total):
        self.done.append((done, total))

    def message(self, text, level="info"):
        self.texts.append(text)

    def progress(self, stage, step, total, metrics=None):
        if stage not in self.stages:
            self.stages.append(stage)
        self.done_at.setdefault(stage, []).extend(done for done, _ in self.done[-1:])
        if (stage, step) == self.stop:
            self.control.stop()


def run(job, events=None, control=None):
    return execute(job, events or NullEvents(), control or Control())


def ca(path):
    return np.array([r["CA"][0].pos.tolist() for r in read_structure(path)[0]["A"]])


@pytest.fixture(scope="module")
def short(small, tmp_path_factory):
    """Metrics and folder of an uninterrupted short run."""
    spec = RefineSpec(
        output=str(tmp_path_factory.mktemp("short") / "job"), map=str(small.map), model=str(small.model),
        reference=str(small.deposited), replicas=2, steps=6, device="cpu", resolution=1.75,
    )  # fmt: skip
    job, told = JobFolder.create(spec), Told()
    before = torch.get_num_threads()
    metrics = run(job, told)
    torch.set_num_threads(before)
    return job, metrics, told


def test_the_whole_job_is_done_at_the_end(short):
    _, _, told = short
    done = [done for done, _ in told.done]
    assert done == sorted(done) and done[0] == 1
    bending, traced, building, weighing = (
        sum(stage.startswith(name) for stage in told.stages)
        for name in ("bending", "building from traces", "building, round", "weight")
    )
    assert traced
    work = 10 * bending + 20 * traced + 12 * building + 20 * weighing + 20
    after = told.done[0][1] - (3 * 10 + 2 * 20 + 2 * 12 + 5 * 20 + 20)
    assert told.done[-1] == (work + after, work + after), "runs that were not needed do not count"
    # side chains and relaxation have their share, and end the job
    steps = {stage: told.done_at[stage] for stage in told.stages[told.stages.index("polishing") :]}
    assert steps.pop("polishing")[-1] == work
    told_of = [done for each in steps.values() for done in each]
    assert told_of[0] == work and told_of == sorted(told_of) and told_of[-1] == work + after
    assert all(len(set(each)) > 2 for each in steps.values()) and len(steps) == 1 + has_openmm()


def test_result_is_complete_and_close(small, short):
    job, metrics, told = short
    assert metrics["completeness_after"] == 100
    assert metrics["ca_rmsd_known"] < 0.5
    assert metrics["ca_rmsd_missing"] < 1.0
    assert len(metrics["segments"]) == 1 and metrics["segments"][0]["length"] == 7
    assert (metrics["segments"][0]["first"], metrics["segments"][0]["last"]) == ("30", "36")
    assert metrics["segments"][0]["ca_rmsd"] == pytest.approx(metrics["ca_rmsd_missing"], abs=2e-3)
    assert metrics["residues_rebuilt_for_lack_of_support"] == 0
    assert metrics["register"] == metrics["register_tried"] == []
    assert not any("register" in stage for stage in told.stages)
    assert ca(job.result).shape == (44, 3)
    assert told.stages[0].startswith("bending") and told.stages[-3:-1] == ["polishing", "placing side chains"]
    assert told.stages[-1] == ("relaxing" if has_openmm() else "placing side chains")
    assert {"result", "ensemble", "trajectory", "frames", "convergence", "confidence"} <= set(job.outputs())


@pytest.mark.parametrize(
    "stop",
    [
        ("building from traces 1", 3),
        pytest.param(("bending 1 from 0.5", 4), marks=pytest.mark.slow),
        pytest.param(("polishing", 2), marks=pytest.mark.slow),
        pytest.param(("placing side chains", 1), marks=pytest.mark.slow),
    ],
)
def test_stopped_and_resumed_gives_the_same_bits(small, short, make_job, stop):
    job, control = make_job(reference=str(small.deposited), unseen="leave"), Control()
    with pytest.raises(Stopped):
        run(job, Told(control, stop), control)
    assert not job.result.exists()
    metrics = run(JobFolder.open(job.path))
    whole, expected, _ = short
    for name in ("result.cif", "ensemble.cif"):
        assert (job.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    for key in ("map_cc_by_replica", "replica_scores", "ca_rmsd_missing", "segments"):
        assert metrics[key] == expected[key], key


@pytest.mark.slow
def test_sampled_side_chains_act_and_a_run_with_them_resumes_with_the_same_bits(make_job):
    sampled = {
        "density_side_chains": "sampled", "replicas": 1, "relax": False, "density_weight": 1.0, "steps": 4,
        "prior": "gaussian", "side_chains": "none",
    }  # fmt: skip
    whole, average = make_job(**sampled), make_job(**(sampled | {"density_side_chains": "average"}))
    run(whole)
    run(average)
    control, cut = Control(), make_job(**sampled)
    with pytest.raises(Stopped):
        run(cut, Told(control, ("polishing", 4)), control)
    run(JobFolder.open(cut.path))
    assert (cut.path / "ensemble.cif").read_bytes() == (whole.path / "ensemble.cif").read_bytes()
    apart = np.linalg.norm(ca(whole.result) - ca(average.result), axis=-1)
    assert apart.max() > 1e-3 and np.median(apart) < 1.0


@pytest.mark.slow
def test_stopped_in_the_relaxation_and_resumed_gives_the_same_bits(small, short, make_job):
    pytest.importorskip("openmm", reason="the package openmm is not installed (pip install '.[relax]')")
    test_stopped_and_resumed_gives_the_same_bits(small, short, make_job, ("relaxing", 30))


def test_a_misplaced_part_is_found_and_rebuilt(small, make_job, tmp_path):
    structure = gemmi.read_structure(str(small.deposited))
    for residue in structure[0]["A"]:
        if 44 <= residue.seqid.num <= 52:
            for atom in residue:
                atom.pos += gemmi.Position(3.0, 3.0, -3.0)
    structure.make_mmcif_document().write_file(str(tmp_path / "wrong.cif"))
    job = make_job(model=str(tmp_path / "wrong.cif"), reference=str(small.deposited), replicas=1)
    metrics = run(job)
    assert metrics["completeness_before"] == metrics["completeness_after"] == 100
    assert 5 <= metrics["residues_bent"] + metrics["residues_rebuilt_for_lack_of_support"] <= 15
    truth = ca(small.deposited)
    start, end = ca(tmp_path / "wrong.cif"), ca(job.result)
    wrong = slice(44 - small.first, 53 - small.first)
    assert np.linalg.norm(end[wrong] - start[wrong], axis=-1).mean() > 1.0  # it was free to move
    right = np.r_[0:26, 43 : len(truth)]
    assert np.sqrt(np.square(end[right] - truth[right]).sum(-1).mean()) < 0.8


@pytest.mark.slow
def test_a_map_without_solvent_noise_does_not_harm_the_building(small, make_job, tmp_path):
    density = small.density
    write_map(density.with_values(np.where(density.values < 0.02, 0, density.values)), tmp_path / "cut.mrc")
    events = Told()
    metrics = run(make_job(map=str(tmp_path / "cut.mrc"), reference=str(small.deposited), steps=30, replicas=1), events)
    assert len([text for text in events.texts if "solvent is blank" in text]) == 1
    assert not any("hardly lies" in text for text in events.texts)
    # as with the whole map, which gives 0.1
    assert metrics["ca_rmsd_known"] < 0.3 and metrics["ca_rmsd_missing"] < 0.5


def test_distances_lead_where_the_map_shows_nothing(small, make_job, tmp_path, monkeypatch):
    """An end of the chain that is in neither model nor map, and distances between it and known residues."""
    pulled, judges = [], []

    def updates(update, correlation, pull, origin, preview):
        pulled.append([potential.name for potential in pull.all])
        return choose_updates(update, correlation, pull, origin, preview)

    def combined(x, quality, segments, base, deciding=None):
        judges.append(0 if deciding is None else len(deciding.judges))
        return recombine(x, quality, segments, base, deciding)

    monkeypatch.setattr(refiner, "choose_updates", updates)
    monkeypatch.setattr(refiner, "recombine", combined)
    structure, truth = gemmi.read_structure(str(small.deposited)), ca(small.deposited)
    chain, end = structure[0]["A"], 9
    atoms = np.array([a.pos.tolist() for residue in list(chain)[-end:] for a in residue])
    for _ in range(end):
        del chain[len(chain) - 1]
    structure.make_mmcif_document().write_file(str(tmp_path / "short.cif"))
    density = small.density
    write_map(density.with_values(density.values * ~within(density, atoms, 2.5)), tmp_path / "cut.mrc")
    rows = range(len(truth) - end, len(truth))
    text = [
        f"{a + small.first},{b + small.first},{np.linalg.norm(truth[a] - truth[b]):.2f},0.5"
        for a in rows
        for b in (3, 12, 20, 28)
    ]
    (tmp_path / "distances.csv").write_text("\n".join(["residue1,residue2,distance,sigma", *text]) + "\n")
    usual = {
        "model": str(tmp_path / "short.cif"), "map": str(tmp_path / "cut.mrc"), "sequence": small.sequence,
        "reference": str(small.deposited), "side_chains": "none", "relax": False, "steps": 8,
    }  # fmt: skip
    without = run(make_job(**usual))
    assert set(judges) == {0}
    pulled.clear()
    judges.clear()
    told = Told()
    found = run(make_job(**usual, distance_restraints=str(tmp_path / "distances.csv")), told)
    bending = sum(stage.startswith("bending") for stage in told.stages)
    assert bending and not any("distances" in names for names in pulled[:bending])
    assert all("distances" in names for names in pulled[bending:])
    assert set(judges) == {1}
    assert found["ca_rmsd_missing"] < 1.5 < without["ca_rmsd_missing"]
    assert found["ca_rmsd_known"] < 0.5
    assert found["measurements"]["distances"]["satisfied"] > 0.7


def within(density, points, radius):
    """Voxels of a map within angstrom of points."""
    index = np.indices(density.values.shape).reshape(3, -1).T
    near, _ = cKDTree(points).query(density.origin + index @ density.axes, distance_upper_bound=radius)
    return np.isfinite(near).reshape(density.values.shape)


class Curves(Told):
    """Notes the figures of the replicas."""

    def __init__(self):
        super().__init__()
        self.figures = {}

    def metric(self, name, value, step=None, first_replica=0):
        self.figures.setdefault(name, []).append(np.max(value))


def test_the_papers_own_updates_hold_what_is_known_and_bridge_the_gap(small, make_job):
    job, told = (
        make_job(update="gradient", steps=8, replicas=1, prior="gaussian", reference=str(small.deposited), relax=False),
        Curves(),
    )
    metrics = run(job, told)
    # a chain that nothing holds has its atoms tens of angstrom from their places
    assert max(told.figures["known_rmsd"]) < 0.5 and metrics["ca_rmsd_known"] < 0.3
    assert metrics["completeness_after"] == 100 and metrics["geometry"]["ca_breaks"] == 0
    assert metrics["ca_rmsd_missing"] < 8, "the ends of the gap draw what lies between"


@pytest.mark.slow
def test_the_more_weight_a_map_has_the_better_it_is_explained(make_job):
    """Set before, and told while it runs."""
    off = Control()
    off.change("density_weight", 0.0)
    cases = {0: ({}, off), 1: ({"density_weight": 1.0}, Control()), 10: ({"density_weight": 10.0}, Control())}
    reached = {}
    for weight, (options, control) in cases.items():
        told = Curves()
        run(make_job(replicas=1, steps=8, prior="gaussian", **options), told, control)
        reached[weight] = told.figures["correlation"][-1]
    assert reached[0] + 0.02 < reached[1] < reached[10] - 0.01
    assert reached[10] > 1.15 * reached[0]


def atoms(path, wanted):
    return {
        (r.seqid.num, a.name): tuple(round(v, 3) for v in a.pos.tolist())
        for r in read_structure(path)[0]["A"]
        if r.seqid.num in wanted
        for a in r
    }


class Live(Told):
    def __init__(self):
        super().__init__()
        self.layouts, self.residues, self.first_frame = [], {}, None

    def layout(self, layout):
        assert self.first_frame is None
        self.layouts.append(layout)

    def frame(self, step, coordinates, first_replica=0):
        self.first_frame = step if self.first_frame is None else self.first_frame

    def residue_metric(self, name, values, step):
        self.residues.setdefault(name, []).append((step, np.array(values)))


def test_kept_residues_keep_all_their_atoms_and_what_is_shown_live(small, make_job, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    wrong = range(44, 53)
    for residue in structure[0]["A"]:
        if residue.seqid.num in wrong:  # the map contradicts them: without keep they would be built anew
            for atom in residue:
                atom.pos += gemmi.Position(3.0, 3.0, -3.0)
    structure.make_mmcif_document().write_file(str(tmp_path / "wrong.cif"))
    job, events = make_job(model=str(tmp_path / "wrong.cif"), keep=("A:44-52", "A:14")), Live()
    metrics = run(job, events)
    kept = {14, *wrong}
    assert atoms(job.result, kept) == atoms(tmp_path / "wrong.cif", kept)
    assert metrics["residues_rebuilt_for_lack_of_support"] == 0
    assert metrics["completeness_after"] == 100
    (layout,) = events.layouts
    assert layout.numbers == list(range(small.first, small.last + 1)) and not layout.known[small.missing[0] - 14]
    fit, spread = (events.residues[name] for name in ("residue_fit", "residue_spread"))
    assert [step for step, _ in fit] == [step for step, _ in spread] and len(fit) >= 4
    values = fit[-1][1]
    assert values.shape == (44,) and (values >= 0).all() and (values <= 1).all()
    right = [number - 14 for number in range(15, 29)]
    assert values[right].mean() > values[[number - 14 for number in wrong]].mean() + 0.2
    assert spread[-1][1].shape == (44,) and spread[-1][1].max() > 0


def test_residues_fixed_while_it_runs_are_in_the_result_where_they_were(small, make_job):
    control = Control()

    class FixAtStep(Told):
        def frame(self, step, coordinates, first_replica=0):
            if step == 4:
                control.hold(range(5, 8))
                self.then = coordinates[0, 5:8].copy()

    job, events = make_job(replicas=1, prior="gaussian"), FixAtStep()
    run(job, events, control)
    chain = read_structure(job.result)[0]["A"]
    found = np.array([[r[name][0].pos.tolist() for name in ("N", "CA", "C", "O")] for r in chain])
    np.testing.assert_allclose(found[5:8], events.then, atol=2e-3)
    assert "3 residues are held from now on." in events.texts


@pytest.mark.parametrize(
    "renumbered",
    [pytest.param(True, id="renumbered"), pytest.param(False, id="one number missing", marks=pytest.mark.slow)],
)
def test_a_break_is_not_welded(small, make_job, tmp_path, renumbered):
    """Seven residues cut out and nobody told: the two ends stay where they are."""
    structure = gemmi.read_structure(str(small.deposited))
    structure.entities.clear()  # no sequence is recorded
    chain = structure[0]["A"]
    cut = set(range(small.missing[0], small.missing[-1] + 1))
    for i in range(len(chain) - 1, -1, -1):
        if chain[i].seqid.num in cut:
            del chain[i]
    for residue in chain:
        residue.label_seq = None
        if residue.seqid.num > small.missing[-1]:
            residue.seqid.num -= len(cut) - (0 if renumbered else 1)
    structure.write_pdb(str(tmp_path / "broken.pdb"))
    before = ca(tmp_path / "broken.pdb")
    edge = small.missing[0] - small.first
    assert np.linalg.norm(before[edge] - before[edge - 1]) > 5.9
    told = Told()
    metrics = run(make_job(model=str(tmp_path / "broken.pdb"), replicas=1, steps=4), told)
    assert metrics["residues"] == len(before) and metrics["geometry"]["ca_breaks"] == 0
    (job,) = [path for path in tmp_path.glob("job*/result.cif")]
    assert np.linalg.norm(ca(job) - before, axis=-1).max() < 1.0
    assert sum("the chain stays broken there" in text for text in told.texts) == 1


def test_a_bent_model_follows_the_map(small, make_job, tmp_path):
    structure = read_structure(small.deposited)
    for residue in structure[0]["A"]:
        for atom in residue:
            x, y, z = atom.pos.tolist()
            # a smooth wave of 35 A: bonds hardly change, residues move by up to 2 A
            atom.pos = gemmi.Position(x, y + 2.0 * np.sin(2 * np.pi * x / 35.0), z + 1.0 * np.cos(2 * np.pi * x / 35.0))
    path = tmp_path / "bent.cif"
    structure.make_mmcif_document().write_file(str(path))
    told = Told()
    job = make_job(model=str(path), reference=str(small.deposited), steps=30)
    metrics = run(job, told)
    assert [stage for stage in told.stages if stage.startswith("bending")][:2] == [
        "bending 1 from 0.35",
        "bending 1 from 0.5",
    ]
    assert "polishing" in told.stages and not any(stage.startswith("building") for stage in told.stages)
    assert metrics["ca_rmsd_start"] > 1.3
    assert metrics["ca_rmsd_known"] < 0.5 * metrics["ca_rmsd_start"]
    assert metrics["map_cc_after"] > metrics["map_cc_before"] + 0.1
    assert metrics["residues_bent"] > 5
    assert any("known residues fit better after bending" in text for text in told.texts)
    assert metrics["geometry"]["ca_breaks"] == 0
    kept = make_job(model=str(path), reference=str(small.deposited), steps=6, keep=("A",))
    assert run(kept)["residues_bent"] == 0 and np.allclose(ca(kept.result), ca(path), atol=2e-3)


def test_a_strained_model_that_lies_right_is_not_bent(small, make_job, tmp_path):
    structure, rng = read_structure(small.deposited), np.random.default_rng(0)
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.pos += gemmi.Position(*(0.2 * rng.standard_normal(3)))
    structure.make_mmcif_document().write_file(str(tmp_path / "strained.cif"))
    write_map(low_pass(blur(small.density, 60.0), 4.0), tmp_path / "coarse.mrc")
    options = {"model": str(tmp_path / "strained.cif"), "map": str(tmp_path / "coarse.mrc"), "resolution": 4.0}
    metrics = run(make_job(reference=str(small.deposited), steps=30, side_chains="none", relax=False, **options))
    assert metrics["ca_rmsd_start"] > 0.3
    # ideal geometry fits better as well, and a map of 4 A tells no two places apart that are a few tenths away
    assert metrics["residues_bent"] <= 5
    assert metrics["ca_rmsd_known"] < 0.6 * metrics["ca_rmsd_start"]


def test_a_prediction_keeps_its_geometry_and_not_its_place(small, make_job, tmp_path):
    structure = read_structure(small.deposited)
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.pos += gemmi.Position(1.0, -0.7, 0.7)  # by 1.4 A as a whole, of which its confidence says nothing
            atom.b_iso = 95.0
    path = tmp_path / "predicted.cif"
    structure.make_mmcif_document().write_file(str(path))
    options = {"model": str(path), "reference": str(small.deposited), "steps": 15, "confidence": "plddt"}
    told = Told()
    metrics = run(make_job(**options), told)
    assert any("44 predicted residues are held relative to each other" in text for text in told.texts)
    assert metrics["ca_rmsd_start"] == pytest.approx(1.41, abs=0.02)
    assert metrics["ca_rmsd_known"] < 0.3
    assert metrics["measurements"]["internal_geometry"]["satisfied"] > 0.9


def test_residues_outside_the_map_stay_while_the_others_bend(small, make_job, tmp_path):
    structure = read_structure(small.deposited)
    for residue in structure[0]["A"]:
        for atom in residue:
            x, y, z = atom.pos.tolist()
            atom.pos = gemmi.Position(x, y + 1.5 * np.sin(2 * np.pi * x / 35.0), z)
    structure.make_mmcif_document().write_file(str(tmp_path / "bent.cif"))
    density, start = small.density, ca(tmp_path / "bent.cif")
    indices = density.to_index(start)
    axis = int(np.argmax(np.ptp(indices, axis=0)))
    cut = int(np.percentile(indices[:, axis], 75))
    part = [slice(None)] * 3
    part[axis] = slice(0, cut)
    write_map(DensityMap(density.values[tuple(part)].copy(), density.origin, density.axes), tmp_path / "half.mrc")
    told = Told()
    job = make_job(model=str(tmp_path / "bent.cif"), map=str(tmp_path / "half.mrc"), replicas=1)
    run(job, told)
    outside = indices[:, axis] > cut + 3.0 / density.voxel_size[axis]  # nor does any of its atoms reach in
    assert 4 <= outside.sum() <= 12 and any("lie outside the map and stay" in text for text in told.texts)
    moved = np.linalg.norm(ca(job.result) - start, axis=-1)
    assert moved[outside].max() < 2e-3 and moved[~outside].max() > 0.5
