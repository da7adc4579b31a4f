"""A complex of which only what is missing, and what is around it, is sampled."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from symmetric_complex import assembled, simulated_map

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.check import check
from adp3d.pipeline.other_register import freed
from adp3d.pipeline.prepared import prepare
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.windows import find_windows
from adp3d.structure.read import read_structure

RESIDUES = 3 * 44


class Told(NullEvents):
    """What is said, and the frames."""

    def __init__(self, stop_at=None, control=None):
        self.texts, self.frames, self.figures = [], [], []
        self._stop_at, self._control = stop_at, control

    def message(self, text, level="info"):
        self.texts.append(text)

    def frame(self, step, coordinates, first_replica=0):
        self.frames.append(coordinates.copy())
        if self._stop_at is not None and len(self.frames) == self._stop_at:
            self._control.stop()

    def residue_metric(self, name, values, step):
        self.figures.append(len(values))


@pytest.fixture(scope="module")
def case(small, tmp_path_factory):
    """Three chains of 44 residues of which one lacks seven, and their map at 3 A."""
    folder = tmp_path_factory.mktemp("windows")
    truth, _ = assembled(small.deposited, "C3", 19.0)
    simulated_map(truth, folder / "map.mrc")
    truth.make_mmcif_document().write_file(str(folder / "true.cif"))
    model = truth.clone()
    chain = model[0][1]
    for number in reversed([i for i, residue in enumerate(chain) if residue.seqid.num in small.missing]):
        del chain[number]
    model.make_mmcif_document().write_file(str(folder / "model.cif"))
    spec = RefineSpec(
        output=str(folder / "job"), map=str(folder / "map.mrc"), model=str(folder / "model.cif"),
        sequence=small.sequence, resolution=3.0, replicas=2, steps=10, device="cpu", dock="never",
        density_weight=1.0, trajectory_interval=0, region="windows",
    )  # fmt: skip
    return spec, folder, chain.name


def atoms(path):
    return {
        (chain.name, residue.seqid.num, atom.name): (*atom.pos.tolist(), atom.occ)
        for chain in gemmi.read_structure(str(path))[0]
        for residue in chain
        for atom in residue
    }


def missing_rmsd(result, folder, chain, numbers):
    found, right = atoms(result), atoms(folder / "true.cif")
    ways = [np.subtract(found[chain, n, "CA"], right[chain, n, "CA"])[:3] for n in numbers]
    return float(np.sqrt(np.square(ways).sum(-1).mean()))


@pytest.fixture(scope="module")
def finished(case):
    spec, *_ = case
    job, told = JobFolder.create(spec), Told()
    return job, told, execute(job, told, Control())


def test_what_is_missing_is_built_and_all_else_stays_bit_for_bit(finished, case, small):
    job, told, metrics = finished
    spec, folder, chain = case
    sampled = metrics["residues_sampled"]
    assert metrics["residues"] == RESIDUES and 12 < sampled < 66
    sentence = f"{sampled} of {RESIDUES} residues are sampled: 7 to be built (gaps: 1)"
    assert any(text.startswith(sentence) for text in told.texts)
    assert missing_rmsd(job.result, folder, chain, small.missing) < 1.0
    before, after = atoms(spec.model), atoms(job.result)
    moved = {key[:2] for key in before if after[key] != before[key]}
    assert {name for name, _ in moved} <= {chain}
    assert 0 < len(moved) < sampled - 7
    assert {key[:2] for key in after} - {key[:2] for key in before} == {(chain, n) for n in small.missing}
    assert metrics["measurements"]["obstacles"]["log_likelihood"] > -20.0, "of the residues that it is about"
    (segment,) = metrics["segments"]
    assert (segment["chain"], segment["length"]) == (chain, 7)


def test_a_check_tells_the_same_windows_and_what_they_cost(finished, case):
    spec, *_ = case
    _, told, _ = finished
    report, whole = check(spec), check(replace(spec, region="all"))
    (sentence,) = [text for text in told.texts if "residues are sampled" in text]
    assert sentence in report["lines"] and sentence not in whole["lines"]
    # side chains and relaxation at the end are of all residues in both
    assert report["cost"]["seconds"] < 0.8 * whole["cost"]["seconds"]
    assert report["cost"]["peak_bytes"] < whole["cost"]["peak_bytes"]


def test_frames_and_figures_are_those_of_the_whole_model(finished, case):
    _, told, metrics = finished
    shown = read_structure(case[0].model)
    assert {one.shape[1:] for one in told.frames} == {(RESIDUES, 4, 3)} and set(told.figures) == {RESIDUES}
    still = np.ptp(np.stack([one[0, :, 1] for one in told.frames]), axis=0).max(-1) == 0
    assert still.sum() >= RESIDUES - metrics["residues_sampled"]
    first = shown[0][0][0]["CA"][0].pos.tolist()
    np.testing.assert_allclose(told.frames[0][0, 0, 1], first, atol=1e-3)


@pytest.mark.slow
def test_a_job_that_is_stopped_goes_on_to_the_same_result(finished, case, tmp_path):
    job, told, _ = finished
    spec = replace(case[0], output=str(tmp_path / "job"))
    again, control = JobFolder.create(spec), Control()
    with pytest.raises(Stopped):
        execute(again, Told(len(told.frames) // 2, control), control)
    execute(again, NullEvents(), Control())
    assert atoms(again.result) == atoms(job.result)


def windows_of(spec):
    told = Told()
    return find_windows(spec, prepare(spec, load_problem(spec, NullEvents()), NullEvents(), Control()), told), told


def test_residues_are_where_they_were(case):
    windows, _ = windows_of(case[0])
    part, whole = windows.part, windows.whole
    start = whole.problem.start()
    assert (windows.within(windows.of(start)[None])[0] == start).all()
    stays = windows.elsewhere
    cuts = part.problem.kept.sum()
    assert 1 <= cuts == stays[windows.rows].sum() and stays.sum() == RESIDUES - len(windows.rows) + cuts
    assert part.problem.polymer.chain_ids == (case[2],), "chains without a window are not there"
    pins = windows.pins(part.problem.pins())
    np.testing.assert_array_equal(pins.mask.all(1), stays)
    np.testing.assert_array_equal(pins.xyz[stays], whole.problem.target.xyz[stays])


def test_what_is_not_known_any_more_in_a_window_is_not_in_the_whole(case):
    windows, _ = windows_of(case[0])
    part = windows.part
    assert windows.after(part) is windows
    row = int(np.flatnonzero(part.support.trusted & ~part.problem.kept)[0])
    touched = np.arange(len(windows.rows)) == row
    later = windows.after(freed(part, touched))
    lost = windows.rows[row]
    assert np.flatnonzero(later.whole.support.trusted != windows.whole.support.trusted).tolist() == [lost]
    assert not later.whole.problem.target.known[lost].any()
    assert later.part.problem.target.n_residues == len(windows.rows)


def test_weights_are_tried_in_parts_of_the_data_around_the_windows(case):
    windows, _ = windows_of(case[0])
    (fold,) = windows.folds()
    x = windows.part.problem.start()[None]
    known = windows.part.problem.known_residues
    for density in (fold.work, fold.free):
        assert density.likelihood.atoms.n_residues == len(windows.rows)
        fit = density.known_fit(x)[0]
        assert np.isfinite(fit[known]).all() and np.median(fit[known]) > 0.7
    assert fold.work.resolution > fold.free.resolution


def write_others(spec, folder):
    """The model with a chain 0.9 A beside its density, and as a prediction."""
    structure = read_structure(spec.model)
    for residue in structure[0][2]:
        for atom in residue:
            atom.pos += gemmi.Position(0.0, 0.9, 0.0)
    structure.make_mmcif_document().write_file(str(folder / "bent.cif"))
    structure = read_structure(spec.model)
    for found in structure[0].all():
        found.atom.b_iso = 90.0
    structure.make_mmcif_document().write_file(str(folder / "sure.cif"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"prior": "gaussian"}, "the prior does not see the map"),
        ({"confidence": "plddt", "model": "sure.cif"}, "bind distant residues"),
        ({"model": "true.cif"}, "nothing is to be built"),
        ({"model": "bent.cif"}, "would fit the map better elsewhere"),
    ],
)
def test_everything_is_sampled_where_the_model_may_have_to_move(case, options, reason):
    spec, folder, _ = case
    if "model" in options:
        write_others(spec, folder)
        options = {**options, "model": str(folder / options["model"])}
    windows, told = windows_of(replace(spec, **options))
    assert windows is None
    assert any(text.startswith("All residues are sampled") and reason in text for text in told.texts)


def test_small_jobs_are_sampled_as_a_whole_unless_windows_are_asked_for(case):
    for region in ("auto", "all"):
        windows, told = windows_of(replace(case[0], region=region))
        assert windows is None and not told.texts


@pytest.mark.slow
def test_what_an_equal_chain_shows_is_built_where_the_map_hardly_shows_it(case, small, tmp_path):
    """Traces through a map of 6 A are vague; the other two copies have the loop."""
    spec, folder, chain = case
    simulated_map(gemmi.read_structure(str(folder / "true.cif")), tmp_path / "map.mrc", 6.0)
    told = Told()
    poor = replace(
        spec, map=str(tmp_path / "map.mrc"), resolution=6.0, output=str(tmp_path / "job"), side_chains="none"
    )
    job = JobFolder.create(poor)
    execute(job, told, Control())
    rmsd = missing_rmsd(job.result, folder, chain, small.missing)
    print(f"missing residues: {rmsd:.2f} A")
    assert any(text.startswith("Chains of equal sequence show") for text in told.texts)
    assert rmsd < 1.0
