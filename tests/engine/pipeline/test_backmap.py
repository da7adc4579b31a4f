"""Jobs that build all atoms: what is kept, what is built, what is written, and how they go on."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from atom14_model import DEMO
from shared_data import shared_file

from adp3d.contract.errors import InputError
from adp3d.contract.specification import BackmapSpec
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.sidechain.templates import TEMPLATES
from adp3d.structure.read import read_structure

FIRST, LAST = 20, 43


class Told(NullEvents):
    """Events that keep the layout, and sentences with their levels."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def message(self, text, level="info"):
        self.messages.append((text, level))

    def layout(self, layout):
        assert not hasattr(self, "laid_out"), "a layout is told once"
        self.laid_out = layout


@pytest.fixture(scope="module")
def whole() -> gemmi.Structure:
    """Twenty-four residues of the demo with ligand and insertion code, numbers of their own."""
    structure = read_structure(DEMO)
    chain = structure[0]["A"]
    residues = [r.clone() for r in chain if FIRST <= r.seqid.num <= LAST]
    cut = gemmi.Structure()
    cut.name = "CUT"
    model, named = gemmi.Model(1), gemmi.Chain("B")
    for k, residue in enumerate(residues):
        residue.seqid = gemmi.SeqId(100 + k - (k > 5), "A" if k == 6 else " ")
        named.add_residue(residue)
    ligand = gemmi.Residue()
    ligand.name, ligand.seqid, ligand.het_flag = "ZN", gemmi.SeqId(500, " "), "H"
    ligand.entity_type = gemmi.EntityType.NonPolymer
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = "ZN", gemmi.Element("Zn"), gemmi.Position(1.0, 2.0, 3.0)
    ligand.add_atom(atom)
    other = gemmi.Chain("L")
    other.add_residue(ligand)
    model.add_chain(named)
    model.add_chain(other)
    cut.add_model(model)
    cut.setup_entities()
    for entity in cut.entities:
        entity.full_sequence = []
    return cut


def trimmed(whole: gemmi.Structure, keep: tuple[str, ...], rows: range | None = None) -> gemmi.Structure:
    """The structure with only some atoms of protein residues, of all rows or of some."""
    structure = whole.clone()
    for k, residue in enumerate(structure[0]["B"]):
        if rows is not None and k not in rows:
            continue
        for a in reversed(range(len(residue))):
            if residue[a].name not in keep:
                del residue[a]
    return structure


def written(structure: gemmi.Structure, path: Path) -> Path:
    if path.suffix == ".pdb":
        structure.write_pdb(str(path))
    else:
        structure.make_mmcif_document().write_file(str(path))
    return path


def run(path: Path, folder: Path, control: Control | None = None, **options):
    told = Told()
    job = JobFolder.create(BackmapSpec(model=str(path), output=str(folder), device="cpu", **options))
    return execute(job, told, control or Control()), told, job


def atoms(structure: gemmi.Structure, model: int = 0) -> dict[tuple[str, str, str], np.ndarray]:
    return {
        (chain.name, str(residue.seqid), atom.name): np.array(atom.pos.tolist())
        for chain in structure[model]
        for residue in chain
        for atom in residue
    }


def test_a_trace_gets_all_atoms_in_the_order_of_the_components(whole, tmp_path):
    path = written(trimmed(whole, ("CA",)), tmp_path / "trace.pdb")
    metrics, told, job = run(path, tmp_path / "job", samples=2)
    assert metrics["built_backbones"] == 24 and metrics["samples"] == 2 and metrics["frames"] == 1
    result = read_structure(job.result)
    assert len(result) == 2
    truth, given = atoms(whole), atoms(result)
    for k, (residue, before) in enumerate(zip(result[0]["B"], whole[0]["B"], strict=True)):
        assert (residue.name, str(residue.seqid)) == (before.name, str(before.seqid))
        end = ("OXT",) if k == 23 else ()
        assert tuple(a.name for a in residue) == (*TEMPLATES[residue.name].names, *end)
        assert tuple(a.element.name for a in residue)[:4] == ("N", "C", "C", "O")
    for label, place in truth.items():
        if label[2] in ("CA", "ZN"):
            np.testing.assert_allclose(given[label], place, atol=1e-3)
    far = max(np.linalg.norm(given[label] - place) for label, place in truth.items() if label in given)
    assert 0.2 < far < 12
    second = atoms(result, 1)
    assert any(np.linalg.norm(second[label] - given[label]) > 0.5 for label in given)
    as_pdb = read_structure(job.result_pdb)  # the input was one
    assert len(as_pdb) == 2 and atoms(as_pdb, 1).keys() == second.keys()
    assert told.laid_out.chains == ["B"] * 24 and told.laid_out.insertion_codes[6] == "A"
    assert metrics["validation"]["after"]["bond_rmsz"] < 1


