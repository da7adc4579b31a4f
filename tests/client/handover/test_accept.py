"""Results into the user's model: exactly, as one step, and only if it is safe."""

from __future__ import annotations

import numpy as np
import pytest


def _state(structure):
    """Everything about a model that accepting and undoing must preserve."""
    chains = {
        c.chain_id: (c.characters, [None if r is None else r.number for r in c.residues], bool(c.from_seqres))
        for c in structure.chains
    }
    bonds = sorted(
        tuple(sorted((a.residue.chain_id, a.residue.number, a.name) for a in bond.atoms)) for bond in structure.bonds
    )
    atoms = [
        (a.residue.chain_id, a.residue.number, a.name, a.bfactor, a.occupancy, a.display, tuple(a.color))
        for a in structure.atoms
    ]
    return sorted(atoms), bonds, chains, [(r.chain_id, r.number, r.name) for r in structure.residues]


def _places(structure):
    return {(a.residue.chain_id, a.residue.number, a.name): tuple(a.coord) for a in structure.atoms}


def _accept(session, job, structure):
    from chimerax.adp3d.handover.accept import accept_into

    return accept_into(session, job, structure)


@pytest.mark.parametrize("moved", [False, True])
def test_result_comes_back_into_the_models_own_frame(session, make_model, make_map, make_job, moved):
    from chimerax.geometry import rotation, translation

    structure, volume = make_model(waters=2), make_map()
    if moved:
        # the same relative place: model and map moved together, and the model's own frame is another than the map's
        place = translation((5, -3, 8)) * rotation((1, 2, 0), 35)
        structure.atoms.coords = np.ascontiguousarray(place.inverse() * structure.atoms.coords)
        structure.position = place
        whole = rotation((0, 0, 1), 60)
        structure.position = whole * structure.position
        volume.position = whole
    before = _places(structure)
    job = make_job(structure, volume, shift=0.0)
    scene = {k: structure.scene_position * np.array(v) for k, v in before.items()}
    done = _accept(session, job, structure)
    assert (done.changed, done.inserted) == (0, 3)
    after = _places(structure)
    assert all(structure.scene_position * np.array(after[k]) == pytest.approx(scene[k], abs=2e-3) for k in scene)
    water = ("A", 301, "O")
    assert after[water] == before[water]
    assert len(structure.residues) == 22


def test_accept_and_undo(session, make_model, make_job):
    structure = make_model(waters=2)
    structure.residues[4].find_atom("CA").color = (1, 2, 3, 255)
    state, places = _state(structure), _places(structure)
    job = make_job(structure)
    done = _accept(session, job, structure)
    assert (done.changed, done.inserted, done.chains, done.replaced) == (17, 3, ("A",), ())
    assert len(session.undo.undo_stack) == 1
    after = _places(structure)
    assert all(np.array(after[k]) - np.array(places[k]) == pytest.approx(0.3, abs=1e-5) for k in places if k[1] < 300)
    assert {k[1] for k in after} == {*range(1, 21), 301, 302}
    assert all(after[k] == places[k] for k in places if k[1] > 300), "untouched to the last bit"
    chain = structure.chains[0]
    assert chain.characters == "MALEKMALEKMALEKMALEK" and chain.num_existing_residues == 20 and chain.from_seqres
    assert [r.number for r in structure.residues][:20] == list(range(1, 21))
    carbon, nitrogen = structure.residues[6].find_atom("C"), structure.residues[7].find_atom("N")
    assert (
        nitrogen in carbon.neighbors
        and structure.residues[9].find_atom("C") in structure.residues[10].find_atom("N").neighbors
    )
    assert structure.residues[7].find_atom("CA").bfactor == pytest.approx(55.0)
    session.undo.undo()
    assert _state(structure) == state and _places(structure) == places
    session.undo.redo()
    assert _places(structure) == after
    session.undo.undo()
    assert _state(structure) == state and _places(structure) == places


def test_missing_structure_marks_go_and_come_back(session, make_model, make_job):
    structure = make_model()
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE)
    group.new_pseudobond(structure.residues[6].find_atom("C"), structure.residues[7].find_atom("N"))
    _accept(session, make_job(structure), structure)
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE, create_type=None)
    assert group is None or group.num_pseudobonds == 0
    session.undo.undo()
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE, create_type=None)
    assert group.num_pseudobonds == 1


