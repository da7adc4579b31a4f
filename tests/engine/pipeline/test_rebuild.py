"""Building stretches anew: what is asked for moves, everything else comes back as it was."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.contract.specification import CompleteSpec, RefineSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.check import check
from adp3d.pipeline.problem import load_problem
from adp3d.placing.confidence_records import read_confidence
from adp3d.structure.read import read_structure


def places(path, chain="A"):
    """Place of each atom of a chain's residues, by number and names."""
    return {
        (residue.seqid.num, residue.name, atom.name, atom.altloc): tuple(atom.pos.tolist())
        for residue in read_structure(path)[0][chain]
        for atom in residue
    }


def sequence_records(path):
    document = gemmi.cif.read(str(path))
    return [row[0] for row in document[0].find("_entity_poly_seq.", ["mon_id"])]


@pytest.fixture
def two_chains(small, tmp_path):
    """The small model, a copy of it 60 A away as chain B, and waters of both."""
    structure = gemmi.read_structure(str(small.model))
    other = structure[0]["A"].clone()
    other.name = "B"
    for residue in other:
        residue.subchain = "Bxp"
        for atom in residue:
            atom.pos += gemmi.Position(60.0, 0.0, 0.0)
    structure[0].add_chain(other)
    structure.entities[0].subchains = [*structure.entities[0].subchains, "Bxp"]
    path = tmp_path / "two.cif"
    structure.make_mmcif_document().write_file(str(path))
    return path


def test_refining_a_stretch_leaves_the_rest_as_it_is(small, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    wrong = range(44, 50)
    for residue in structure[0]["A"]:
        if residue.seqid.num in wrong:
            for atom in residue:
                atom.pos += gemmi.Position(2.5, -2.5, 2.0)
    path = tmp_path / "wrong.cif"
    structure.make_mmcif_document().write_file(str(path))
    spec = RefineSpec(
        output=str(tmp_path / "job"), map=str(small.map), model=str(path), resolution=1.75, replicas=2, steps=30,
        device="cpu", rebuild=("A:44-49",),
    )  # fmt: skip
    job = JobFolder.create(spec)
    metrics = execute(job, NullEvents(), Control())
    before, after, right = places(path), places(job.result), places(small.deposited)
    assert {key[0] for key in after} == {key[0] for key in before}, "gaps elsewhere stay open"
    rest = [key for key in before if key[0] not in wrong]
    assert {key: after[key] for key in rest} == {key: before[key] for key in rest}
    moved = [key for key in after if key[0] in wrong and key[2] == "CA"]
    assert len(moved) == len(wrong)

    def rmsd(found):
        apart = [np.subtract(found[key], right[key]) for key in moved]
        return float(np.sqrt(np.square(apart).sum(-1).mean()))

    assert rmsd(before) > 3.9 and rmsd(after) < 1.5, (rmsd(before), rmsd(after))
    assert {key for key in after if key[0] in wrong} == {key for key in before if key[0] in wrong}, "side chains stay"
    assert sequence_records(job.result) == sequence_records(path) and len(sequence_records(path)) == 44
    assert metrics["placement"]["chains"][0]["unmodelled"] == ()
    assert metrics["residues"] == 37 == len(read_confidence(job.result))


def test_a_gap_inside_of_a_stretch_is_built(small, tmp_path):
    spec = CompleteSpec(
        output=str(tmp_path / "job"), model=str(small.model), replicas=2, steps=8, device="cpu", rebuild=("A:28-38",)
    )
    job = JobFolder.create(spec)
    execute(job, NullEvents(), Control())
    before, after = places(small.model), places(job.result)
    assert sorted({key[0] for key in after}) == list(range(small.first, small.last + 1))
    rest = [key for key in before if not 28 <= key[0] <= 38]
    assert {key: after[key] for key in rest} == {key: before[key] for key in rest}
    assert any(after[key] != before[key] for key in before if 28 <= key[0] <= 38)


def test_other_chains_are_no_part_of_the_job(two_chains, tmp_path):
    spec = CompleteSpec(
        output=str(tmp_path / "job"), model=str(two_chains), replicas=1, steps=4, device="cpu", prior="gaussian",
        rebuild=("B:40-45",),
    )  # fmt: skip
    problem = load_problem(spec, NullEvents())
    assert problem.polymer.chain_ids == ("B",)
    job = JobFolder.create(spec)
    execute(job, NullEvents(), Control())
    assert places(job.result) == places(two_chains)
    before, after = places(two_chains, "B"), places(job.result, "B")
    assert {key[0] for key in before if before[key] != after[key]} == set(range(40, 46))


def test_whole_chains_beside_a_stretch(two_chains):
    spec = CompleteSpec(
        output="unused", model=str(two_chains), device="cpu", prior="gaussian", chains=("A", "B"), rebuild=("B:40-45",)
    )
    problem = load_problem(spec, NullEvents())
    target, chain = problem.target, problem.polymer.chain_index
    assert (chain == 0).sum() == 44 and (chain == 1).sum() == 37
    assert not problem.kept[chain == 0].any() and problem.kept[chain == 1].sum() == 31
    unknown = [label[1] for label, known in zip(target.labels, target.known[:, 1], strict=True) if not known]
    assert unknown == [*range(30, 37), *range(40, 46)]
    # the gap of B stays a gap for the prior and the geometry
    jump = problem.polymer.residue_index[chain == 1]
    assert np.diff(jump).tolist() == [*[1] * 15, 8, *[1] * 20]
    again = problem.with_breaks_between(np.ones(target.n_residues, bool))
    assert np.array_equal(again.polymer.residue_index, problem.polymer.residue_index)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rebuild": ("A:300-310",)}, "no residues 'A:300-310'"),
        ({"rebuild": ("Q:3",)}, "no protein chain 'Q'"),
        ({"rebuild": ("A",)}, "Nothing would remain known"),
        ({"rebuild": ("A:20-25",), "keep": ("A:25",)}, "both to be kept and to be rebuilt"),
    ],
)
def test_what_is_refused(small, options, words):
    with pytest.raises(InputError, match=words):
        load_problem(CompleteSpec(output="unused", model=str(small.model), device="cpu", **options), NullEvents())


