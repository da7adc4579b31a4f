"""Parts of a result into the user's model: these residues and no others, one step each, on top of what is there."""

from __future__ import annotations

import numpy as np
import pytest


def _accept(session, job, structure, numbers, **kw):
    from chimerax.adp3d.handover.accept_part import accept_residues

    return accept_residues(session, job, structure, {("A", number, "") for number in numbers}, **kw)


def _state(structure):
    chains = [
        (c.chain_id, c.characters, [None if r is None else r.number for r in c.residues], bool(c.from_seqres))
        for c in structure.chains
    ]
    bonds = sorted(
        tuple(sorted((a.residue.chain_id, a.residue.number, a.name) for a in bond.atoms)) for bond in structure.bonds
    )
    atoms = [(a.residue.chain_id, a.residue.number, a.name, a.bfactor, tuple(a.coord)) for a in structure.atoms]
    return sorted(atoms), bonds, chains, [(r.chain_id, r.number, r.name) for r in structure.residues]


def _places(structure):
    return {(a.residue.number, a.name): tuple(a.coord) for a in structure.atoms}


def _bonded(structure, first, second):
    carbon = structure.find_residue("A", first).find_atom("C")
    return structure.find_residue("A", second).find_atom("N") in carbon.neighbors


@pytest.fixture
def with_replicas():
    """Function that writes an ensemble: the result, and a second replica elsewhere by a way."""

    def write(job, way=1.0):
        from chimerax.adp3d.handover.atoms import read_cif_atoms

        atoms = read_cif_atoms(job.folder / "result.cif")
        names = ("group_PDB", "type_symbol", "label_atom_id", "auth_comp_id", "auth_seq_id", "auth_asym_id")
        names += ("Cartn_x", "Cartn_y", "Cartn_z", "pdbx_PDB_model_num")
        lines = ["data_ensemble", "loop_", *(f"_atom_site.{name}" for name in names)]
        for model in (1, 2):
            for row in atoms.residues:
                for atom in row.atoms:
                    x, y, z = atoms.xyz[atom.index] + (model - 1) * way
                    chain, number, _ = row.address
                    lines.append(
                        f"ATOM {atom.element} {atom.name} {row.name} {number} {chain} {x:.3f} {y:.3f} {z:.3f} {model}"
                    )
        path = job.folder / "ensemble.cif"
        path.write_text("\n".join([*lines, "#", ""]))
        job.paths["ensemble"] = str(path)
        return job

    return write


def test_only_what_is_named_is_taken(session, make_model, make_job):
    structure = make_model(missing=(5, 6, 12, 13), waters=1)
    state, places = _state(structure), _places(structure)
    job = make_job(structure)
    done = _accept(session, job, structure, range(4, 8))
    assert (done.changed, done.inserted, done.chains) == (2, 2, ("A",))
    after = _places(structure)
    assert {key[0] for key in after} - {key[0] for key in places} == {5, 6}
    assert {key[0] for key in places if places[key] != after[key]} == {4, 7}
    assert [r.number for r in structure.residues][:7] == [1, 2, 3, 4, 5, 6, 7]
    assert _bonded(structure, 4, 5) and _bonded(structure, 6, 7)
    assert structure.chains[0].characters == "MALEKMALEKMALEKMALEK"
    written = _state(structure)
    session.undo.undo()
    assert _state(structure) == state
    session.undo.redo()
    assert _state(structure) == written


def test_parts_one_after_the_other_and_then_all(session, make_model, make_job):
    from chimerax.adp3d.handover.accept import accept_into, is_accepted

    structure = make_model(missing=(5, 6, 12, 13))
    states = [_state(structure)]
    job = make_job(structure)
    for numbers in ((5, 6), (12, 13)):
        _accept(session, job, structure, numbers)
        states.append(_state(structure))
    assert structure.num_residues == 20 and not is_accepted(job, structure)
    accept_into(session, job, structure)
    assert is_accepted(job, structure)
    for state in reversed(states):
        session.undo.undo()
        assert _state(structure) == state


