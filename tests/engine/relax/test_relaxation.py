"""Whole relaxations: clashes and bonds are mended, what is to stay stays to the last bit."""

from __future__ import annotations

from itertools import pairwise

import gemmi
import numpy as np
import pytest
from relax_models import MAP, add_residue, coordinates, everything, piece, place, shaken

from adp3d.contract.errors import InputError
from adp3d.density.read import read_map
from adp3d.relax import toolkit
from adp3d.relax.relaxation import InMap, relax
from adp3d.validation.validate import validate_model

pytestmark = pytest.mark.usefixtures("openmm")


def figures(structure, density=None):
    return validate_model(structure, density, None if density is None else 1.75).figures()


def mask(structure, numbers):
    return np.array([r.seqid.num in numbers and r.het_flag != "H" for chain in structure[0] for r in chain])


def displace(residue, names, shift):
    for name in names:
        atom = residue[name][0]
        atom.pos = gemmi.Position(*(np.array(atom.pos.tolist()) + shift).tolist())


def fingerprint(structure):
    """Everything of the atoms but where they are."""
    return [
        (f.chain.name, str(f.residue.seqid), f.residue.name, f.atom.name, f.atom.altloc, f.atom.occ, f.atom.b_iso)
        for f in structure[0].all()
    ]


def test_a_displaced_model_is_mended_in_the_map():
    start = shaken(piece(range(60, 100)), 0.3)
    density = read_map(MAP)
    relaxed, report = relax(start, everything(start), InMap(density, 1.75))
    before, after = figures(start, density), figures(relaxed, density)
    assert before["bond_rmsz"] > 5 and before["angle_rmsz"] > 5
    assert after["bond_rmsz"] < 1 and after["angle_rmsz"] < 1 and after["clashscore"] < 8
    assert after["cc_mask"] > before["cc_mask"]
    way = np.sqrt((coordinates(relaxed) - coordinates(start)) ** 2).sum(-1)
    assert report.residues == 40 and report.left_out == () and report.in_map
    assert report.energy_after < report.energy_before
    assert 0.1 < report.rms_move < 0.8 and report.rms_move < report.largest_move <= way.max() + 1e-9
    assert fingerprint(relaxed) == fingerprint(start)


def test_the_map_draws_a_displaced_stretch_back():
    truth = piece(range(60, 100))
    start = truth.clone()
    for residue in start[0]["A"]:
        if 78 <= residue.seqid.num <= 82:
            displace(residue, [atom.name for atom in residue], np.array([0.5, 0.0, 0.0]))
    moving = mask(start, range(76, 85))

    def away(structure):
        return [np.linalg.norm(place(structure, n, "CA") - place(truth, n, "CA")) for n in range(78, 83)]

    with_map, _ = relax(start, moving, InMap(read_map(MAP), 1.75))
    assert max(away(with_map)) < 0.25 < min(away(start))


def test_the_map_holds_what_it_shows_whatever_was_built_into_it():
    """A strand that crosses another one, as what few steps build may: it has to give way, not what the map shows."""
    truth, density = piece([*range(60, 80), *range(120, 132)]), read_map(MAP)
    start = truth.clone()
    chain = start[0]["A"]
    intruder = [residue for residue in chain if residue.seqid.num >= 120]
    shift = place(truth, 72, "CA") - place(truth, 122, "CA") + np.array([-0.2, -0.4, -0.2])
    for residue in intruder:
        displace(residue, [atom.name for atom in residue], shift)
    built = mask(start, range(120, 132))

    def way(structure, numbers):
        ends = [(place(structure, n, a), place(truth, n, a)) for n in numbers for a in ("N", "CA", "C", "O")]
        return max(np.linalg.norm(a - b) for a, b in ends)

    held, _ = relax(start, everything(start), InMap(density, 1.75), built)
    free, _ = relax(start, everything(start), InMap(density, 1.75), everything(start))
    assert way(free, range(60, 80)) > 2.0
    assert way(held, range(60, 80)) < 1.0


def test_what_is_not_to_move_is_bit_by_bit_where_it_was():
    start = shaken(piece(range(60, 100)), 0.2)
    moving = mask(start, range(75, 80))
    relaxed, report = relax(start, moving)
    moved = (coordinates(relaxed) != coordinates(start)).any(-1)
    inside = np.array([75 <= found.residue.seqid.num < 80 for found in start[0].all()])
    assert np.array_equal(moved, inside) and report.residues == 5