def test_bonds_are_those_of_the_chemistry(whole, tmp_path):
    path = written(trimmed(whole, ("CA",)), tmp_path / "trace.cif")
    _, _, job = run(path, tmp_path / "job")
    assert not job.result_pdb.exists()
    for residue in read_structure(job.result)[0]["B"]:
        for one, other in TEMPLATES[residue.name].bonds:
            assert 1.15 < residue[one][0].pos.dist(residue[other][0].pos) < 1.95


@pytest.mark.parametrize("rows", [range(8, 14), range(0, 4), range(20, 24), range(1, 24, 2), range(12, 13)])
def test_a_trace_between_backbones_joins_them(whole, tmp_path, rows):
    path = written(trimmed(whole, ("CA",), rows), tmp_path / "mixed.cif")
    _, told, job = run(path, tmp_path / "job")
    assert not [text for text, level in told.messages if "wrong" in text]
    chain = read_structure(job.result)[0]["B"]
    truth, found = atoms(whole), atoms(read_structure(job.result))
    for k, residue in enumerate(chain):
        for atom in residue:
            label = ("B", str(residue.seqid), atom.name)
            if label in truth and (k not in rows or atom.name == "CA"):
                np.testing.assert_allclose(found[label], truth[label], atol=1e-3)
    for before, residue in zip(list(chain)[:-1], list(chain)[1:], strict=True):
        o, c, ca = (before[name][0].pos for name in ("O", "C", "CA"))
        n, following = residue["N"][0].pos, residue["CA"][0].pos
        assert c.dist(n) == pytest.approx(1.33, abs=0.05)
        assert n.dist(following) == pytest.approx(1.46, abs=0.06) and ca.dist(c) == pytest.approx(1.525, abs=0.06)
        for a, b, d, usual in ((ca, c, n, 117.2), (o, c, n, 122.7), (c, n, following, 121.7), (ca, c, o, 120.1)):
            assert np.rad2deg(gemmi.calculate_angle(a, b, d)) == pytest.approx(usual, abs=9.0)
        assert abs(np.rad2deg(gemmi.calculate_dihedral(ca, c, n, following))) > 150


def test_a_backbone_that_no_peptide_reaches_is_named(whole, tmp_path):
    mixed = trimmed(whole, ("CA",), range(8, 14))
    carbon = mixed[0]["B"][7]["C"][0]
    carbon.pos = gemmi.Position(*(2 * np.array(mixed[0]["B"][7]["CA"][0].pos.tolist()) - carbon.pos.tolist()))
    _, told, _ = run(written(mixed, tmp_path / "mixed.cif"), tmp_path / "job")
    assert any("bond lengths there are wrong" in text and "B 106 " in text for text, _ in told.messages)


def test_known_side_chains_stay_exactly_and_others_are_built_around_them(whole, tmp_path):
    structure = trimmed(whole, ("N", "CA", "C", "O"), range(8, 12))
    path = written(structure, tmp_path / "model.cif")
    metrics, _, job = run(path, tmp_path / "job")
    names = [residue.name for residue in whole[0]["B"]]
    built = sum(len(TEMPLATES[name].side_chain) > 0 for name in names[8:12])
    assert metrics["built_side_chains"] == built and metrics["built_backbones"] == 0
    result, given = atoms(read_structure(job.result)), atoms(structure)
    for label, place in given.items():
        np.testing.assert_allclose(result[label], place, atol=6e-4)
    for residue in read_structure(job.result)[0]["B"]:
        assert set(TEMPLATES[residue.name].names) <= {atom.name for atom in residue}
    # no sequence says where the chain ends: the backbone was there, and ended without OXT
    assert ("B", "122", "OXT") not in result