def test_the_two_halves_of_a_gap_come_in_order(session, make_model, make_job):
    for number, halves in enumerate((((8, 9), (10, 11)), ((10, 11), (8, 9))), 1):
        structure = make_model(missing=(8, 9, 10, 11))
        job = make_job(structure, shift=0.0, number=number)
        for half in halves:
            _accept(session, job, structure, half)
        assert [r.number for r in structure.residues] == list(range(1, 21))
        assert all(_bonded(structure, first, first + 1) for first in range(7, 12))


def _marks(structure):
    """Numbers of the residues that missing-structure marks connect, and how these are drawn."""
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE, create_type=None)
    lines = [] if group is None else list(group.pseudobonds)
    return {
        tuple(sorted((atom.residue.number, atom.name) for atom in line.atoms)): (tuple(line.color), line.display)
        for line in lines
    }


def test_marks_of_what_is_still_missing_are_left(session, make_model, make_job):
    structure = make_model(missing=(8, 9, 10, 11))
    if not _marks(structure):
        group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE)
        group.new_pseudobond(*(structure.find_residue("A", n).find_atom(a) for n, a in ((7, "C"), (12, "N"))))
    (line,) = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE).pseudobonds
    line.color, line.display = np.array((9, 8, 7, 255), np.uint8), False
    looks, job = ((9, 8, 7, 255), False), make_job(structure, shift=0.0)
    whole = {((7, "C"), (12, "N")): looks}
    assert _marks(structure) == whole
    for part, left in (
        ((9, 10), {((7, "C"), (9, "N")), ((10, "C"), (12, "N"))}),
        ((8,), {((10, "C"), (12, "N"))}),
        ((11,), set()),
    ):
        _accept(session, job, structure, part)
        assert _marks(structure) == dict.fromkeys(left, looks)
    assert structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE, create_type=None) is None
    assert all(_bonded(structure, first, first + 1) for first in range(7, 12))
    (chain,) = structure.chains
    assert chain.num_existing_residues == 20 and chain.characters == "MALEKMALEKMALEKMALEK"
    for left in ({((10, "C"), (12, "N"))}, {((7, "C"), (9, "N")), ((10, "C"), (12, "N"))}, set(whole)):
        session.undo.undo()
        assert set(_marks(structure)) == left
    (chain,) = structure.chains
    assert chain.num_existing_residues == 16 and chain.characters == "MALEKMALEKMALEKMALEK"


def test_edits_elsewhere_in_the_chain_do_not_matter(session, make_model, make_job):
    structure = make_model()
    job = make_job(structure)
    structure.find_residue("A", 18).delete()
    structure.find_residue("A", 15).find_atom("CB").coord = np.array([1.0, 2.0, 3.0])
    structure.find_residue("A", 3).name = "TRP"
    state = _state(structure)
    _accept(session, job, structure, (8, 9, 10))
    assert {8, 9, 10} < {r.number for r in structure.residues} and structure.find_residue("A", 3).name == "TRP"
    session.undo.undo()
    assert _state(structure) == state


@pytest.mark.parametrize("edit", ["move", "delete", "make"])
def test_residues_that_were_edited_are_refused(session, make_model, make_job, edit):
    from chimerax.core.errors import UserError

    structure = make_model()
    job = make_job(structure)
    if edit == "move":
        structure.find_residue("A", 11).find_atom("CA").coord = np.array([1.0, 2.0, 3.0])
    elif edit == "delete":
        structure.find_residue("A", 11).delete()
    else:
        structure.new_residue("ALA", "A", 9, precedes=structure.residues[7])
    state = _state(structure)
    with pytest.raises(UserError, match="was edited"):
        _accept(session, job, structure, range(8, 12))
    assert _state(structure) == state and not session.undo.undo_stack


def test_another_replica_in_the_place_of_what_was_accepted(session, make_model, make_job, with_replicas):
    from chimerax.adp3d.handover.accept import accept_into

    structure = make_model()
    job = with_replicas(make_job(structure))
    accept_into(session, job, structure)
    whole, places = _state(structure), _places(structure)
    done = _accept(session, job, structure, (8, 9, 10), replica=2)
    assert (done.changed, done.inserted) == (3, 0)
    after = _places(structure)
    assert {key[0] for key in after if after[key] != places[key]} == {8, 9, 10}
    assert np.array(after[9, "CA"]) == pytest.approx(np.array(places[9, "CA"]) + 1.0, abs=2e-3)
    assert structure.find_residue("A", 9).find_atom("CA").bfactor == pytest.approx(55.0)
    assert _accept(session, job, structure, (8, 9, 10), replica=2).already
    _accept(session, job, structure, (8, 9, 10))
    assert _state(structure) == whole, "and the result again"
    for _ in range(2):
        session.undo.undo()
    assert _state(structure) == whole