def test_check_says_what_will_be_done(small):
    spec = RefineSpec(
        output="unused", map=str(small.map), model=str(small.model), resolution=1.75, device="cpu",
        rebuild=("A:44-49",),
    )  # fmt: skip
    report = check(spec)
    assert report["ok"] and (report["residues"], report["missing"], report["kept"]) == (37, 6, 31)
    assert any("6 residues (44 to 49) are built anew; everything else stays" in line for line in report["lines"])


def test_numbers_are_those_of_the_users_model_also_where_joining_renumbers(small, tmp_path):
    """Of many fragments that each count from 1 none keeps its numbers in the result."""
    structure = gemmi.read_structure(str(small.model))
    pieces = [[r.clone() for r in structure[0]["A"]][a:b] for a, b in ((0, 12), (12, 24), (24, 37))]
    del structure[0]["A"]
    for name, piece in zip("XYZ", pieces, strict=True):
        chain = gemmi.Chain(name)
        for i, residue in enumerate(piece, 1):
            residue.seqid, residue.subchain, residue.label_seq = gemmi.SeqId(i, " "), f"{name}xp", None
            chain.add_residue(residue)
        structure[0].add_chain(chain)
    del structure.entities[:]
    path = tmp_path / "pieces.cif"
    structure.make_mmcif_document().write_file(str(path))
    options = {"output": "unused", "model": str(path), "device": "cpu", "prior": "gaussian", "sequence": small.sequence}
    problem = load_problem(CompleteSpec(**options, keep=("Y:1-3",)), NullEvents())
    shown = [place.residue for place, kept in zip(problem.target.sources, problem.kept, strict=True) if kept]
    assert shown == [0, 1, 2] and problem.kept.sum() == 3