def test_the_same_comes_out_each_time(monkeypatch):
    monkeypatch.setenv("OPENMM_CPU_THREADS", "2")  # threads add up forces as they come
    start = shaken(piece(range(70, 82)), 0.2)
    one, other = (relax(start, everything(start))[0] for _ in range(2))
    assert np.array_equal(coordinates(one), coordinates(other))


def test_names_of_force_fields_are_known_and_kept():
    start = shaken(piece(range(18, 26)), 0.2)
    last = start[0]["A"][-1]
    oxygen = last["O"][0].clone()
    oxygen.name = "OXT"
    ca, c = (np.array(last[name][0].pos.tolist()) for name in ("CA", "C"))
    o = np.array(oxygen.pos.tolist())
    oxygen.pos = gemmi.Position(*(2 * (c + ((o - c) @ (c - ca)) * (c - ca) / ((c - ca) @ (c - ca))) - o).tolist())
    last.add_atom(oxygen)
    other = start.clone()
    names = {"ILE": {"CD1": "CD"}, last.name: {"O": "OT1", "OXT": "OT2"}}
    renamed = 0
    for residue in other[0]["A"]:
        for atom in residue:
            new = names.get(residue.name, {}).get(atom.name)
            if new is not None and (residue.name == "ILE" or residue.seqid.num == last.seqid.num):
                atom.name, renamed = new, renamed + 1
    assert renamed >= 3
    (one, report), (two, again) = (relax(each, everything(each)) for each in (start, other))
    assert report.left_out == again.left_out == () and report.residues == again.residues == 8
    assert np.array_equal(coordinates(one), coordinates(two))
    assert fingerprint(two) == fingerprint(other) != fingerprint(one)


def test_a_planted_clash_is_parted():
    start = piece(range(60, 100))
    residues = {r.seqid.num: r for r in start[0]["A"]}
    # a side chain into the backbone of the turn above it, four residues on
    number = next(n for n in range(66, 92) if residues[n].name in ("LEU", "MET", "GLN", "GLU", "LYS", "ARG"))
    tip = residues[number][-1]
    target = place(start, number + 4, "CB" if "CB" in residues[number + 4] else "CA")
    tip.pos = gemmi.Position(*(target + np.array([0.6, 0.3, 0.0])).tolist())
    before = figures(start)["clashscore"]
    relaxed, _ = relax(start, everything(start))
    assert before > 3 and figures(relaxed)["clashscore"] < before / 2
    assert figures(relaxed)["bond_rmsz"] < 1


def test_a_planted_bad_bond_is_mended_locally():
    start = piece(range(60, 100))
    residues = {r.seqid.num: r for r in start[0]["A"]}
    displace(residues[80], ["N"], np.array([0.5, 0.2, 0.0]))

    def lengths(structure):
        return [
            np.linalg.norm(place(structure, 79, "C") - place(structure, 80, "N")),
            np.linalg.norm(place(structure, 80, "CA") - place(structure, 80, "N")),
        ]

    assert max(abs(np.array(lengths(start)) - [1.33, 1.46])) > 0.15
    relaxed, _ = relax(start, mask(start, range(79, 82)))
    assert max(abs(np.array(lengths(relaxed)) - [1.33, 1.46])) < 0.03


def test_ligands_waters_and_strangers_stay_and_are_not_entered():
    start = piece(range(60, 100))
    oxygen = place(start, 99, "O")
    out = oxygen - place(start, 99, "C")
    out /= np.linalg.norm(out)
    add_residue(start, "L", 1, "LIG", {"C1": ("C", oxygen + 2.0 * out), "C2": ("C", oxygen + 3.5 * out)})
    add_residue(start, "W", 1, "HOH", {"O": ("O", place(start, 70, "O") + np.array([2.0, 2.0, 0.0]))})
    relaxed, report = relax(start, everything(start))
    for chain in ("L", "W"):
        assert [a.pos.tolist() for r in relaxed[0][chain] for a in r] == [
            a.pos.tolist() for r in start[0][chain] for a in r
        ]
    assert fingerprint(relaxed) == fingerprint(start) and report.residues == 40
    gap = np.linalg.norm(place(relaxed, 99, "O") - place(relaxed, 1, "C1", "L"))
    assert gap > 2.6, "the spheres of C and O touch at 3.1 A"


