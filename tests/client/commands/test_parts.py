"""Chains and residues in the commands' specifiers: honoured, or refused with a sentence."""

from __future__ import annotations

import numpy as np
import pytest

SHORT = "replicas 2 steps 3 device cpu prior gaussian"


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


def _key(residue):
    return residue.chain_id, residue.number, residue.name


def _places(model):
    return {(_key(a.residue), a.name): tuple(a.coord) for a in model.atoms}


def test_one_chain_is_worked_on_and_the_others_stay(session, make_model, messages, tmp_path):
    model = make_model(chains="AB", waters=1)
    number, before = model.id_string, _places(model)
    job = _run(session, f"adp3d complete #{number}/A {SHORT} folder {tmp_path / 'job'}")
    assert job.prepared.spec["chains"] == ["A"] and job.prepared.spec["rebuild"] is None
    assert job.prepared.command == f"adp3d complete #{number}/A replicas 2 steps 3 prior gaussian device cpu"
    assert job.title == f"complete #{number}/A"
    assert any(f"ADP-3D works on chain A of #{number} only" in " ".join(text.split()) for _, text in messages)
    assert set(job.layout.chains) == {"A"}
    _run(session, f"adp3d accept {job.id}")
    assert {r.number for r in model.residues if r.chain_id == "A"} >= {8, 9, 10}
    assert not {r.number for r in model.residues if r.chain_id == "B"} & {8, 9, 10}
    after = _places(model)
    others = {key for key in before if key[0][0] != "A" or key[0][2] == "HOH"}
    assert others and {key: after[key] for key in others} == {key: before[key] for key in others}


@pytest.mark.parametrize("written", ["#{m}/A:12-16", "sel"])
def test_a_stretch_is_built_anew_and_nothing_else_moves(session, make_model, select, tmp_path, written):
    model = make_model(chains="AB")
    number, before = model.id_string, _places(model)
    bfactors = {(_key(a.residue), a.name): a.bfactor for a in model.atoms}
    select(model, lambda atom: atom.residue.chain_id == "A" and 12 <= atom.residue.number <= 16)
    job = _run(session, f"adp3d complete {written.format(m=number)} {SHORT} folder {tmp_path / 'job'}")
    assert (job.prepared.spec["chains"], job.prepared.spec["rebuild"]) == (["A"], ["A:12-16"])
    assert f"adp3d complete #{number}/A:12-16 replicas" in job.prepared.command
    _run(session, f"adp3d accept {job.id}")
    after = _places(model)
    assert before.keys() <= after.keys()
    # side chains of the stretch are whole now; the gap from 8 to 10 stays
    assert {key[0][:2] for key in after.keys() - before.keys()} <= {("A", number) for number in range(12, 17)}
    moved = {key[0] for key in before if before[key] != after[key]}
    assert {key[:2] for key in moved} == {("A", number) for number in range(12, 17)}
    same = [a.bfactor == bfactors[_key(a.residue), a.name] for a in model.atoms if _key(a.residue) not in moved]
    assert same and all(same)


@pytest.mark.parametrize("numbers", ["6-12", "8-10"])
def test_a_gap_within_a_stretch_is_built(session, make_model, tmp_path, numbers):
    model = make_model(missing=(4, 8, 9, 10))
    before = _places(model)
    job = _run(session, f"adp3d complete #{model.id_string}/A:{numbers} {SHORT} folder {tmp_path / 'job'}")
    _run(session, f"adp3d accept {job.id}")
    assert sorted(r.number for r in model.residues) == [n for n in range(1, 21) if n != 4]
    after = _places(model)
    moved = {key[0][1] for key in before if before[key] != after[key]}
    assert moved == ({6, 7, 11, 12} if numbers == "6-12" else set()), "nothing but the gap is built if it is named"


def test_check_sees_what_the_job_would(session, make_model):
    model = make_model(chains="AB")
    report = _run(session, f"adp3d check #{model.id_string}/B:12-16 device cpu")
    assert (report["residues"], report["missing"], report["kept"]) == (17, 5, 12)
    assert [chain["chain_id"] for chain in report["chains"]] == ["B"]


