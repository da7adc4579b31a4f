"""Clashes that are found, and those that are none."""

from __future__ import annotations

import numpy as np
from side_chain_scene import demo_scene

from adp3d.sidechain.contacts import ClashFinder, Obstacles
from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.scene import Scene


def open_scene(count: int = 60) -> tuple[Scene, np.ndarray]:
    """The demo with all side chains open, and its true atoms."""
    scene = demo_scene(count)
    return scene, scene.atoms[0].double().numpy()


def test_a_crystal_structure_hardly_clashes():
    scene, atoms = open_scene(172)
    hit, count = ClashFinder(scene).find(atoms)
    assert count <= 4 and hit.sum() <= 8


def test_two_side_chains_in_one_place_clash_and_are_named():
    scene, atoms = open_scene()
    finder = ClashFinder(scene)
    before = finder.find(atoms)[0]
    # the last atoms of the first residue that has them are put onto those of another one
    table = [k for k in range(60) if scene.aatype[0, k] in (1, 11)]  # ARG, LYS
    far = max(table[1:], key=lambda k: np.linalg.norm(atoms[k, 1] - atoms[table[0], 1]))
    moved = atoms.copy()
    moved[table[0], 7:9] = atoms[far, 7:9] + 0.5
    hit, count = finder.find(moved)
    assert count >= 1 and hit[table[0]] and hit[far] and hit.sum() > before.sum()


def test_what_is_given_does_not_count():
    scene, atoms = open_scene()
    moved = atoms.copy()
    moved[40, :4] = moved[10, :4] + 0.5
    everything = demo_scene(60, known=tuple(range(60)))
    assert ClashFinder(everything).find(moved)[1] == 0
    assert ClashFinder(scene).find(moved)[1] > 0  # side chains that are drawn are now in its way


def test_obstacles_are_in_the_way():
    scene, atoms = open_scene()
    tip = atoms[next(k for k in range(60) if scene.aatype[0, k] == 11), 8]  # NZ of a lysine
    free = ClashFinder(scene).find(atoms)
    near = ClashFinder(scene, Obstacles(tip[None] + [[1.2, 0, 0]], ("C",))).find(atoms)
    assert near[1] > free[1]
    zinc = ClashFinder(scene, Obstacles(tip[None] + [[2.1, 0, 0]], ("ZN",))).find(atoms)
    carbon = ClashFinder(scene, Obstacles(tip[None] + [[2.1, 0, 0]], ("C",))).find(atoms)
    assert zinc[1] <= carbon[1] - 1


def test_traces_count_all_of_their_atoms():
    trace = demo_scene(30, trace=True)
    atoms = trace.atoms[0].double().numpy()
    moved = atoms.copy()
    moved[3] = atoms[20] + 0.4
    hit, count = ClashFinder(trace).find(moved)
    assert count > 0 and hit[3] and hit[20]
    assert ClashFinder(trace).n_atoms == 4 * 30 + int(geometry_table().exists[trace.aatype].sum())