def test_waters_of_the_same_number_are_no_other_conformers():
    start = shaken(piece(range(70, 82)), 0.1)
    oxygen = place(start, 75, "O") + np.array([9.0, 9.0, 0.0])
    add_residue(start, "A", 75, "HOH", {"O": ("O", oxygen)})
    relaxed, report = relax(start, everything(start))
    assert report.left_out == () and report.residues == 12
    assert np.array_equal(relaxed[0]["A"][len(relaxed[0]["A"]) - 1][0].pos.tolist(), oxygen)


def test_what_openmm_cannot_do_is_said_by_its_kind(monkeypatch, openmm):
    start = piece(range(70, 76))

    def failing(error):
        def fail(*arguments, **named):
            raise error

        return fail

    kinds = [
        (openmm.LocalEnergyMinimizer, "minimize", openmm.OpenMMException("Energy is NaN."), "finds no way out"),
        (openmm.LocalEnergyMinimizer, "minimize", openmm.OpenMMException("Disk on fire."), r"\(Disk on fire\)"),
        (openmm.Platform, "getPlatformByName", openmm.OpenMMException("No such."), "cannot compute on this machine"),
        (openmm.app.ForceField, "createSystem", ValueError("No template found"), "no parameters for a part"),
    ]
    for owner, name, error, sentence in kinds:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, failing(error))
            with pytest.raises(InputError, match=sentence):
                relax(start, everything(start))


def test_modified_residues_are_named_and_their_neighbours_stay_bonded():
    start = shaken(piece(range(60, 100)), 0.15)
    residues = {r.seqid.num: r for r in start[0]["A"]}
    residues[80].name = "XYZ"
    relaxed, report = relax(start, everything(start))
    assert [one.residue for one in report.left_out] == ["A 80 XYZ"]
    assert all(place(relaxed, 80, a.name).tolist() == place(start, 80, a.name).tolist() for a in residues[80])
    for a, b in pairwise(range(79, 82)):
        assert abs(np.linalg.norm(place(relaxed, a, "C") - place(relaxed, b, "N")) - 1.34) < 0.06


def test_something_bonded_in_the_place_of_hydrogens_holds_its_residue_and_the_neighbours():
    start = shaken(piece(range(70, 82)), 0.1)
    number = next(n for n in range(73, 79) if "CB" in start[0]["A"][str(n)][0])
    ca = place(start, number, "CA")
    sides = [place(start, number, name) - ca for name in ("N", "C", "CB")]
    out = -sum(side / np.linalg.norm(side) for side in sides)
    out /= np.linalg.norm(out)
    add_residue(start, "L", 1, "LIG", {"C1": ("C", ca + 1.53 * out), "C2": ("C", ca + 3.0 * out)})
    relaxed, report = relax(start, everything(start))
    around = (number - 1, number, number + 1)
    assert {f"A {n}" for n in around} <= {one.residue[:4] for one in report.left_out}
    for n in around:
        (residue,) = start[0]["A"][str(n)]
        assert all(place(relaxed, n, a.name).tolist() == place(start, n, a.name).tolist() for a in residue)
    assert report.residues >= 6


def test_alternative_conformers_come_back_untouched():
    start = piece(range(70, 82))
    residues = {r.seqid.num: r for r in start[0]["A"]}
    number = next(n for n in range(72, 80) if "CG" in residues[n])
    twin = residues[number]["CG"][0].clone()
    residues[number]["CG"][0].altloc, twin.altloc = "A", "B"
    residues[number]["CG"][0].occ = twin.occ = 0.5
    twin.pos += gemmi.Position(0.4, 0.0, 0.0)
    residues[number].add_atom(twin)
    relaxed, report = relax(start, everything(start))
    (same,) = relaxed[0]["A"][str(number)]
    assert [a.pos.tolist() for a in same] == [a.pos.tolist() for a in residues[number]]
    assert [one.reason for one in report.left_out] == ["has alternative conformers"]