def test_display_and_position_may_change(session, make_model, make_job):
    from chimerax.geometry import translation

    structure = make_model(waters=1)
    job = make_job(structure)
    structure.atoms.colors = (9, 8, 7, 255)
    structure.atoms.displays = False
    structure.position = translation((1, 2, 3))
    structure.residues[-1].find_atom("O").coord = np.array([0.0, 0.0, 99.0])  # a water, not the job's
    _accept(session, job, structure)
    assert structure.num_residues == 21
    assert tuple(structure.residues[-1].find_atom("O").coord) == (0.0, 0.0, 99.0)


def _delete_residue(structure):
    structure.residues[3].delete()


def _move_atom(structure):
    structure.residues[3].find_atom("CA").coord = np.array([1.0, 2.0, 3.0])


def _delete_atom(structure):
    structure.residues[3].find_atom("CB").delete()


def _rename(structure):
    structure.residues[3].name = "TRP"


def _build_gap(structure):
    from chimerax.atomic.struct_edit import add_atom

    residue = structure.new_residue("ALA", "A", 9, precedes=structure.residues[7])
    add_atom("CA", "C", residue, np.array([0.0, 0.0, 0.0]), serial_number=999, occupancy=1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_delete_residue, "A 4 deleted"),
        (_move_atom, "A 4 was moved"),
        (_delete_atom, "A 4 has other atoms"),
        (_rename, "A 4 has other atoms"),
        (_build_gap, "A 9 is there by now"),
    ],
)
def test_unsafe_changes_are_refused(session, make_model, make_job, change, words):
    from chimerax.core.errors import UserError

    structure = make_model()
    job = make_job(structure)
    change(structure)
    state, places = _state(structure), _places(structure)
    with pytest.raises(UserError, match=words) as error:
        _accept(session, job, structure)
    assert "newModel true" in str(error.value)
    assert _state(structure) == state and _places(structure) == places
    assert not session.undo.undo_stack


def test_two_jobs_on_one_model(session, make_model, make_job):
    structure = make_model()
    first = make_job(structure, shift=0.3, number=1)
    second = make_job(structure, shift=-0.4, number=2)
    original = _places(structure)
    state = _state(structure)
    _accept(session, first, structure)
    one = _places(structure)
    done = _accept(session, second, structure)
    assert done.replaced == (1,) and "replaces what job 1" in done.sentence(2, "#1")
    two = _places(structure)
    assert all(np.array(two[k]) - np.array(original[k]) == pytest.approx(-0.4, abs=1e-5) for k in original)
    _undone_redone_and_undone(session, structure, (original, one, two), state)


def test_two_jobs_on_two_chains_do_not_disturb_each_other(session, make_model, make_job):
    structure = make_model(chains="AB")
    first = make_job(structure, number=1, chains=["A"])
    second = make_job(structure, number=2, chains=["B"])
    _accept(session, first, structure)
    after_first = _places(structure)
    done = _accept(session, second, structure)
    assert done.chains == ("B",) and done.replaced == ()
    after = _places(structure)
    assert all(after[k] == after_first[k] for k in after_first if k[0] == "A")


def test_side_chains_and_conformations_follow(session, make_model, make_job):
    structure = make_model()
    residue = structure.residues[2]
    place = np.array(residue.find_atom("CB").coord)
    for loc, offset in (("A", 0.0), ("B", 0.5)):
        atom = residue.find_atom("CB")
        atom.set_alt_loc(loc, True)
        atom.coord = place + offset
        atom.occupancy = 0.5
    job = make_job(structure)
    _accept(session, job, structure)
    atom = structure.residues[2].find_atom("CB")
    assert np.array(atom.get_alt_loc_coord("A")) == pytest.approx(place + 0.3, abs=1e-5)
    assert np.array(atom.get_alt_loc_coord("B")) == pytest.approx(place + 0.8, abs=1e-5)
    session.undo.undo()
    atom = structure.residues[2].find_atom("CB")
    assert np.array(atom.get_alt_loc_coord("A")) == pytest.approx(place, abs=1e-12)
    assert np.array(atom.get_alt_loc_coord("B")) == pytest.approx(place + 0.5, abs=1e-12)