def test_residues_are_drawn_anew_where_asked(whole, tmp_path):
    path = written(whole, tmp_path / "model.cif")
    with pytest.raises(InputError, match="nothing is to be built"):
        run(path, tmp_path / "none")
    metrics, _, job = run(path, tmp_path / "job", rebuild=("B:102-104",))
    assert metrics["built_side_chains"] <= 3
    result, given = atoms(read_structure(job.result)), atoms(whole)
    moved = {label[1] for label in given if np.linalg.norm(result[label] - given[label]) > 1e-3}
    assert moved and moved <= {"102", "103", "104"}


@pytest.mark.parametrize(("first", "second"), [("OT1", "OT2"), ("O1", "O2"), ("OC1", "OC2"), ("O", "OT")])
def test_names_of_force_fields_are_those_atoms(whole, tmp_path, first, second):
    """ILE with CD and without CG2, and both oxygens of the end under other names: nothing is built twice."""
    structure = whole.clone()
    chain = structure[0]["B"]
    row = next(k for k, residue in enumerate(chain) if residue.name == "ILE")
    del chain[row][[a.name for a in chain[row]].index("CG2")]
    chain[row]["CD1"][0].name = "CD"
    chain[23]["O"][0].name = first
    end = chain[23]["C"][0].clone()
    end.name, end.element = second, gemmi.Element("O")
    end.pos = gemmi.Position(end.pos.x, end.pos.y, end.pos.z + 1.25)
    chain[23].add_atom(end)
    _, _, job = run(written(structure, tmp_path / "charmm.cif"), tmp_path / "job")
    result = read_structure(job.result)[0]["B"]
    # a side chain that lacks an atom is drawn whole
    assert [a.name for a in result[row]] == list(TEMPLATES["ILE"].names)
    assert sorted(a.name for a in result[23] if a.element.name == "O" and a.name in (first, second, "O", "OXT")) == (
        sorted([first, second])
    )


def test_oxygens_alone_are_placed(whole, tmp_path):
    structure = whole.clone()
    structure[0]["B"][4].remove_atom("O", "\0", gemmi.Element("O"))
    _, _, job = run(written(structure, tmp_path / "model.cif"), tmp_path / "job")
    result, truth = atoms(read_structure(job.result)), atoms(whole)
    label = ("B", "104", "O")
    assert np.linalg.norm(result[label] - truth[label]) < 0.2
    assert all(np.linalg.norm(result[other] - place) < 1e-3 for other, place in truth.items() if other != label)


def many_frames(whole, path: Path, count: int) -> Path:
    structure = trimmed(whole, ("CA",))
    rng = np.random.default_rng(1)
    for k in range(1, count):
        model = structure[0].clone()
        model.num = k + 1
        for residue in model["B"]:
            shift = rng.normal(scale=0.05, size=3)
            residue[0].pos = gemmi.Position(*(np.array(residue[0].pos.tolist()) + shift))
        structure.add_model(model)
    return written(structure, path)


class StopAfter(Told):
    def __init__(self, control: Control, frames: int) -> None:
        super().__init__()
        self._control, self._frames = control, frames

    def progress(self, stage, step, total, metrics=None):
        assert self.laid_out.numbers
        if step == self._frames:
            self._control.stop()


def test_a_stopped_job_goes_on_and_ends_with_the_same_files(whole, tmp_path):
    path = many_frames(whole, tmp_path / "frames.pdb", 4)
    run(path, tmp_path / "through", seed=3)
    control = Control()
    job = JobFolder.create(BackmapSpec(model=str(path), output=str(tmp_path / "halted"), device="cpu", seed=3))
    with pytest.raises(Stopped):
        execute(job, StopAfter(control, 2), control)
    assert not job.result.exists() and not job.finished
    told = Told()
    metrics = execute(JobFolder.open(job.path), told, Control())
    assert metrics["frames"] == 4
    for name in ("result.cif", "result.pdb"):
        assert (job.path / name).read_bytes() == (tmp_path / "through" / name).read_bytes()