def test_hydrogens_of_the_file_go_along_and_none_are_added():
    start = piece(range(70, 82))
    residues = {r.seqid.num: r for r in start[0]["A"]}
    added = {}
    for number in (74, 75):
        n, ca = place(start, number, "N"), place(start, number, "CA")
        before = place(start, number - 1, "C")
        out = (n - ca) / np.linalg.norm(n - ca) + (n - before) / np.linalg.norm(n - before)
        hydrogen = residues[number]["N"][0].clone()
        hydrogen.name, hydrogen.element = ("H", "HN")[number - 74], gemmi.Element("H")
        hydrogen.pos = gemmi.Position(*(n + 0.9 * out / np.linalg.norm(out)).tolist())
        residues[number].add_atom(hydrogen)
        added[number] = hydrogen.name
        displace(residues[number], ["N"], np.array([0.0, 0.3, 0.2]))
    relaxed, _ = relax(start, everything(start))
    assert fingerprint(relaxed) == fingerprint(start)
    for number, name in added.items():
        length = np.linalg.norm(place(relaxed, number, name) - place(relaxed, number, "N"))
        assert abs(length - 1.01) < 0.03


def test_atoms_on_one_spot_are_parted():
    start = piece(range(70, 82))
    residues = {r.seqid.num: r for r in start[0]["A"]}
    pair = next((a, a + 4) for a in range(71, 77) if "CB" in residues[a] and "CB" in residues[a + 4])
    residues[pair[1]]["CB"][0].pos = residues[pair[0]]["CB"][0].pos
    relaxed, _ = relax(start, everything(start))
    assert np.linalg.norm(place(relaxed, pair[0], "CB") - place(relaxed, pair[1], "CB")) > 3.2
    assert figures(relaxed)["bond_rmsz"] < 1


def test_rebuilt_residues_are_held_less():
    start = shaken(piece(range(70, 90)), 0.3)
    moving, none = everything(start), np.zeros(20, bool)
    _, weak = relax(start, moving)
    _, firm = relax(start, moving, rebuilt=none)
    assert firm.rms_move < weak.rms_move


def test_disulphides_get_their_length():
    start = piece(range(70, 82))
    residues = {r.seqid.num: r for r in start[0]["A"]}
    pair = next((a, a + 4) for a in range(71, 77) if "CB" in residues[a] and "CB" in residues[a + 4])
    middle = (place(start, pair[0], "CB") + place(start, pair[1], "CB")) / 2
    for number in pair:
        residue = residues[number]
        residue.name = "CYS"
        for name in [a.name for a in residue if a.name not in ("N", "CA", "C", "O", "CB")]:
            residue.remove_atom(name, "\0", gemmi.Element(name[0]))
        sulphur = residue["CB"][0].clone()
        sulphur.name, sulphur.element = "SG", gemmi.Element("S")
        out = place(start, number, "CB") - middle
        sulphur.pos = gemmi.Position(*(middle + 1.1 * out / np.linalg.norm(out)).tolist())
        residue.add_atom(sulphur)
    relaxed, report = relax(start, everything(start))
    assert report.left_out == ()
    length = np.linalg.norm(place(relaxed, pair[0], "SG") - place(relaxed, pair[1], "SG"))
    assert abs(length - 2.04) < 0.08


def test_who_listens_is_told_and_can_end_it():
    start = piece(range(70, 82))
    told = []
    relax(start, everything(start), told=lambda done, total: told.append((done, total)))
    assert told == sorted(told) and told[-1][0] == told[-1][1] and len({total for _, total in told}) == 1

    class Ended(Exception):
        pass

    def end(done, total):
        if done > 3:
            raise Ended

    with pytest.raises(Ended):
        relax(start, everything(start), told=end)


def test_nothing_to_relax_is_one_sentence():
    start = piece(range(70, 82))
    add_residue(start, "W", 1, "HOH", {"O": ("O", np.zeros(3))})
    water = np.zeros(13, bool)
    water[-1] = True
    with pytest.raises(InputError, match="none of the residues chosen is protein"):
        relax(start, water)
    (own,) = start[0]["A"]["75"]
    own.name = "XYZ"
    with pytest.raises(InputError, match="none of the residues chosen can move; A 75 XYZ, for one, has no parameters"):
        relax(start, mask(start, [75]))


def test_without_openmm_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(toolkit, "find_spec", lambda name: None)
    start = piece(range(70, 74))
    with pytest.raises(InputError, match="needs the Python package openmm") as error:
        relax(start, everything(start))
    assert "pip install openmm" in str(error.value) and "adp3d install" in str(error.value)
