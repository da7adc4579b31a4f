"""What moves, what is held, what is in the way."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from relax_models import add_residue, everything, piece, place

from adp3d.relax.region import State, plan_region, template_atoms
from adp3d.relax.relaxation import _places
from adp3d.validation.atoms import heavy_atoms


def plan(structure, wanted=None):
    atoms = heavy_atoms(structure)
    places, single = _places(structure, atoms)
    return plan_region(atoms, (everything(structure) if wanted is None else wanted)[places], single)


def residue(structure, number):
    (found,) = structure[0]["A"][str(number)]
    return found


def test_all_of_a_sound_chain_moves():
    region = plan(piece(range(20, 32)))
    assert region.mobile.all() and region.left_out == ()
    assert [tuple(pair) for pair in region.peptides] == [(i, i + 1) for i in range(11)]
    assert region.first.tolist() == [True] + [False] * 11 and not region.last.any()


def test_only_what_is_near_is_taken_along():
    structure = piece(range(5, 173))
    wanted = np.zeros(len(structure[0]["A"]), bool)
    wanted[20] = True
    region = plan(structure, wanted)
    assert np.flatnonzero(region.mobile).tolist() == [20]
    moving = region.atoms.xyz[region.atoms.residue == 20]
    for row in range(len(wanted)):
        own = region.atoms.xyz[region.atoms.residue == row]
        apart = np.linalg.norm(own[:, None] - moving, axis=-1).min()
        assert (apart <= 12.0) == (region.state[row] != State.AWAY)


def test_a_gap_is_no_bond_and_its_ends_are_no_termini():
    structure = piece([*range(20, 26), *range(30, 36)])
    region = plan(structure)
    assert [5, 6] not in region.peptides.tolist()
    assert region.first.tolist() == [True] + [False] * 11 and not region.last.any()


def test_a_bond_that_is_to_be_mended_is_a_bond():
    structure = piece(range(20, 32))
    away = place(structure, 26, "N") - place(structure, 25, "C")
    for atom in residue(structure, 26):
        if atom.name == "N":
            atom.pos += gemmi.Position(*(away / np.linalg.norm(away) * 0.85).tolist())
    assert [5, 6] in plan(structure).peptides.tolist()
    held = np.ones(12, bool)
    held[5:7] = False
    assert [5, 6] not in plan(structure, held).peptides.tolist(), "nobody could mend it"


def test_oxt_is_a_terminus_only_at_an_end():
    structure = piece(range(20, 26))
    for number in (22, 25):
        atom = residue(structure, number)["O"][0].clone()
        atom.name = "OXT"
        atom.pos += gemmi.Position(1.5, 0.0, 0.0)
        residue(structure, number).add_atom(atom)
    region = plan(structure)
    assert np.flatnonzero(region.last).tolist() == [5]


@pytest.mark.parametrize(
    ("change", "reason", "template"),
    [
        (lambda r: r.remove_atom("CG", "\0", gemmi.Element("C")), "lacks CG", "ALA"),
        (lambda r: setattr(r, "name", "XYZ"), "has no parameters", "ALA"),
        (lambda r: setattr(r["CG"][0], "name", "QG"), "lacks CG", "ALA"),
        (lambda r: [setattr(atom, "altloc", "A") for atom in r], "has alternative conformers", None),
        (lambda r: r.remove_atom("C", "\0", gemmi.Element("C")), "lacks C", ""),
    ],
)
def test_what_the_force_field_does_not_know_stays(change, reason, template):
    structure = piece(range(20, 32))
    own = residue(structure, 26)
    kind = own.name
    assert "CG" in own
    change(own)
    region = plan(structure)
    (left,) = [one for one in region.left_out if one.residue.startswith("A 26 ")]
    assert left.reason == reason
    assert region.template[6] == (kind if template is None else template)
    assert region.state[6] == (State.OBSTACLE if template == "" else State.HELD)


def test_neighbours_of_a_residue_without_a_backbone_stay():
    structure = piece(range(20, 32))
    residue(structure, 26).remove_atom("O", "\0", gemmi.Element("O"))
    region = plan(structure)
    assert {one.residue[:4] for one in region.left_out} == {"A 25", "A 26", "A 27"}
    assert region.left_out[0].reason.startswith("is bonded to A 26")


def test_a_residue_with_a_ligand_on_it_stays():
    structure = piece(range(20, 32))
    lysine = next(r for r in structure[0]["A"] if r.name in ("LYS", "ARG", "GLU", "GLN", "ASP", "ASN"))
    tip = lysine[-1].pos
    out = np.array(tip.tolist()) - place(structure, lysine.seqid.num, "CA")
    out /= np.linalg.norm(out)
    add_residue(
        structure, "L", 1, "LIG", {f"C{i}": ("C", np.array(tip.tolist()) + out * 1.45 * (i + 1)) for i in range(3)}
    )
    region = plan(structure)
    (left,) = region.left_out
    assert left.reason == "is bonded to L 1 LIG" and left.residue == f"A {lysine.seqid} {lysine.name}"
    row = [str(r) for r in region.atoms.residues].index(left.residue)
    assert region.template[row] == "ALA", "the hydrogen that the ligand replaces is not put back"
    assert region.state[-1] == State.OBSTACLE


def test_metals_are_bound_within_reach():
    structure = piece(range(20, 32))
    oxygen = place(structure, 25, "O")
    out = oxygen - place(structure, 25, "C")
    out /= np.linalg.norm(out)
    add_residue(structure, "M", 1, "MG", {"MG": ("Mg", oxygen + 2.1 * out)})
    region = plan(structure)
    names = [(str(region.atoms.names[a]), str(region.atoms.names[b])) for a, b in region.metal_bonds]
    assert ("O", "MG") in names and region.mobile[:-1].all()


def test_disulphides_join_two():
    structure = piece(range(20, 32))
    for number, shift in ((22, 0.0), (26, 0.0), (30, 40.0)):
        own = residue(structure, number)
        own.name = "CYS"
        for name in [atom.name for atom in own if atom.name not in ("N", "CA", "C", "O", "CB")]:
            own.remove_atom(name, "\0", gemmi.Element(name[0]))
        sulphur = own["CB"][0].clone()
        sulphur.name, sulphur.element = "SG", gemmi.Element("S")
        sulphur.pos = gemmi.Position(
            *(place(structure, 24, "CA") + np.array([shift + number * 0.3, 9.0, 0.0])).tolist()
        )
        own.add_atom(sulphur)
    region = plan(structure)
    assert region.disulphides.tolist() == [[2, 6]] and region.left_out == ()


def test_atoms_of_templates():
    assert template_atoms("GLY") == ("N", "CA", "C", "O")
    assert set(template_atoms("SER")) == {"N", "CA", "C", "O", "CB", "OG"}