def test_a_frame_does_not_depend_on_those_before_it(whole, tmp_path):
    three = many_frames(whole, tmp_path / "three.pdb", 3)
    alone = read_structure(three)
    del alone[1:]
    one = written(alone, tmp_path / "one.pdb")
    _, _, first = run(three, tmp_path / "a", seed=5)
    _, _, second = run(one, tmp_path / "b", seed=5)
    _, _, other = run(one, tmp_path / "c", seed=6)
    a, b, c = (atoms(read_structure(job.result)) for job in (first, second, other))
    assert max(np.linalg.norm(a[label] - b[label]) for label in a) < 2e-3
    assert max(np.linalg.norm(a[label] - c[label]) for label in a) > 0.5


def test_trajectories(whole, tmp_path):
    formats = pytest.importorskip("mdtraj.formats")
    model = many_frames(whole, tmp_path / "frames.pdb", 3)
    structure = read_structure(model)
    xyz = [[a.pos.tolist() for chain in m for r in chain for a in r] for m in structure]
    with formats.DCDTrajectoryFile(str(tmp_path / "run.dcd"), "w") as handle:
        handle.write(np.array(xyz, np.float32))
    with pytest.raises(InputError, match="give its model as 'topology'"):
        run(tmp_path / "run.dcd", tmp_path / "a")
    with pytest.raises(InputError, match="needs no 'topology'"):
        run(model, tmp_path / "b", topology=str(model))
    _, _, moving = run(tmp_path / "run.dcd", tmp_path / "c", topology=str(model))
    _, _, models = run(model, tmp_path / "d")
    a, b = (atoms(read_structure(job.result), 2) for job in (moving, models))
    assert max(np.linalg.norm(a[label] - b[label]) for label in a) < 0.02


@pytest.mark.parametrize("kind", ["pdb", "cif"])
def test_trajectories_follow_the_file_whatever_its_serial_numbers(whole, tmp_path, kind):
    """Serial numbers that begin again and a chain in two places, as in files of many atoms."""
    formats = pytest.importorskip("mdtraj.formats")
    lines = trimmed(whole, ("N", "CA", "C", "O")).make_pdb_string().splitlines()
    rows = [line for line in lines if line.startswith(("ATOM", "HETATM"))]
    # the end of the chain stands behind the ligand
    rows = [*rows[:80], rows[-1], *rows[80:-1]]
    xyz = [[float(row[k : k + 8]) for k in (30, 38, 46)] for row in rows]
    rows = [f"{row[:6]}{(7 * k) % 20:5}{row[11:]}" for k, row in enumerate(rows)]
    path = tmp_path / f"model.{kind}"
    text = "\n".join(["CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1", *rows, "END"]) + "\n"
    if kind == "pdb":
        path.write_text(text)
    else:
        document = gemmi.read_pdb_string(text, split_chain_on_ter=False).make_mmcif_document()
        table = document.sole_block().find("_atom_site.", ["id", "Cartn_x", "Cartn_y", "Cartn_z"])
        xyz = [[float(word) for word in list(row)[1:]] for row in table]
        for k, row in enumerate(table):
            row[0] = str((7 * k) % 20)
        document.write_file(str(path))
    with formats.DCDTrajectoryFile(str(tmp_path / "run.dcd"), "w") as handle:
        handle.write(np.array([xyz], np.float32))
    _, _, job = run(tmp_path / "run.dcd", tmp_path / "job", topology=str(path))
    truth, found = atoms(whole), atoms(read_structure(job.result))
    for label, place in truth.items():
        if label[2] in ("N", "CA", "C", "O"):
            np.testing.assert_allclose(found[label], place, atol=2e-3)


