"""One copy's share of a symmetric map."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch
from symmetric_complex import CENTRE, assembled, simulated_map

from adp3d.contract.errors import InputError
from adp3d.contract.symmetry import parse_symmetry
from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.sample import sample
from adp3d.job.events import NullEvents
from adp3d.measurement.density import bind_map
from adp3d.measurement.protocol import Scene
from adp3d.measurement.symmetry import average_copies, own_share
from adp3d.measurement.whole_map import MapFiles, read_whole_map
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.placing.target import build_target
from adp3d.structure.symmetry import Symmetry, apply, symmetry_of_symbol

CPU = torch.device("cpu")


class Told(NullEvents):
    def __init__(self):
        self.texts = []

    def message(self, text, level="info"):
        self.texts.append((level, text))


@pytest.fixture(scope="module")
def trimer(small, tmp_path_factory):
    """Scene of one copy, the whole map, and the scene of all copies."""
    structure, symmetry = assembled(small.deposited, "C3", 13.0)
    path = tmp_path_factory.mktemp("trimer") / "map.mrc"
    simulated_map(structure, path)
    told = Told()
    scenes = []
    for chains in ([structure[0][0].name], None):
        target = build_target(structure, None, chains=chains)
        scenes.append(Scene(target.polymer, target.labels, target.xyz, structure, CPU, told))
    scenes[0] = replace(scenes[0], symmetry=symmetry, copies=scenes[1].labels)
    whole = read_whole_map(MapFiles(str(path), None, 3.0), scenes[1].points, NullEvents())
    return scenes[0], whole, scenes[1]


def test_the_shares_of_all_copies_tile_the_map(trimer):
    one, whole, _ = trimer
    density = whole.density
    mask = np.ones(density.shape, bool)
    # each copy in turn is the first one
    turned = (replace(one, xyz=apply(operator, one.xyz)) for operator in one.symmetry.operators)
    shares = [own_share(density, scene, mask, one.symmetry) for scene in turned]
    assert (np.sum(shares, 0) >= 1).all() and (np.sum(shares, 0) > 1).mean() < 1e-3


def test_the_density_over_the_share_is_that_of_all_copies(trimer):
    one, whole, everything = trimer
    bound = bind_map(whole, one)
    level = bound.likelihood.levels[0]
    grid = Grid.of_map(bound.density)
    x = one.start()[None]
    found = bound.likelihood.operators[0](backbone_to_atoms(x, bound.likelihood.atoms))[0]
    atoms = prepare_atoms(everything.polymer.aatype, bound.b_factor)
    wanted = atoms.density(grid)(backbone_to_atoms(everything.start()[None], atoms))[0]
    inside = level.mask > 0
    assert 0 < int(inside.sum()) < inside.numel()
    torch.testing.assert_close(found[inside], wanted[inside], rtol=0, atol=2e-3 * float(wanted.max()))
    alone = prepare_atoms(one.polymer.aatype, bound.b_factor)
    own = alone.density(grid)(backbone_to_atoms(x, alone))[0]
    assert float((wanted - own)[inside].max()) > 0.05 * float(wanted.max())  # neighbours matter there
    # only what may reach it is computed
    assert bound.likelihood.atoms.n_atoms < 3 * bound.likelihood.atoms.n_own
    assert bound.copies_correlation == pytest.approx(1.0, abs=0.02)


def test_noise_is_averaged_and_that_is_told(trimer):
    one, whole, _ = trimer
    rng = np.random.default_rng(0)
    noisy = whole.density.with_values(
        whole.density.values + rng.normal(0, whole.density.values.std(), whole.density.shape)
    )
    mask = own_share(noisy, one, np.ones(noisy.shape, bool), one.symmetry)
    told = Told()
    averaged = average_copies(noisy, noisy, replace(one, events=told), mask, one.symmetry)
    before, after = (np.std((m.values - whole.density.values)[mask]) for m in (noisy, averaged.density))
    assert averaged.copies == 3 and after < 0.75 * before
    assert 0.3 < averaged.correlation < 0.9
    assert "averaged over 3 copies by the symmetry C3" in averaged.line(one.symmetry)


def test_a_map_without_the_symmetry_is_refused(trimer):
    one, whole, _ = trimer
    elsewhere = symmetry_of_symbol(parse_symmetry("C3"), (1, 0, 0), whole.density.centre)
    with pytest.raises(InputError, match="does not have the symmetry C3"):
        bind_map(whole, replace(one, symmetry=elsewhere))


def test_copies_that_the_map_does_not_show_are_left_out(trimer):
    one, whole, _ = trimer
    index = whole.density.to_index(one.points)
    low = np.maximum(np.floor(index.min(0) - 4), 0).astype(int)
    high = np.minimum(np.ceil(index.max(0) + 4), np.array(whole.density.shape) - 1).astype(int)
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    cut = type(whole.density)(whole.density.values[part], whole.density.to_points(low), whole.density.axes)
    mask = own_share(cut, one, np.ones(cut.shape, bool), one.symmetry)
    alone = average_copies(cut, cut, one, mask, one.symmetry)
    assert alone.copies == 1 and alone.density is cut
    assert "one copy of the symmetry C3 only" in alone.line(one.symmetry)


class Only(Symmetry):
    """A group as if a copy had one neighbour alone."""

    def neighbours(self):
        return self.operators[1:2]


@pytest.fixture(scope="module")
def ending(trimer):
    """A noisy map that ends within the last copy, the share of the first one, and which of its voxels the last has."""
    one, whole, _ = trimer
    density, last = whole.density, one.symmetry.neighbours()[1]
    there, own = (density.to_index(points) for points in (apply(last, one.points), one.points))
    axis = int(np.argmax(np.abs(there.mean(0) - own.mean(0))))
    forward = there[:, axis].mean() > own[:, axis].mean()
    edge = int(np.quantile(there[:, axis], 0.7 if forward else 0.3))
    part = tuple(slice(None) if i != axis else slice(None, edge) if forward else slice(edge, None) for i in range(3))
    rng = np.random.default_rng(0)
    noise = rng.normal(0, density.values.std(), density.shape)
    noise *= np.where(near(density, apply(last, one.points), 8.0), 3.0, 0.3)  # the last copy is the worst
    corner = density.to_points(np.array([s.start or 0 for s in part], float))
    cut = DensityMap((density.values + noise)[part].astype(np.float32), corner, density.axes)
    share = own_share(cut, one, near(cut, one.points, 8.0), one.symmetry)
    index = cut.to_index(apply(last, cut.to_points(np.argwhere(share))))
    inside = ((index >= 0) & (index <= np.array(cut.shape) - 1)).all(-1)
    assert 0.5 < inside.mean() < 0.9
    return cut, share, inside


def test_the_correlation_weighs_copies_by_their_voxels(trimer, ending):
    one, (cut, share, inside) = trimer[0], ending
    both = average_copies(cut, cut, one, share, one.symmetry)
    first, last = (
        average_copies(cut, cut, one, share, Only("C3", one.symmetry.operators[[0, k]])).correlation for k in (1, 2)
    )
    assert both.copies == 3 and first - last > 0.1
    assert both.correlation == pytest.approx((first + inside.mean() * last) / (1 + inside.mean()), abs=0.01)
    assert both.correlation > (first + last) / 2 + 0.02


def test_copies_of_which_the_map_has_a_corner_do_not_count(trimer, ending):
    one, (cut, share, inside) = trimer[0], ending
    few = share.copy()
    few[tuple(np.argwhere(share)[np.flatnonzero(inside)[40:]].T)] = False
    alone = average_copies(cut, cut, one, few, one.symmetry)
    without = average_copies(cut, cut, one, few, Only("C3", one.symmetry.operators))
    assert alone.copies == without.copies == 2
    assert alone.correlation == without.correlation
    np.testing.assert_array_equal(alone.density.values, without.density.values)


def test_without_symmetry_there_are_no_images(trimer):
    one, whole, _ = trimer
    plain = bind_map(whole, replace(one, symmetry=None))
    assert plain.likelihood.atoms.images is None and plain.copies_correlation is None


def with_ligands(structure, places):
    """The complex with a cluster of four carbon atoms at each of these places (K, 3)."""
    made = structure.clone()
    added = gemmi.Chain("L")
    for number, place in enumerate(places, 1):
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = "LIG", gemmi.SeqId(str(number)), "H"
        for name, step in (("C1", (0, 0, 0)), ("C2", (1.5, 0, 0)), ("C3", (0, 1.5, 0)), ("C4", (0, 0, 1.5))):
            atom = gemmi.Atom()
            atom.name, atom.element, atom.occ, atom.b_iso = name, gemmi.Element("C"), 1.0, 40.0
            atom.pos = gemmi.Position(*(place + np.array(step)).tolist())
            residue.add_atom(atom)
        added.add_residue(residue)
    made[0].add_chain(added)
    return made


@pytest.mark.parametrize("everywhere", [True, False])
def test_density_of_others_is_taken_out_of_the_mean(trimer, tmp_path, everywhere):
    """Of a ligand beside the second copy alone, its share of the mean; of ligands beside all, all."""
    one, _, everything = trimer
    structure, symmetry = one.structure, one.symmetry
    outward = one.points.mean(0) - np.array(CENTRE)
    beside = one.points[np.argmax(one.points @ outward)] + 5.0 * outward / np.linalg.norm(outward)
    operators = symmetry.operators if everywhere else symmetry.operators[1:2]
    loaded = with_ligands(structure, [apply(operator, beside) for operator in operators])
    simulated_map(loaded, tmp_path / "map.mrc")
    whole = read_whole_map(MapFiles(str(tmp_path / "map.mrc"), None, 3.0), everything.points, NullEvents())
    bound = bind_map(whole, replace(one, structure=loaded))
    level = bound.likelihood.levels[0]
    left = sample(level.as_map(), beside[None])[0] + level.mean
    seen = sample(bound.density, beside[None])[0]
    one_ligand = sample(whole.density, apply(operators[0], beside)[None])[0]
    assert seen == pytest.approx(one_ligand * len(operators) / 3, rel=0.1)
    assert abs(left) < 0.25 * seen
    # the protein keeps its density, that of the copies included
    np.testing.assert_allclose(
        sample(level.as_map(), one.points).mean() + level.mean, sample(bound.density, one.points).mean(), rtol=0.02
    )