def test_a_model_that_was_moved_in_the_scene(session, make_model, make_map, make_job, with_replicas):
    from chimerax.geometry import rotation

    structure, volume = make_model(), make_map()
    place = rotation((1, 2, 0), 35)
    structure.atoms.coords = np.ascontiguousarray(place.inverse() * structure.atoms.coords)
    structure.position = place
    job = with_replicas(make_job(structure, volume, shift=0.0), way=2.0)
    _accept(session, job, structure, (8, 9, 10), replica=2)
    helix = structure.position * structure.find_residue("A", 9).find_atom("CA").coord
    beside = structure.position * structure.find_residue("A", 5).find_atom("CA").coord
    # a turn of the helix apart, and the replica by 2 A along each axis of the map
    assert helix - beside == pytest.approx(_turn() + 2.0, abs=0.02)


def _turn():
    turns = np.deg2rad(100.0 * np.array([8, 4]))
    ends = np.stack([2.29 * np.cos(turns), 2.29 * np.sin(turns), 1.5 * np.array([8, 4])], -1)
    return ends[0] - ends[1]


def test_a_result_that_was_written_again_is_read_again(session, make_model, make_job):
    model = make_model()
    job = make_job(model)
    before = _places(model)
    _accept(session, job, model, [5])
    first = _places(model)
    session.undo.undo()
    assert _places(model) == before
    path = job.folder / "result.cif"
    lines = path.read_text().splitlines()
    columns = [line.strip() for line in lines if line.startswith("_atom_site.")]
    x, name, number = (columns.index(f"_atom_site.{n}") for n in ("Cartn_x", "label_atom_id", "auth_seq_id"))
    for n, line in enumerate(lines):
        fields = line.split()
        if line.startswith("ATOM") and (fields[name], fields[number]) == ("CA", "5"):
            fields[x] = f"{float(fields[x]) + 1:.3f}"
            lines[n] = " ".join(fields)
    path.write_text("\n".join([*lines, ""]))
    _accept(session, job, model, [5])
    assert _places(model)[5, "CA"][0] == pytest.approx(first[5, "CA"][0] + 1, abs=0.002)


def test_side_chains_that_the_neighbour_has_not_are_drawn_like_its_own(session, make_model):
    from chimerax.adp3d.handover.edit import _draw_like
    from chimerax.atomic import Atom
    from chimerax.atomic.struct_edit import add_atom

    model = make_model()
    like, new = model.residues[0], model.residues[1]
    for atom in like.atoms:
        atom.draw_mode, atom.display = Atom.STICK_STYLE, False
        atom.color = np.array((200, 30, 10, 255) if atom.element.name == "O" else (10, 20, 30, 255), np.uint8)
    carbon = add_atom("CD", "C", new, np.zeros(3), serial_number=9001)
    oxygen = add_atom("OE1", "O", new, np.ones(3), serial_number=9002)
    _draw_like(new, like)
    assert not carbon.display and carbon.draw_mode == Atom.STICK_STYLE and tuple(carbon.color) == (10, 20, 30, 255)
    assert tuple(oxygen.color) == (200, 30, 10, 255) and not oxygen.display


def test_what_there_is_not(session, make_model, make_job, with_replicas):
    from chimerax.core.errors import UserError

    structure = make_model(waters=1)
    job = make_job(structure)
    with pytest.raises(UserError, match="no replicas to choose from"):
        _accept(session, job, structure, (8,), replica=2)
    with_replicas(job)
    with pytest.raises(UserError, match="numbered 1 to 2"):
        _accept(session, job, structure, (8,), replica=3)
    with pytest.raises(UserError, match="changed none of these residues"):
        _accept(session, job, structure, (301, 400))
