"""From map and model to the density likelihood of a job."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.job.events import NullEvents
from adp3d.measurement.density import bind_map, load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem
from adp3d.solver.potential_cost import PotentialCost

CPU = torch.device("cpu")


class Messages(NullEvents):
    def __init__(self):
        self.texts = []

    def message(self, text, level="info"):
        self.texts.append((level, text))


def load(small, events=None, model=None, **options):
    options = {"map": str(small.map), "model": str(model or small.model), "device": "cpu"} | options
    spec = RefineSpec(output="unused", prior="gaussian", **options)
    problem = load_problem(spec, NullEvents())
    scene = problem.scene(events or Messages())
    return problem, load_density(MapFiles(spec.map, spec.half_maps, spec.resolution), scene)


@pytest.fixture(scope="module")
def loaded(small):
    return load(small, resolution=1.75)


def start(problem):
    return problem.scene(NullEvents()).start()[None]


def test_map_is_cut_around_the_model(small, loaded):
    problem, maps = loaded
    assert maps.resolution == 1.75
    assert 1 < maps.b_factor < 400
    assert maps.density.is_orthogonal
    assert maps.known.sum() == 37
    index = maps.density.to_index(problem.target.xyz[problem.target.known])
    assert (index > 0).all() and (index < np.array(maps.density.shape) - 1).all()
    mask = maps.likelihood.levels[0].mask
    assert 0 < float(mask.mean()) <= 1


def test_levels_go_from_sharp_to_blurred(loaded):
    blurs = [level.blur for level in loaded[1].likelihood.levels]
    assert blurs == sorted(blurs) and blurs[0] == 0.0 and len(blurs) > 2


def test_correlation_of_the_known_part(loaded, small):
    problem, maps = loaded
    x = start(problem)
    before = maps.start_correlation(x)
    assert 0.2 < before < 1
    away = x + torch.tensor([3.0, 0.0, 0.0])
    assert maps.start_correlation(away) < before - 0.1
    # residues that are not known have no say
    moved = x.clone()
    moved[:, ~maps.known] += 5.0
    assert maps.start_correlation(moved) == pytest.approx(before, abs=1e-5)
    fit = maps.start_fit(x)
    assert np.isnan(fit[~maps.known]).all() and np.nanmedian(fit) > 0.4


def test_gradient_points_home(loaded):
    """Shaken atoms are pulled back towards where the map wants them."""
    problem, maps = loaded
    x = start(problem)
    noise = 0.2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    _, gradient = maps.likelihood.value_and_grad(x + noise)
    known = torch.as_tensor(maps.known)
    assert float((gradient * noise)[:, known].sum()) < 0


def test_half_maps_give_the_noise(small, tmp_path):
    density = small.density
    rng = np.random.default_rng(0)
    paths = []
    for name in ("a", "b"):
        noisy = density.values + 0.02 * rng.normal(size=density.shape).astype(np.float32)
        write_map(density.with_values(noisy), tmp_path / f"{name}.mrc")
        paths.append(str(tmp_path / f"{name}.mrc"))
    events = Messages()
    _, maps = load(small, events, half_maps=tuple(paths), resolution=1.75)
    assert any("half maps" in text for _, text in events.texts)
    # that of the mean of two halves with 0.02 each, less what the filter of the map took away
    variance = maps.likelihood.levels[0].variance
    assert 0 < variance < 0.02**2 / 2
    _, quiet = load(small, resolution=1.75)
    assert variance != pytest.approx(quiet.likelihood.levels[0].variance, rel=0.05)


def test_density_of_others_is_not_claimed(small, tmp_path, loaded):
    """A ligand of the model takes its voxels out of the mask."""
    structure = gemmi.read_structure(str(small.model))
    deposited = gemmi.read_structure(str(small.deposited))
    gap = gemmi.Position(*deposited[0]["A"]["33"][0]["CA"][0].pos.tolist())
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.het_flag = "ZN", gemmi.SeqId(900, " "), "H"
    residue.entity_type = gemmi.EntityType.NonPolymer
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = "ZN", gemmi.Element("Zn"), gap
    residue.add_atom(atom)
    chain = gemmi.Chain("Z")
    chain.add_residue(residue)
    structure[0].add_chain(chain)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(tmp_path / "ligand.cif"))
    _, maps = load(small, model=tmp_path / "ligand.cif", resolution=1.75)
    voxel = tuple(np.rint(maps.density.to_index(np.array(gap.tolist()))).astype(int))
    assert float(maps.likelihood.levels[0].mask[voxel]) == 0
    assert float(loaded[1].likelihood.levels[0].mask[voxel]) == 1


def test_oblique_maps_are_resampled(small, tmp_path):
    density = small.density
    axes = density.axes.copy()
    axes[1] += 0.05 * axes[0]  # slightly oblique
    write_map(DensityMap(density.values, density.origin, axes), tmp_path / "oblique.mrc")
    _, maps = load(small, map=str(tmp_path / "oblique.mrc"), resolution=1.75)
    assert maps.density.is_orthogonal


def test_messages_say_what_was_estimated(small):
    events = Messages()
    load(small, events)
    texts = [text for _, text in events.texts]
    assert any("Resolution estimated" in text for text in texts)
    assert any(text.startswith("Map: ") and "voxels" in text for text in texts)


def test_model_beside_the_map_is_refused(small, tmp_path):
    density = small.density
    write_map(replace(density, origin=density.origin + 500.0), tmp_path / "away.mrc")
    with pytest.raises(InputError):
        load(small, map=str(tmp_path / "away.mrc"))


def test_a_moved_model_is_bound_to_the_map_that_was_read(small, tmp_path):
    """As after a search for misplaced parts: nothing is read again, and all is measured at the new place."""
    path = tmp_path / "map.mrc"
    write_map(small.density, path)
    problem, maps = load(small, map=str(path), resolution=1.75)
    path.unlink()
    again = bind_map(maps.whole, problem.scene(NullEvents()))
    x = start(problem)
    assert again.start_correlation(x) == maps.start_correlation(x) and again.b_factor == maps.b_factor
    target = replace(problem.target, xyz=problem.target.xyz + np.array([6.0, 0.0, 0.0]))
    moved = bind_map(maps.whole, replace(problem, target=target).scene(NullEvents()))
    assert moved.whole is maps.whole and moved.density.origin[0] >= maps.density.origin[0]
    assert moved.start_correlation(start(replace(problem, target=target))) < maps.start_correlation(x) - 0.1


def test_figures_and_cost(loaded):
    problem, maps = loaded
    x = start(problem)
    (correlation,) = maps.figures(x).values()
    assert correlation.tolist() == pytest.approx(maps.likelihood.correlation(x).tolist())
    fit = maps.residue_figures(x[0])["fit"]
    assert fit.shape == (44,) and (fit >= 0).all() and (fit <= 1).all()
    assert fit[maps.known].mean() > 0.4
    voxels = int(np.prod(maps.density.shape))
    assert maps.cost == PotentialCost(40 * voxels, 16 * voxels, 3e-7 * voxels)
    assert (maps.name, maps.potential.name) == ("density", "density")


def test_model_in_empty_density_is_warned_about(small, tmp_path):
    density = small.density
    values = np.random.default_rng(0).normal(size=density.shape).astype(np.float32)
    write_map(density.with_values(values), tmp_path / "noise.mrc")
    events = Messages()
    load(small, events, map=str(tmp_path / "noise.mrc"), resolution=3.0)
    assert any(level == "warning" and "docked" in text for level, text in events.texts)