def _bfactors(atom):
    """B-factors by conformation, as ChimeraX's writer of mmCIF reads them."""
    found = {}
    with atom.suppress_alt_loc_change_notifications():
        for loc in atom.alt_locs:
            atom.alt_loc = loc
            found[loc] = atom.bfactor
    return found


@pytest.mark.parametrize("b_factors", ["plausible", "confidence", "keep"])
def test_b_factors_of_conformations_come_back(session, make_model, make_job, b_factors):
    from chimerax.adp3d.handover.accept import accept_into
    from chimerax.adp3d.handover.model_export import read_open_model

    structure = make_model()
    residue = structure.residues[2]
    for name in ("CB", "CA"):
        atom, place = residue.find_atom(name), np.array(residue.find_atom(name).coord)
        for loc, offset in (("A", 0.0), ("B", 0.5)):
            atom.set_alt_loc(loc, True)
            atom.coord, atom.occupancy, atom.bfactor = place + offset, 0.5, 11.0 if loc == "A" else 44.0
    atom.alt_loc = "A"
    given = {a.altloc: a.bfactor for a in read_open_model(structure).residues[2].atoms if a.name == "CB"}
    assert given == {"A": 11.0, "B": 44.0}
    assert [residue.find_atom(name).alt_loc for name in ("CA", "CB")] == ["A", "A"], "the same one is shown"
    job = make_job(structure)
    accept_into(session, job, structure, b_factors=b_factors)
    value = {"plausible": 77.0, "confidence": 88.0}.get(b_factors)
    after = {"A": 11.0, "B": 44.0} if value is None else {"A": value, "B": value}
    assert _bfactors(structure.residues[2].find_atom("CB")) == pytest.approx(after)
    structure.residues[2].find_atom("CB").delete()  # it is made again by the undo
    session.undo.undo()
    for name in ("CA", "CB"):
        atom = structure.residues[2].find_atom(name)
        assert _bfactors(atom) == {"A": 11.0, "B": 44.0} and atom.alt_loc == "A"
        assert atom.get_alt_loc_occupancy("A") == atom.get_alt_loc_occupancy("B") == pytest.approx(0.5)
    session.undo.redo()
    assert _bfactors(structure.residues[2].find_atom("CA")) == pytest.approx(after)


def _undone_redone_and_undone(session, structure, places, state):
    """Take back the second of two results, write it again, take back both; ``places`` with none, one and both."""
    original, one, two = places
    session.undo.undo()
    assert _places(structure) == one
    session.undo.redo()
    assert _places(structure) == two
    session.undo.undo()
    session.undo.undo()
    assert _places(structure) == original and _state(structure) == state


def _saved_and_restored(session, structure):
    """The model as another session has it, with what a session file keeps of what was accepted into it."""
    from chimerax.adp3d.handover import accepted, accepted_record

    data = accepted_record.to_plain(accepted.accepted_into(structure))
    session.undo.clear()
    accepted.set_accepted(structure, ())
    accepted.set_accepted(structure, accepted_record.from_plain(data, {}))
    accepted.offer_undo(session, structure)


def test_what_was_accepted_is_known_to_a_restored_session(session, make_model, make_job):
    structure = make_model(waters=1)
    first = make_job(structure, shift=0.3, number=1)
    second = make_job(structure, shift=-0.4, number=2)
    state, original = _state(structure), _places(structure)
    _accept(session, first, structure)
    one = _places(structure)
    _saved_and_restored(session, structure)
    done = _accept(session, second, structure)
    assert done.replaced == (0,) and "replaces what an earlier job had written" in done.sentence(2, "#1")
    two = _places(structure)
    _saved_and_restored(session, structure)
    assert [step.name for step in session.undo.undo_stack] == ["accept an ADP-3D result"] * 2
    _undone_redone_and_undone(session, structure, (original, one, two), state)
    session.undo.redo()
    assert _places(structure) == one