def test_beads_of_martini(tmp_path):
    path = shared_file("backmapping/1ab1/1ab1_A.martini3.pdb")
    metrics, told, job = run(path, tmp_path / "job")
    assert metrics["built_backbones"] == 46 and metrics["frames_with_impossible_steps"] == 0
    assert not [text for text, level in told.messages if level == "warning"]
    truth = atoms(read_structure(shared_file("backmapping/1ab1/1ab1_A.pdb")))
    found = atoms(read_structure(job.result))
    assert {label for label in truth if label[2][0] != "H"} <= found.keys()
    off = [np.linalg.norm(found[label] - truth[label]) for label in found if label[2] == "CA"]
    assert np.sqrt(np.mean(np.square(off))) < 0.45


def test_sequences_give_types_and_ends(whole, tmp_path):
    structure = trimmed(whole, ("CA",))
    names = [residue.name for residue in whole[0]["B"]]
    letters = gemmi.one_letter_code(names).upper()
    for residue in structure[0]["B"]:
        residue.name = "UNK"
    path = written(structure, tmp_path / "trace.cif")
    metrics, told, job = run(path, tmp_path / "bare")
    assert any("Nothing is known of the side chains" in text for text, _ in told.messages)
    assert metrics["built_side_chains"] == 0
    _, _, job = run(path, tmp_path / "job", sequence=letters + "GG")
    chain = read_structure(job.result)[0]["B"]
    assert [residue.name for residue in chain] == names
    assert "OXT" not in chain[23]  # the sequence goes on
    with pytest.raises(InputError, match="No sequence fits chain B"):
        run(path, tmp_path / "short", sequence=letters[:-3])


def test_bad_traces_are_refused_in_one_sentence_or_named(whole, tmp_path):
    structure = trimmed(whole, ("CA",))
    chain = structure[0]["B"]
    small = structure.clone()
    for residue in small[0]["B"]:
        residue[0].pos = gemmi.Position(*[v / 10 for v in residue[0].pos.tolist()])
    with pytest.raises(InputError, match="nanometres"):
        run(written(small, tmp_path / "nm.cif"), tmp_path / "a")
    same = structure.clone()
    same[0]["B"][5][0].pos = same[0]["B"][4][0].pos
    with pytest.raises(InputError, match=r"B 104 \w+ and B 105 \w+ are 0.00 A apart"):
        run(written(same, tmp_path / "same.cif"), tmp_path / "b")
    wide = structure.clone()
    for residue in wide[0]["B"]:
        residue[0].pos = gemmi.Position(*[v * 2 for v in residue[0].pos.tolist()])
    with pytest.raises(InputError, match="near enough for a peptide bond"):
        run(written(wide, tmp_path / "wide.cif"), tmp_path / "c")
    twice = structure.clone()
    twice[0]["B"][3].add_atom(chain[3][0])
    with pytest.raises(InputError, match="has the atom CA more than once"):
        run(written(twice, tmp_path / "twice.cif"), tmp_path / "d")
    gap = structure.clone()
    del gap[0]["B"][10:13]
    first, second = (np.array(gap[0]["B"][k][0].pos.tolist()) for k in (0, 1))
    gap[0]["B"][0][0].pos = gemmi.Position(*(second + 1.15 * (first - second)))
    _, told, job = run(written(gap, tmp_path / "gap.cif"), tmp_path / "e")
    warnings = [text for text, level in told.messages if level == "warning"]
    assert any("broken between B 108" in text for text in warnings)
    assert any("no peptide group spans" in text and "B 100" in text for text in warnings)
    assert len(read_structure(job.result)[0]["B"]) == 21


def test_residues_without_a_template_get_a_backbone_and_are_named(whole, tmp_path):
    structure = trimmed(whole, ("CA",))
    structure[0]["B"][7].name = "DAL"
    _, told, job = run(written(structure, tmp_path / "d.cif"), tmp_path / "job")
    residue = read_structure(job.result)[0]["B"][7]
    assert (residue.name, [a.name for a in residue]) == ("DAL", ["N", "CA", "C", "O"])
    assert any("DAL" in text and level == "warning" for text, level in told.messages)


def test_the_output_is_a_folder():
    with pytest.raises(InputError, match="is a job folder"):
        BackmapSpec(model="a.pdb", output="b.pdb")