def test_compare_only_what_is_named(session, make_model, select):
    one, two = make_model(chains="AB", missing=()), make_model(chains="AB", missing=(8, 9))
    for atom in one.atoms:
        if atom.residue.chain_id == "B":
            atom.coord = atom.coord + np.array([0.0, 3.0, 0.0])
    a, b = f"#{one.id_string}", f"#{two.id_string}"
    whole = _run(session, f"adp3d compare {a} {b}")
    assert whole["rmsd"] == pytest.approx(np.sqrt(4.5)) and whole["reference_residues"] == 40
    assert _run(session, f"adp3d compare {a}/A {b}")["rmsd"] == pytest.approx(0.0, abs=1e-4)
    part = _run(session, f"adp3d compare {a}/B:5-12 {b}/B:5-12")
    assert (part["residues"], part["reference_residues"], part["model"]) == (6, 8, f"{a}/B:5-12")
    assert part["rmsd"] == pytest.approx(3.0)
    select(two, lambda atom: atom.residue.chain_id == "A")
    assert _run(session, f"adp3d compare {a} sel")["reference_residues"] == 20


def test_what_cannot_be_honoured_is_refused(session, make_model, tmp_path):
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.core.errors import UserError

    model = make_model(chains="AB")
    m = f"#{model.id_string}"
    table = tmp_path / "restraints.csv"
    table.write_text("chain1,residue1,atom1,chain2,residue2,atom2,distance\nA,1,CA,A,5,CA,6.2\n")
    wrong = {
        f"adp3d complete {m}/Z": "names no residue",
        f"adp3d complete {m}/A:30-40": r"has no residues A 30-40",
        f"adp3d complete {m}/A chains B": "'chains' names B, which is no part",
        f"adp3d complete {m}/A:3-6 keep {m}/A:5": r"built anew \(such as A 5\)",
        f"adp3d distances {m}/A:3-9 restraints {table}": f"names a part of chain {m}/A.*use {m}/A",
        f"adp3d complete {m} sequence {m}/B:3-9": f"names a part of chain {m}/B",
        f"adp3d accept into {m}/A": "can only be taken as a whole here",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=words):
            _run(session, command)
    assert not job_manager(session).jobs


def test_residues_to_keep_outside_of_the_part_need_no_mention(session, make_model, tmp_path):
    model = make_model(chains="AB")
    m = f"#{model.id_string}"
    job = _run(session, f"adp3d complete {m}/A keep {m}/A:3/B:5 {SHORT} folder {tmp_path / 'job'}")
    assert job.prepared.spec["keep"] == ["A:3"]
    job = _run(session, f"adp3d complete {m}/A keep {m}/B {SHORT} folder {tmp_path / 'other'}")
    assert job.prepared.spec["keep"] is None


def test_a_sequence_of_the_selection(session, make_model, select):
    from chimerax.adp3d.handover.sequences import resolve_sequence

    model = make_model(chains="AB")
    select(model, lambda atom: atom.residue.chain_id == "B")
    assert resolve_sequence(session, "sel") == resolve_sequence(session, f"#{model.id_string}/B")
    assert resolve_sequence(session, "SEL") == "SEL", "letters are letters"


def test_only_a_part_of_the_reference_counts(session, make_model, tmp_path):
    from chimerax.adp3d.handover.atoms import read_cif_atoms

    model, known = make_model(), make_model(chains="AB", missing=())
    command = f"adp3d complete #{model.id_string} reference #{known.id_string}/A:1-12 {SHORT}"
    job = _run(session, f"{command} folder {tmp_path / 'job'}")
    assert f"reference #{known.id_string}/A:1-12" in job.prepared.command
    (path,) = (tmp_path / "job" / "inputs").glob("reference*")
    assert {r.address[:2] for r in read_cif_atoms(path).residues} == {("A", n) for n in range(1, 13)}