def test_jobs_that_go_on_from_each_other(session, make_model, make_job):
    structure = make_model()
    original, state = _places(structure), _state(structure)
    _accept(session, make_job(structure, number=1), structure)
    one = _places(structure)
    second = make_job(structure, shift=0.2, number=2)  # prepared from what job 1 left
    _saved_and_restored(session, structure)
    done = _accept(session, second, structure)
    assert done.replaced == () and (done.changed, done.inserted) == (20, 0)
    moved = _places(structure)
    assert all(np.array(moved[k]) - np.array(one[k]) == pytest.approx(0.2, abs=1e-5) for k in one)
    again = _accept(session, second, structure)
    assert again.replaced == (2,) and _places(structure) == moved
    _saved_and_restored(session, structure)
    for _ in range(3):
        session.undo.undo()
    assert _places(structure) == original and _state(structure) == state


def test_undo_after_the_model_was_closed(session, make_model, make_job):
    from chimerax.core.errors import UserError

    structure = make_model()
    _accept(session, make_job(structure), structure)
    session.models.close([structure])
    with pytest.raises(UserError, match="closed"):
        session.undo.undo()


def test_nothing_to_accept(session, make_model, make_job):
    from chimerax.core.errors import UserError

    structure = make_model(missing=())
    job = make_job(structure, shift=0.0)
    before = _everything(structure)
    with pytest.raises(UserError, match="nothing to accept"):
        _accept(session, job, structure)
    assert _everything(structure) == before and not session.undo.undo_stack


def test_joined_fragments_are_refused(session, make_model, make_job):
    from chimerax.core.errors import UserError

    structure = make_model()
    job = make_job(structure)
    text = (job.folder / "result.cif").read_text().splitlines()
    (job.folder / "result.cif").write_text("\n".join(line for line in text if " 20 LYS A " not in line) + "\n")
    before = _everything(structure)
    with pytest.raises(UserError, match=r"joins or renumbers residues of #\d+ \(residue A 20 changes\).*newModel true"):
        _accept(session, job, structure)
    assert _everything(structure) == before and not session.undo.undo_stack


@pytest.mark.parametrize("damage", ["removed", "garbage"])
def test_result_lost_or_damaged(session, make_model, make_job, damage):
    from chimerax.core.errors import UserError

    structure = make_model()
    job = make_job(structure)
    places = _places(structure)
    if damage == "removed":
        (job.folder / "result.cif").unlink()
    else:
        (job.folder / "result.cif").write_text("loop_\n_atom_site.id\n1\n")
    with pytest.raises(
        UserError, match="has no result" if damage == "removed" else "cannot be read.*run the job again"
    ):
        _accept(session, job, structure)
    assert _places(structure) == places and not session.undo.undo_stack


def _as_restored(structure):
    """What the files of a session without this bundle do not keep of a model."""
    del structure._adp3d_accepted


def test_result_that_a_restored_model_has_already(session, make_model, make_job):
    structure = make_model(waters=1)
    residue = structure.residues[2]
    place = np.array(residue.find_atom("CB").coord)
    for loc, offset in (("A", 0.0), ("B", 0.5)):
        atom = residue.find_atom("CB")
        atom.set_alt_loc(loc, True)
        atom.coord = place + offset
        atom.occupancy = 0.5
    job = make_job(structure)
    _accept(session, job, structure)
    _as_restored(structure)
    state, places = _state(structure), _places(structure)
    done = _accept(session, job, structure)
    assert done.already and "already in #7" in done.sentence(1, "#7")
    assert _state(structure) == state and _places(structure) == places and len(session.undo.undo_stack) == 1


def test_restored_model_that_was_moved_since_is_refused(session, make_model, make_job):
    from chimerax.core.errors import UserError

    structure = make_model()
    job = make_job(structure)
    _accept(session, job, structure)
    _as_restored(structure)
    atom = structure.residues[3].find_atom("CA")
    atom.coord = np.array(atom.coord) + 0.01
    with pytest.raises(UserError, match="has changed since"):
        _accept(session, job, structure)


def test_accepting_twice_in_one_session_works(session, make_model, make_job):
    structure = make_model()
    job = make_job(structure)
    _accept(session, job, structure)
    places = _places(structure)
    done = _accept(session, job, structure)
    assert not done.already and done.replaced == (1,) and _places(structure) == places


