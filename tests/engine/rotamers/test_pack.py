from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from atom14_model import demo_atom14
from side_chain_scene import demo_scene, small_model

from adp3d.density.map import DensityMap
from adp3d.job.events import Stopped
from adp3d.rotamers import candidates, pieces
from adp3d.rotamers.candidates import look_with
from adp3d.rotamers.field import MapNoise, MapView, model_density
from adp3d.rotamers.pack import pack
from adp3d.rotamers.task import PackingTask, measured_torsions
from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.measure import chi_difference, measure_chi
from adp3d.sidechain.templates import RESIDUE_NAMES, TEMPLATES

B_FACTOR = 30.0


def elements_of(aatype, present):
    return [
        TEMPLATES[RESIDUE_NAMES[kind]].elements[slot]
        for kind, row in zip(aatype.tolist(), present, strict=True)
        for slot in np.flatnonzero(row.numpy())
    ]


@pytest.fixture(scope="module")
def model():
    atoms, aatype, present = demo_atom14(torch.float32)
    part = slice(0, 60)
    return atoms[part], aatype[part], present[part]


@pytest.fixture(scope="module")
def view(model):
    """The density of these residues with a little noise."""
    atoms, aatype, present = model
    points = atoms[present].double().numpy()
    low, high = points.min(0) - 6.0, points.max(0) + 6.0
    shape = np.ceil((high - low) / 0.8).astype(int)
    empty = DensityMap(np.zeros(shape, np.float32), low, 0.8 * np.eye(3))
    density = model_density(empty, points, elements_of(aatype, present), B_FACTOR)
    noise = np.random.default_rng(1).normal(scale=0.1 * density.std(), size=density.shape)
    seen = empty.with_values(density + noise)
    return MapView(seen, MapNoise(float(noise.var()), 0.5, B_FACTOR, 2.0))


def task_of(model, complete=True):
    atoms, aatype, present = model
    n = len(aatype)
    none = torch.zeros(n, dtype=torch.bool)
    there = present.clone()
    if not complete:
        there[:, 4:] = False
    return PackingTask(
        atoms[:, :4], aatype, none.long(), torch.arange(n), atoms, there, ~none if not complete else none,
        none if not complete else ~none, none, np.zeros((0, 3)), (),
    )  # fmt: skip


def off_by(atoms, model):
    """Degrees (N, 4) by which torsions differ, 0 where there are none."""
    chi, known = measure_chi(model[0], model[1], model[2])
    found, _ = measure_chi(atoms, model[1])
    return torch.rad2deg(chi_difference(found, chi, model[1])) * known


def test_side_chains_are_found_in_density_without_any_network(model, view):
    packed = pack(task_of(model, complete=False), [], view, 0)
    off = off_by(packed.atoms, model)
    has = geometry_table().chi_exists[model[1]]
    assert (off[has[:, 0], 0] < 20).float().mean() > 0.97
    assert (off[has[:, 1]][:, :2] < 20).all(-1).float().mean() > 0.93
    assert bool(packed.built[has[:, 0]].all())
    assert not bool(packed.changed.any())
    again = pack(task_of(model, complete=False), [], view, 0)
    assert torch.equal(packed.atoms, again.atoms)


def test_what_fits_stays_to_the_bit(model, view):
    packed = pack(task_of(model), [], view, 0)
    assert not bool(packed.changed.any())
    assert not bool(packed.built.any())
    assert torch.equal(packed.atoms[model[2]], model[0][model[2]])


def test_wrong_rotamers_are_found_by_the_map_and_only_these(model, view):
    atoms, aatype, present = model
    chi, _ = measure_chi(atoms, aatype, present)
    wrong = [i for i in range(len(aatype)) if RESIDUE_NAMES[int(aatype[i])] in ("LEU", "PHE", "ILE", "TYR")][:4]
    turned = chi.clone()
    turned[wrong, 0] += 2.0
    rebuilt = build_side_chains(atoms[:, :4], aatype, turned)
    planted = atoms.clone()
    planted[wrong] = rebuilt[wrong]
    task = replace(task_of(model), given=planted)
    packed = pack(task, [], view, 0)
    assert torch.nonzero(packed.changed)[:, 0].tolist() == wrong
    assert float(off_by(packed.atoms, model)[wrong, 0].max()) < 20
    assert pack(task, [], None, 0).changed.sum() == 0, "without a map nothing contradicts them"


def test_only_missing_atoms_are_added(model, view):
    atoms, aatype, present = model
    long = [i for i in range(len(aatype)) if RESIDUE_NAMES[int(aatype[i])] in ("LYS", "ARG", "GLU", "MET")][:5]
    there = present.clone()
    there[long, 6:] = False
    none = torch.zeros(len(aatype), dtype=torch.bool)
    is_open = none.clone()
    is_open[long] = True
    packed = pack(replace(task_of(model), present=there, open=is_open, changeable=none), [], view, 0)
    assert torch.equal(packed.atoms[there], atoms[there])
    assert torch.equal(packed.present, present)
    assert torch.nonzero(packed.built)[:, 0].tolist() == long
    assert float((off_by(packed.atoms, model)[long, 1] < 25).float().mean()) >= 0.8


def test_ligands_are_in_the_way(model):
    """Without a map a side chain goes where no obstacle is."""
    task = task_of(model, complete=False)
    packed = pack(task, [], None, 0)
    i = next(i for i in range(20, 60) if RESIDUE_NAMES[int(model[1][i])] in ("LEU", "PHE", "TYR"))
    end = packed.atoms[i, 6].double().numpy()
    blocked = pack(replace(task, obstacles=end[None], obstacle_elements=["C"]), [], None, 0)
    assert np.linalg.norm(blocked.atoms[i, 6].double().numpy() - end) > 1.5


def test_a_branch_tells_the_torsion_of_its_atom(model):
    atoms, aatype, present = model
    i = next(i for i in range(len(aatype)) if RESIDUE_NAMES[int(aatype[i])] == "LEU")
    there = present.clone()
    there[i, TEMPLATES["LEU"].names.index("CD1")] = False
    chi, known = measured_torsions(atoms, aatype, there)
    truth, _ = measure_chi(atoms, aatype)
    assert bool(known[i, :2].all())
    assert float(torch.rad2deg(chi_difference(chi, truth, aatype)[i, 1])) < 6.0


def test_pieces_change_nothing_and_are_asked_between(model, view, monkeypatch):
    task = task_of(model, complete=False)
    whole = pack(task, [], view, 0)
    asked = []
    monkeypatch.setattr(pieces, "AT_ONCE", 37)
    cut = pack(task, [], view, 0, lambda: asked.append(None))
    assert float((cut.atoms - whole.atoms).abs().max()) < 1e-4
    assert len(asked) > 30

    def stop():
        if len(asked) > 60:
            raise Stopped
        asked.append(None)

    asked.clear()
    with pytest.raises(Stopped):
        pack(task, [], view, 0, stop)


def test_samples_are_the_same_whichever_are_drawn_together(monkeypatch):
    network, scene = small_model(), demo_scene(30)
    together = look_with(network, scene, 3)
    monkeypatch.setattr(candidates, "_SAMPLED_AT_ONCE", 60)
    apart = look_with(network, scene, 3)
    assert torch.equal(together.probability > 0, apart.probability > 0)
    np.testing.assert_allclose(apart.probability, together.probability, atol=1e-6)
    np.testing.assert_allclose(apart.chi, together.chi, atol=1e-4)
    other = look_with(network, scene, 4)
    assert not torch.allclose(other.probability, together.probability, atol=1e-3)
