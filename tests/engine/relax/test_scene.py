"""Hydrogens, and which atoms have parameters."""

from __future__ import annotations

import gemmi
import numpy as np
from relax_models import add_residue, piece

from adp3d.relax.molecule import unfit
from adp3d.relax.scene import amide_hydrogen


def hydrogens(scene, row):
    own = (scene.rows[scene.points.residue] == row) & scene.points.hydrogen
    return {str(name) for name in scene.points.names[own]}


def test_every_residue_of_the_demo_gets_all_its_hydrogens(scene_of):
    scene = scene_of(piece(range(1, 174)))
    assert unfit(scene) == [] and scene.template.all() and scene.mobile.all()
    assert (scene.heavy[~scene.points.hydrogen] >= 0).all() and (scene.heavy[scene.points.hydrogen] == -1).all()
    assert np.array_equal(scene.points.xyz[scene.heavy >= 0], scene.region.atoms.xyz[scene.heavy[scene.heavy >= 0]])


def test_n_behind_a_gap_has_one_hydrogen_and_that_of_the_chain_three(scene_of):
    scene = scene_of(piece([*range(20, 26), *range(30, 36)]))
    assert {"H1", "H2", "H3"} <= hydrogens(scene, 0)
    assert "H" in hydrogens(scene, 6) and not {"H1", "H2", "H3"} & hydrogens(scene, 6)


def test_the_hydrogen_of_an_amide_has_its_length_and_angle():
    n, ca, c = np.array([0.0, 0, 0]), np.array([1.45, 0, 0]), np.array([2.0, 1.4, 0.2])
    for third in (c, ca + (ca - n)):  # also where C lies on the line of the other two
        h = amide_hydrogen(n, ca, third)
        assert abs(np.linalg.norm(h - n) - 1.01) < 1e-12
        angle = np.degrees(np.arccos((h - n) @ (ca - n) / 1.01 / 1.45))
        assert abs(angle - 119.0) < 1e-6


def test_atoms_beyond_a_stand_in_are_obstacles_that_stay(scene_of):
    structure = piece(range(20, 32))
    (own,) = structure[0]["A"]["26"]
    own.name = "XYZ"
    scene = scene_of(structure)
    mine = scene.rows[scene.points.residue] == 6
    known = {str(name) for name in scene.points.names[mine & scene.template]}
    assert known == {"N", "CA", "C", "O", "CB", "H", "HA", "HB1", "HB2", "HB3"}
    others = mine & ~scene.template
    assert {str(name) for name in scene.points.names[others]} == {a.name for a in own} - {"N", "CA", "C", "O", "CB"}
    assert not scene.mobile[others].any() and not scene.points.hydrogen[others].any()
    # along the bond from CB, an obstacle is near and not in contact
    beta = int(np.flatnonzero(mine & (scene.points.names == "CB"))[0])
    gamma = int(np.flatnonzero(mine & (scene.points.names == "CG"))[0])
    assert bool(scene.near.together(np.array([beta]), np.array([gamma]))[0])
    assert unfit(scene) == []


def test_hydrogens_of_held_residues_move_and_their_heavy_atoms_do_not(scene_of):
    structure = piece(range(20, 32))
    wanted = np.zeros(12, bool)
    wanted[5] = True
    scene = scene_of(structure, wanted)
    own = scene.rows[scene.points.residue] == 5
    assert scene.mobile[own].all()
    assert scene.mobile[~own & scene.points.hydrogen].all()
    assert not scene.mobile[~own & ~scene.points.hydrogen].any()


def test_a_crowded_histidine_has_a_hydrogen_all_the_same(scene_of):
    structure = piece(range(1, 174))
    histidine = next(r for r in structure[0]["A"] if r.name == "HIS")
    for index, (name, near) in enumerate((("ND1", ("CG", "CE1")), ("NE2", ("CD2", "CE1")))):
        here = np.array(histidine[name][0].pos.tolist())
        out = sum((here - np.array(histidine[other][0].pos.tolist())) for other in near)
        add_residue(structure, "L", index + 1, "XX1", {"C1": ("C", here + 2.0 * out / np.linalg.norm(out))})
    scene = scene_of(structure)
    row = [r.seqid.num for r in structure[0]["A"]].index(histidine.seqid.num)
    assert {"HD1", "HE2"} & hydrogens(scene, row) and row not in unfit(scene)


def test_gemmi_counts_the_same_hydrogens(scene_of):
    # against the chemical components as gemmi's table of formulas has them: neutral, so charged ones differ by one
    scene = scene_of(piece(range(20, 80)))
    charged = {"ASP": -1, "GLU": -1, "LYS": 1, "ARG": 1}
    for row in range(1, 60):
        kind = scene.region.atoms.residues[row].kind
        if kind == "HIS":
            continue
        whole = gemmi.find_tabulated_residue(kind).hydrogen_count  # of the free amino acid, with two more of N and OXT
        assert len(hydrogens(scene, row)) in (whole - 2 + charged.get(kind, 0), whole - 2), kind