def test_b_factors_are_kept_if_wanted(session, make_model, make_job):
    from chimerax.adp3d.handover.accept import accept_into

    structure = make_model()
    before = {(a.residue.number, a.name): a.bfactor for a in structure.atoms}
    state = _state(structure)
    job = make_job(structure)
    done = accept_into(session, job, structure, b_factors="keep")
    after = {(a.residue.number, a.name): a.bfactor for a in structure.atoms}
    assert all(after[key] == before[key] for key in before) and after[8, "CA"] == pytest.approx(55.0)
    assert "B-factors" not in done.sentence(1, "#1")
    session.undo.undo()
    assert _state(structure) == state
    done = accept_into(session, job, structure)
    assert structure.residues[2].find_atom("CA").bfactor == pytest.approx(77.0), "those of the result"
    session.undo.undo()
    done = accept_into(session, job, structure, b_factors="confidence")
    assert all(atom.bfactor == pytest.approx(88.0) for atom in structure.residues[7].atoms)
    assert "now the confidence" in done.sentence(1, "#1")


def test_the_confidence_is_an_attribute_that_undo_takes_back(session, make_model, make_job):
    from chimerax.adp3d.handover.attributes import CONFIDENCE_ATTRIBUTE

    structure = make_model(waters=1)
    _accept(session, make_job(structure), structure)
    stated = {r.number: getattr(r, CONFIDENCE_ATTRIBUTE, None) for r in structure.residues}
    assert stated == {**dict.fromkeys(range(1, 21), 88.0), 301: None}
    session.undo.undo()
    assert all(getattr(r, CONFIDENCE_ATTRIBUTE, None) is None for r in structure.residues)
    session.undo.redo()
    assert structure.residues[3].adp3d_confidence == 88.0


def test_results_of_older_versions_do_not_mix_units(session, make_model, make_job):
    """Their B-factor column is the confidence: atoms keep theirs, new ones get those of their neighbours."""
    from chimerax.adp3d.handover.accept import accept_into

    structure = make_model()
    before = {(a.residue.number, a.name): a.bfactor for a in structure.atoms}
    job = make_job(structure, stated=None)
    accept_into(session, job, structure)
    after = {(a.residue.number, a.name): a.bfactor for a in structure.atoms}
    assert all(after[key] == before[key] for key in before)
    mean = {n: np.mean([b for (number, _), b in before.items() if number == n]) for n in (7, 11)}
    assert after[9, "CA"] == pytest.approx((mean[7] + mean[11]) / 2)
    assert structure.residues[8].adp3d_confidence == 55.0
    session.undo.undo()
    accept_into(session, job, structure, b_factors="confidence")
    assert structure.residues[2].find_atom("CA").bfactor == pytest.approx(77.0)


def test_what_is_in_the_way(session, make_model, make_job):
    from chimerax.adp3d.handover.accept import is_accepted, obstacle

    structure = make_model()
    job, other = make_job(structure, number=1), make_job(structure, shift=-0.4, number=2)
    assert obstacle(job, structure) == "" and not is_accepted(job, structure)
    _accept(session, job, structure)
    assert is_accepted(job, structure) and not is_accepted(other, structure)
    assert obstacle(other, structure) == "", "what job 1 wrote would be replaced"
    session.undo.undo()
    structure.residues[3].delete()
    assert "A 4 deleted" in obstacle(job, structure)


def test_model_moved_in_the_map(session, make_model, make_map, make_job):
    from chimerax.adp3d.handover.results import moved_in_map
    from chimerax.geometry import translation

    structure, volume = make_model(), make_map()
    structure.position = translation((0.0, 0.0, 0.5))
    job = make_job(structure, volume)
    assert not moved_in_map(job, structure)
    both = translation((4.0, 0.0, 0.0))
    structure.position, volume.position = both * structure.position, both
    assert not moved_in_map(job, structure)
    structure.position = translation((0.0, 1.0, 0.0)) * structure.position
    assert moved_in_map(job, structure)
    job.map = None
    assert not moved_in_map(job, structure)


def _everything(structure):
    return _state(structure), _places(structure)


