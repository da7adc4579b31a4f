"""Folding a short sequence from distances."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.contract.specification import DistancesSpec
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.measurement.distances import load_restraints
from adp3d.pipeline.distances import polymer_of_sequences
from adp3d.structure.read import read_structure
from adp3d.structure.sequences import parse_sequence_argument


@pytest.fixture(scope="module")
def helix(small):
    """Residues 14 to 33 of the example, a real helix: CA (20, 3)."""
    return np.array([r["CA"][0].pos.tolist() for r in gemmi.read_structure(str(small.deposited))[0]["A"]])[:20]


@pytest.fixture
def make_job(small, helix, tmp_path):
    rows = ["residue1,residue2,distance"]
    rows += [
        f"{i + 1},{j + 1},{np.linalg.norm(helix[i] - helix[j]):.2f}" for i in range(20) for j in range(i + 2, 20, 2)
    ]
    (tmp_path / "r.csv").write_text("\n".join(rows) + "\n")
    count = iter(range(100))

    def make(**options):
        options = {"sequence": small.sequence[:20], "replicas": 2, "steps": 12, "device": "cpu"} | options
        return JobFolder.create(
            DistancesSpec(output=str(tmp_path / f"job{next(count)}"), restraints=str(tmp_path / "r.csv"), **options)
        )

    return make


class StopAt(NullEvents):
    def __init__(self, control, stage, step):
        self.control, self.where = control, (stage, step)

    def progress(self, stage, step, total, metrics=None):
        if (stage, step) == self.where:
            self.control.stop()


def run(job, events=None, control=None):
    return execute(job, events or NullEvents(), control or Control())


def test_distances_are_met_and_the_helix_is_right_handed(small, make_job, helix):
    job = make_job(reference=str(small.deposited), steps=20)
    metrics = run(job)
    assert metrics["restraints_satisfied_percent"] > 90
    assert metrics["restraints_skipped"] == 0 and metrics["residues"] == 20
    structure = read_structure(job.result)
    ca = np.array([r["CA"][0].pos.tolist() for r in structure[0]["A"]])
    assert ca.shape == (20, 3)
    between = np.linalg.norm(ca[:, None] - ca, axis=-1) - np.linalg.norm(helix[:, None] - helix, axis=-1)
    assert np.sqrt(np.square(between).mean()) < 1.0
    step = np.diff(ca, axis=0)
    assert (np.cross(step[:-2], step[1:-1]) * step[2:]).sum(-1).mean() > 0
    assert len(metrics["reflected"]) == len(metrics["replica_scores"]) == 2
    assert {"result", "ensemble", "trajectory", "convergence", "confidence"} <= set(job.outputs())
    names = [r.name for r in structure[0]["A"]]
    assert gemmi.one_letter_code(names) == small.sequence[:20]
    assert [r.seqid.num for r in structure[0]["A"]] == list(range(1, 21))


@pytest.mark.parametrize(("stage", "step"), [("folding", 5), ("choosing the hand", 2)])
def test_stopped_and_resumed_gives_the_same_bits(make_job, stage, step):
    whole, stopped, control = make_job(), make_job(), Control()
    run(whole)
    with pytest.raises(Stopped):
        run(stopped, StopAt(control, stage, step), control)
    run(JobFolder.open(stopped.path))
    for name in ("result.cif", "ensemble.cif"):
        assert (stopped.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_the_papers_own_updates_run(make_job):
    metrics = run(make_job(update="gradient", prior="gaussian", steps=10))
    assert np.isfinite(metrics["largest_violation"])


def test_several_chains_are_named_and_numbered(small, make_job, tmp_path):
    (tmp_path / "two.fasta").write_text(f">one\n{small.sequence[:20]}\n>two\n{small.sequence[20:30]}\n")
    (tmp_path / "r.csv").write_text("chain1,residue1,chain2,residue2,distance\nA,3,B,4,8.0\nA,1,A,9,12.0\n")
    job = make_job(sequence=str(tmp_path / "two.fasta"), steps=4, prior="gaussian")
    metrics = run(job)
    assert metrics["residues"] == 30 and metrics["restraints"] == 2
    model = read_structure(job.result)[0]
    assert [(chain.name, len(chain)) for chain in model] == [("A", 20), ("B", 10)]


def test_restraints_about_other_residues_are_refused(make_job, tmp_path):
    (tmp_path / "r.csv").write_text("residue1,residue2,distance\n1,900,12.0\n")
    with pytest.raises(InputError):
        run(make_job())


def test_a_table_as_spreadsheets_and_simulations_write_it(small, helix, tmp_path):
    """Semicolons, decimal commas, nanometres and both directions: the same restraints as from a plain table."""
    pairs = [(i, j) for i in range(20) for j in range(i + 2, 20, 2)]
    length = {pair: float(np.linalg.norm(helix[pair[0]] - helix[pair[1]])) for pair in pairs}
    plain = ["residue1,residue2,distance"] + [f"{i + 1},{j + 1},{length[i, j]:.2f}" for i, j in pairs]
    other = ["residue1;residue2;distance"]
    for i, j in pairs:
        value = f"{length[i, j] / 10:.3f}".replace(".", ",")
        other += [f"{i + 1};{j + 1};{value}", f"{j + 1};{i + 1};{value}"]
    found = []
    for name, rows in (("plain.csv", plain), ("other.csv", other)):
        (tmp_path / name).write_text("\n".join(rows) + "\n")
        spec = DistancesSpec(output="unused", restraints=str(tmp_path / name), sequence=small.sequence[:20])
        events = Heard()
        polymer = polymer_of_sequences(parse_sequence_argument(spec.sequence))
        found.append((load_restraints(spec.restraints, polymer, None, events), events.texts))
    (right, quiet), (same, told) = found
    assert len(same) == len(right) == len(pairs)
    np.testing.assert_array_equal(same.residues, right.residues)
    np.testing.assert_allclose(same.upper, right.upper, atol=0.011)
    assert not any("nanometres" in text or "count once" in text for text in quiet)
    assert sum("taken as nanometres" in text for text in told) == 1
    assert sum("90 distances" in text and "count once" in text for text in told) == 1


class Heard(NullEvents):
    def __init__(self):
        self.texts = []

    def message(self, text, level="info"):
        self.texts.append(text)


def test_shifted_numbers_are_refused_with_the_shift(small, tmp_path):
    (tmp_path / "r.csv").write_text("residue1,residue2,distance\n15,20,12.0\n18,33,8.0\n")
    spec = DistancesSpec(output="unused", restraints=str(tmp_path / "r.csv"), sequence=small.sequence[:20])
    with pytest.raises(InputError, match=r"from 15 to 33.*fit with -13 added"):
        load_restraints(
            spec.restraints, polymer_of_sequences(parse_sequence_argument(spec.sequence)), None, NullEvents()
        )


def test_layout_spread_and_why_nothing_can_be_held(make_job):
    class Live(NullEvents):
        layouts, spreads, texts = [], [], []

        def layout(self, layout):
            self.layouts.append(layout)

        def residue_metric(self, name, values, step):
            self.spreads.append((name, values))

        def message(self, text, level="info"):
            self.texts.append(text)

    control, events = Control(), Live()
    control.hold([1, 2])
    run(make_job(prior="gaussian", steps=4), events, control)
    (layout,) = events.layouts
    assert layout.numbers == list(range(1, 21)) and not any(layout.known)
    assert {name for name, _ in events.spreads} == {"residue_spread"}
    assert all(len(values) == 20 and np.isfinite(values).all() for _, values in events.spreads)
    assert any("cannot be held" in text for text in events.texts)
