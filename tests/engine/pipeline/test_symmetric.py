"""What a symmetric job computes, what is refused, and a whole job whose copies come out equal."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from symmetric_complex import AXIS, CENTRE, assembled, simulated_map

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec
from adp3d.contract.symmetry import operators_text
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.check import check
from adp3d.pipeline.equal_copies import following_copies
from adp3d.pipeline.problem import load_problem
from adp3d.structure.read import read_structure
from adp3d.structure.symmetry import apply

MISSING = range(15, 20)
"""Rows of each chain that the model lacks."""


@pytest.fixture(scope="module")
def trimer(small, make, tmp_path_factory):
    """Folder with ``map.mrc``, ``model.cif`` (gaps, copies that are a little off, a metal and a water beside them)."""
    folder = tmp_path_factory.mktemp("trimer")
    structure, symmetry = assembled(small.deposited, "C3", 13.0)
    simulated_map(structure, folder / "map.mrc")
    structure.make_mmcif_document().write_file(str(folder / "truth.cif"))
    model = structure.clone()
    rng = np.random.default_rng(0)
    for number, chain in enumerate(model[0]):
        shift = gemmi.Position(*rng.normal(0, 0.2, 3).tolist()) if number else gemmi.Position(0, 0, 0)
        for residue in chain:
            residue.seqid.num += 100 * number  # each copy has its own numbers
            for atom in residue:
                atom.pos += shift
        for row in reversed(MISSING):
            del chain[row]
    chain = gemmi.Chain("X")
    chain.append_residues(
        [make.small("ZN", 1, CENTRE, element="Zn"), make.small("HOH", 2, (3, -2, 15), "O", "O", water=True)]
    )
    model[0].add_chain(chain)
    model.add_entity_types()
    model.assign_subchains(False, False)
    model.ensure_entities()
    model.make_mmcif_document().write_file(str(folder / "model.cif"))
    single = model.clone()
    for name in [chain.name for chain in model[0]][1:3]:
        single[0].remove_chain(name)
    single.make_mmcif_document().write_file(str(folder / "single.cif"))
    return folder, symmetry


def spec_of(trimer, small, model="model.cif", **options):
    folder, _ = trimer
    options = {"map": str(folder / "map.mrc"), "model": str(folder / model), "sequence": small.sequence} | options
    return RefineSpec(
        **{"output": str(folder / "job"), "resolution": 3.0, "device": "cpu", "prior": "gaussian", "unseen": "build"}
        | options
    )


def load(trimer, small, **options):
    return load_problem(spec_of(trimer, small, **options), NullEvents())


def test_one_copy_is_computed(trimer, small):
    problem = load(trimer, small, symmetry="model")
    symmetric = problem.symmetric
    assert symmetric.symmetry.name == "C3" and symmetric.added == ()
    assert len(problem.polymer.chain_ids) == 1 and len(symmetric.target.polymer.chain_ids) == 3
    assert problem.scene(NullEvents()).symmetry is symmetric.symmetry
    rows = symmetric.rows(problem.target)
    assert sorted(rows.ravel().tolist()) == list(range(symmetric.target.n_residues))
    lines = " ".join(symmetric.lines())
    assert "Symmetry C3, 3 copies" in lines
    assert load(trimer, small).symmetric is None


@pytest.mark.parametrize("place", [0, 1])
def test_a_chain_is_named_and_its_copies_follow(trimer, small, place):
    """Whoever names one of several copies means all of them: no copy is put on top of those that are there."""
    folder, symmetry = trimer
    names = [chain.name for chain in read_structure(folder / "model.cif")[0]][:3]
    text = operators_text([one.ravel().tolist() for one in symmetry.operators])
    for given in ("model", text):
        symmetric = load(trimer, small, chains=(names[place],), symmetry=given).symmetric
        assert symmetric.chains == (names[place],) and symmetric.added == ()
        assert sorted(symmetric.orbits[0].copies) == sorted(names)


def test_a_copy_that_would_lie_on_another_chain_is_refused(trimer, small, tmp_path):
    folder, symmetry = trimer
    model = read_structure(folder / "model.cif")
    names = [chain.name for chain in model[0]][:3]
    for number, residue in enumerate(model[0][names[2]]):  # a chain of which the file knows no better
        residue.name = ("GLY", "SER")[number % 2]
    path = tmp_path / "other.cif"
    model.make_mmcif_document().write_file(str(path))
    text = operators_text([one.ravel().tolist() for one in symmetry.operators])
    with pytest.raises(InputError, match=f"puts a copy where the model has chain {names[2]}"):
        load(trimer, small, model=str(path), chains=tuple(names[:2]), symmetry=text)


def test_copies_that_the_model_lacks_are_added(trimer, small):
    axis, centre = ",".join(map(str, AXIS)), ",".join(map(str, CENTRE))
    problem = load(trimer, small, model="single.cif", symmetry="C3", symmetry_axis=axis, symmetry_centre=centre)
    symmetric = problem.symmetric
    assert len(symmetric.added) == 2 and not set(symmetric.added) & {"X", symmetric.chains[0]}
    assert all(name in " ".join(symmetric.lines()) for name in symmetric.added)
    # the axis is known exactly, so the map moves it hardly
    _, symmetry = trimer
    points = problem.target.xyz[problem.target.known]
    for one, other in zip(symmetric.symmetry.operators, symmetry.operators, strict=True):
        assert np.linalg.norm(apply(one, points) - apply(other, points), axis=-1).max() < 0.3


def test_operators_from_elsewhere_are_as_good_as_a_symbol(trimer, small):
    _, symmetry = trimer
    text = operators_text([one.ravel().tolist() for one in symmetry.operators[::-1]])
    symmetric = load(trimer, small, symmetry=text).symmetric
    assert symmetric.symmetry.name == "C3" and symmetric.added == ()
    assert load(trimer, small, model="single.cif", symmetry=text).symmetric.added != ()


def test_obstacles_follow_the_result(trimer, small):
    problem = load(trimer, small, symmetry="model")
    x = problem.target.xyz.copy()
    x[~problem.target.known] = 0
    followed = following_copies(problem.structure, problem.symmetric, problem.target, x + 1.0)
    own, copies = problem.symmetric.chains[0], problem.symmetric.orbits[0].copies
    assert [c.name for c in followed[0]] == [c.name for c in problem.structure[0]]
    for before, after in zip(problem.structure[0][own], followed[0][own], strict=True):
        assert [a.pos.tolist() for a in before] == [a.pos.tolist() for a in after]
    assert len(followed[0][copies[1]]) == problem.target.n_residues  # what was missing stands in the way, too
    wanted = apply(problem.symmetric.symmetry.operators[1], x[0] + 1.0)
    found = [followed[0][copies[1]][0][name][0].pos.tolist() for name in ("N", "CA", "C", "O")]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"symmetry": "C4"}, "takes the model into itself"),
        ({"symmetry": "assembly"}, "describes no assembly"),
        ({"symmetry": "model", "rebuild": ["A:5-9"]}, "do not go together"),
        ({"symmetry": "model", "model": "single.cif"}, "No two chains of the model have equal sequences"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(trimer, small, options, what):
    report = check(spec_of(trimer, small, **options))
    assert not report["ok"]
    (problem,) = report["problems"]
    assert what in problem and "\n" not in problem


def test_copies_outside_of_the_map_are_told(trimer, small):
    report = check(spec_of(trimer, small, model="single.cif", symmetry="C3", symmetry_centre=(500, 0, 0)))
    assert report["symmetry"] == "C3" and "one copy of the symmetry C3 only" in " ".join(report["lines"])


@pytest.mark.parametrize(
    "options", [{"symmetry": "model"}, {"symmetry": "C3"}, {"model": "single.cif", "symmetry": "C3"}]
)
def test_a_model_that_is_not_placed_yet_is_docked_before_its_symmetry_matters(trimer, small, tmp_path, options):
    folder, _ = trimer
    model = read_structure(folder / options.get("model", "model.cif"))
    for atom in model[0].all():
        atom.atom.pos += gemmi.Position(300, -200, 250)
    model.make_mmcif_document().write_file(str(tmp_path / "away.cif"))
    report = check(spec_of(trimer, small, **options | {"model": str(tmp_path / "away.cif")}))
    assert report["problems"] == [] and "docked first" in report["dock"]
    assert report["symmetry"] is None
    assert any("copies are looked for once the model is docked" in line for line in report["lines"])
    assert report["residues"] == len(small.sequence)  # of one copy, as the job will compute


@pytest.mark.parametrize("text", ["H,24,50,4", "H,-24,-50,4"])
def test_a_helix_is_the_same_for_any_order_of_its_chains_and_either_sign(small, tmp_path, text):
    structure, _ = assembled(small.deposited, "H,24,50,4", 13.0)
    simulated_map(structure, tmp_path / "map.mrc")
    names = [chain.name for chain in structure[0]]
    for number, name in enumerate(names):
        if number != 2:  # the third one is the most complete
            del structure[0][name][5 + number]
    shuffled = gemmi.Model(1)
    for number in (3, 0, 2, 1):
        shuffled.add_chain(structure[0][names[number]])
    structure[0] = shuffled
    structure.make_mmcif_document().write_file(str(tmp_path / "model.cif"))
    spec = RefineSpec(
        map=str(tmp_path / "map.mrc"), model=str(tmp_path / "model.cif"), sequence=small.sequence, symmetry=text,
        symmetry_axis=AXIS, symmetry_centre=CENTRE, output=str(tmp_path / "job"), resolution=3.0, device="cpu",
        prior="gaussian",
    )  # fmt: skip
    symmetric = load_problem(spec, NullEvents()).symmetric
    assert symmetric.chains == (names[2],) and symmetric.added == ()
    (orbit,) = symmetric.orbits
    own = np.array(structure[0][names[2]][-1]["CA"][0].pos.tolist())
    for operator, name in zip(symmetric.symmetry.operators, orbit.copies, strict=True):
        other = np.array(structure[0][name][-1]["CA"][0].pos.tolist())
        assert np.linalg.norm(apply(operator, own) - other) < 0.3
    assert len(symmetric.symmetry.neighbours()) == 6
    with pytest.raises(InputError, match=r"signs of the rise and of the angle"):
        load_problem(replace(spec, symmetry="H,24,-50,4"), NullEvents())


def test_copies_that_form_no_group_are_refused(trimer, small, tmp_path):
    folder, _ = trimer
    model = read_structure(folder / "model.cif")
    for residue in model[0][1]:
        for atom in residue:
            atom.pos = gemmi.Position(atom.pos.y, atom.pos.z, atom.pos.x + 40)
    model.make_mmcif_document().write_file(str(tmp_path / "turned.cif"))
    with pytest.raises(InputError, match="form no point group within 2 A"):
        load(trimer, small, model=str(tmp_path / "turned.cif"), symmetry="model")


def test_residues_to_keep_are_those_of_the_computed_copy(trimer, small):
    own = load(trimer, small, symmetry="model").symmetric.orbits[0].copies
    kept = load(trimer, small, symmetry="model", keep=[f"{own[0]}:{_first(trimer, own[0])}"])
    assert kept.kept.sum() == 1
    with pytest.raises(InputError, match="the copies follow"):
        load(trimer, small, symmetry="model", keep=[own[1]])


def _first(trimer, chain):
    return read_structure(trimer[0] / "model.cif")[0][chain][0].seqid.num


def test_the_check_tells_the_group_and_hints_at_it(trimer, small):
    report = check(spec_of(trimer, small, symmetry="model"))
    assert report["ok"] and report["symmetry"] == "C3"
    assert any(line.startswith("Symmetry C3, 3 copies") for line in report["lines"])
    plain = check(spec_of(trimer, small))
    assert plain["symmetry"] is None
    assert any("are copies with symmetry C3" in line for line in plain["lines"])
    assert report["cost"]["seconds"] < plain["cost"]["seconds"]


def test_a_whole_job_writes_equal_copies(trimer, small, tmp_path):
    folder, _ = trimer
    spec = spec_of(
        trimer, small, symmetry="model", output=str(tmp_path / "job"), steps=2, replicas=1, prior="builtin",
        relax=False, trajectory_interval=0,
    )  # fmt: skip
    job = JobFolder.create(replace(spec, density_weight=1.0))
    metrics = execute(job, NullEvents(), Control())
    before, after = read_structure(folder / "model.cif"), read_structure(job.result)
    told = metrics["symmetry"]
    assert told["group"] == "C3" and told["added"] == [] and set(told["map_cc_by_copy"]) == set(told["copies"][0])
    assert all(value > 0.5 for value in told["map_cc_by_copy"].values())
    operators, names = np.array(told["operators"]), told["copies"][0]
    own = after[0][names[0]]
    for operator, name in zip(operators, names, strict=True):
        chain = after[0][name]
        assert [r.name for r in chain] == [r.name for r in own] and len(chain) == len(small.sequence)
        # the user's names and numbers, missing residues numbered in between
        numbers = [r.seqid.num for r in chain]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert set(r.seqid.num for r in before[0][name]) <= set(numbers)
        places = [np.array([a.pos.tolist() for r in c for a in r]) for c in (own, chain)]
        assert np.abs(apply(operator, places[0]) - places[1]).max() < 0.01
    # what is none of the job's is bit for bit what it was
    for one, other in zip(before[0]["X"], after[0]["X"], strict=True):
        assert [(a.name, *a.pos.tolist(), a.b_iso, a.occ) for a in one] == [
            (a.name, *a.pos.tolist(), a.b_iso, a.occ) for a in other
        ]
    confidence = (job.path / "confidence.defattr").read_text() if (job.path / "confidence.defattr").is_file() else ""
    assert not confidence or all(f"/{name}:" in confidence for name in names)