@pytest.mark.parametrize(
    "edit",
    [
        lambda structure: setattr(structure.residues[8].find_atom("CA"), "coord", np.zeros(3)),  # one that job 1 made
        lambda structure: setattr(structure.residues[2].find_atom("CA"), "coord", np.zeros(3)),  # one that it moved
        lambda structure: structure.residues[8].find_atom("O").delete(),
        lambda structure: structure.residues[2].delete(),
    ],
)
def test_edits_after_a_result_are_not_lost_to_the_next_one(session, make_model, make_job, edit):
    from chimerax.adp3d.handover.accept import obstacle
    from chimerax.core.errors import UserError

    structure = make_model()
    first, second = make_job(structure, shift=0.3, number=1), make_job(structure, shift=-0.4, number=2)
    _accept(session, first, structure)
    assert obstacle(second, structure) == ""
    edit(structure)
    edited = _everything(structure)
    assert "job 1's accepted result were changed since" in obstacle(second, structure)
    with pytest.raises(UserError, match=r"job 1's accepted result were changed since.*newModel true"):
        _accept(session, second, structure)
    assert _everything(structure) == edited


def test_a_later_result_elsewhere_in_the_chain_is_not_dropped(session, make_model, make_job):
    from chimerax.core.errors import UserError

    structure = make_model()
    first, third = (make_job(structure, shift=s, number=n) for s, n in ((0.3, 1), (-0.4, 3)))
    _accept(session, first, structure)
    # a later result in residues that neither of the others has: none moved, three more at the end
    second = make_job(structure, shift=0.0, fill=False, number=2)
    _append(second, 3)
    _accept(session, second, structure)
    assert len(structure.residues) == 23
    before = _everything(structure)
    with pytest.raises(UserError, match="a later result, of job 2, is in chain A"):
        _accept(session, third, structure)
    assert _everything(structure) == before


def _append(job, count):
    """Add residues to the end of a job's result: copies of the last one, moved on."""
    from chimerax.adp3d.handover.atoms import AtomRow, ModelAtoms, ResidueRow, read_cif_atoms
    from chimerax.adp3d.handover.model_export import write_cif

    path = job.folder / "result.cif"
    result = read_cif_atoms(path)
    last = result.residues[-1]
    chain, number, code = last.address
    xyz = list(result.xyz)
    residues = [ResidueRow(row.address, row.name, "protein", row.atoms) for row in result.residues]
    for i in range(1, count + 1):
        atoms = []
        for atom in last.atoms:
            atoms.append(AtomRow(atom.name, atom.element, atom.altloc, len(xyz), atom.occupancy, atom.bfactor))
            xyz.append(result.xyz[atom.index] + [0.0, 0.0, 3.8 * i])
        residues.append(ResidueRow((chain, number + i, code), last.name, "protein", tuple(atoms)))
    write_cif(ModelAtoms(tuple(residues), np.array(xyz)), path, {}, "result")


@pytest.mark.parametrize("step", ["undo", "redo"])
def test_steps_that_do_not_fit_any_more_change_nothing(session, make_model, make_job, step):
    from chimerax.core.errors import UserError

    structure = make_model()
    _accept(session, make_job(structure), structure)
    action = session.undo.undo_stack[-1]
    if step == "redo":
        action.undo()
    structure.residues[2].delete()
    before = _everything(structure)
    with pytest.raises(UserError, match=r"Residue 3 of chain A in #1 was deleted.*nothing was changed"):
        getattr(action, step)()
    assert _everything(structure) == before


def test_renumbered_residues_are_not_taken_for_those_of_the_job(session, make_model, make_job):
    from chimerax.core.errors import UserError

    structure = make_model()
    _accept(session, make_job(structure), structure)
    for residue in structure.residues[::-1]:
        residue.number += 1
    before = _everything(structure)
    with pytest.raises(UserError, match="renumbered"):
        session.undo.undo_stack[-1].undo()
    assert _everything(structure) == before


def test_a_long_history_is_saved_quickly(session, make_model, make_job):
    import time

    from chimerax.adp3d.handover.accepted import Accepted, accepted_into
    from chimerax.adp3d.handover.accepted_record import from_plain, to_plain

    structure = make_model()
    _accept(session, make_job(structure), structure)
    item = accepted_into(structure)[0]
    for number in range(2, 40):
        item = Accepted(item.folder, number, item.edit, (item,), (item,))
    start = time.perf_counter()
    data = to_plain([item])
    assert time.perf_counter() - start < 5.0
    assert len(data["accepted"]) == 39
    assert len(from_plain(data, {})[0].before) == 1
