"""Models find their place in a map: whole, chain by chain, domain by domain, with what belongs to them."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

import adp3d
from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.splat import splat
from adp3d.density.write import write_map
from adp3d.pipeline.dock import dock_models
from adp3d.pipeline.dock_parts import ModelChain, errors_of_chains
from adp3d.predictions.aligned_error import AlignedError
from adp3d.predictions.domains import domains_by_error
from adp3d.structure.read import read_structure

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"


def dock_one(density, structure, resolution, **options):
    docking = dock_models(density, [structure], resolution, **options)
    return docking.structures[0], docking.parts


def walk(seed: int, n: int) -> np.ndarray:
    """CA trace of n residues, compact but not round."""
    rng = np.random.default_rng(seed)
    xyz = np.zeros((n, 3))
    for i in range(1, n):
        step = rng.normal(size=3) - 0.04 * xyz[i - 1]
        xyz[i] = xyz[i - 1] + 3.8 * step / np.linalg.norm(step)
    return xyz - xyz.mean(axis=0)


def model_of(chains: dict[str, np.ndarray], ligand_at: np.ndarray) -> gemmi.Structure:
    structure = gemmi.Structure()
    structure.add_model(gemmi.Model(1))
    for name, ca in chains.items():
        chain = gemmi.Chain(name)
        rng = np.random.default_rng(len(ca))
        for number, place in enumerate(ca, 1):
            residue = gemmi.Residue()
            residue.name, residue.seqid = "ALA", gemmi.SeqId(number, " ")
            for atom_name in ("N", "CA", "C", "O", "CB"):
                atom = gemmi.Atom()
                atom.name, atom.element = atom_name, gemmi.Element(atom_name[0])
                off = np.zeros(3) if atom_name == "CA" else rng.normal(size=3)
                atom.pos = gemmi.Position(*(place + off))
                residue.add_atom(atom)
            chain.add_residue(residue)
        structure[0].add_chain(chain)
    zinc = gemmi.Residue()
    zinc.name, zinc.seqid = "ZN", gemmi.SeqId(900, " ")
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = "ZN", gemmi.Element("Zn"), gemmi.Position(*ligand_at)
    atom.aniso = gemmi.SMat33f(1, 2, 3, 0, 0, 0)
    zinc.add_atom(atom)
    structure[0][0].add_residue(zinc)
    return structure


def positions(structure: gemmi.Structure) -> np.ndarray:
    return np.array([a.pos.tolist() for chain in structure[0] for r in chain for a in r])


def density_of(structure: gemmi.Structure, chains: str) -> DensityMap:
    xyz = np.array([a.pos.tolist() for c in structure[0] if c.name in chains for r in c for a in r])
    step, low = 2.0, xyz.min(axis=0) - 15
    shape = tuple(int(n) for n in (np.ptp(xyz, axis=0) + 30) // step + 1)
    values = gaussian_filter(splat((xyz - low) / step, np.full(len(xyz), 6.0), shape), 0.225 * 6 / step)
    noise = gaussian_filter(np.random.default_rng(0).normal(size=shape), 1.0)
    return DensityMap((values + 0.2 * values.std() * noise / noise.std()).astype(np.float32), low, np.eye(3) * step)


def move(structure: gemmi.Structure, chain: int, seed: int) -> np.ndarray:
    """Move a chain at random; its rotation."""
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(rng=rng).as_matrix()
    motion = gemmi.Transform(gemmi.Mat33(rotation.tolist()), gemmi.Vec3(*(rng.normal(size=3) * 60)))
    for residue in structure[0][chain]:
        for atom in residue:
            atom.pos = gemmi.Position(motion.apply(atom.pos))
    return rotation


@pytest.fixture
def pair() -> gemmi.Structure:
    turned = Rotation.from_euler("xyz", [40, 70, 10], degrees=True).apply(walk(4, 110))
    return model_of({"A": walk(3, 140), "B": turned + np.array([45.0, 5.0, -8.0])}, np.array([2.0, 1.0, 3.0]))


def test_a_model_moves_as_a_whole_where_it_fits_as_a_whole(pair):
    away = pair.clone()
    rotation = move(away, 0, 7), move(away, 1, 7)
    said = []
    found, bodies = dock_one(density_of(pair, "AB"), away, 6.0, told=said.append)
    assert [body.name for body in bodies] == ["chains A, B"] and bodies[0].place is not None
    assert np.sqrt(np.square(positions(found) - positions(pair)).sum(-1).mean()) < 1.0
    assert np.allclose(bodies[0].place.rotation, rotation[0].T, atol=0.05)
    assert said == [body.line() for body in bodies] and "z = " in said[0]
    # the tensor turned with its atom, and nothing happened to the input
    tensor = np.array(found[0][0][-1][0].aniso.as_mat33().tolist())
    place = bodies[0].place.rotation
    assert np.allclose(tensor, place @ np.diag([1, 2, 3]) @ place.T, atol=1e-3)
    assert np.array_equal(positions(away)[0], np.array(away[0][0][0][0].pos.tolist()))


def test_chains_that_do_not_go_together_are_placed_one_by_one(pair):
    away = pair.clone()
    move(away, 0, 7)
    move(away, 1, 11)
    found, bodies = dock_one(density_of(pair, "AB"), away, 6.0)
    assert [(body.name, body.place is not None) for body in bodies] == [("chain A", True), ("chain B", True)]
    assert np.sqrt(np.square(positions(found) - positions(pair)).sum(-1).mean()) < 1.0


def test_a_chain_that_is_not_in_the_map_stays_and_is_named(pair):
    away = pair.clone()
    move(away, 0, 7)
    move(away, 1, 11)
    found, bodies = dock_one(density_of(pair, "A"), away, 6.0)
    assert [(body.name, body.place is not None) for body in bodies] == [("chain A", True), ("chain B", False)]
    assert "not found" in bodies[-1].line() or "nothing is left" in bodies[-1].line()
    first = len(pair[0][0]) - 1  # residues of A before the ion
    n = 5 * first + 1
    assert np.sqrt(np.square((positions(found) - positions(pair))[:n]).sum(-1).mean()) < 1.0
    assert np.array_equal(positions(found)[n:], positions(away)[n:])


def test_domains_are_placed_where_the_chain_is_bent_between_them():
    straight = np.concatenate([walk(3, 140), walk(4, 110) + np.array([42.0, 0.0, 0.0])])
    truth = model_of({"A": straight}, np.array([2.0, 1.0, 3.0]))
    turned = Rotation.from_euler("xyz", [100, 60, 0], degrees=True).apply(walk(4, 110))
    bent = model_of(
        {"A": np.concatenate([walk(3, 140), turned + np.array([30.0, 30.0, 10.0])])}, np.array([2.0, 1.0, 3.0])
    )
    move(bent, 0, 3)
    found, bodies = dock_one(density_of(truth, "A"), bent, 6.0)
    if bodies[0].place is None:  # the larger domain alone may carry the whole
        assert [body.name for body in bodies] == ["chain A", "A 1 to 140", "A 141 to 250"]
    moved = positions(found)[: 5 * 140] - positions(truth)[: 5 * 140]
    assert np.sqrt(np.square(moved).sum(-1).mean()) < 2.0


def test_copies_share_one_search(monkeypatch):
    from adp3d.fitting import rest_search

    searched = []
    search = rest_search.find_places
    monkeypatch.setattr(rest_search, "find_places", lambda *a, **k: searched.append(1) or search(*a, **k))
    turn = Rotation.from_euler("xyz", [40, 70, 10], degrees=True)
    truth = model_of({"A": walk(3, 140)}, np.array([2.0, 1.0, 3.0]))
    copy = truth[0][0].clone()
    copy.name = "B"
    motion = gemmi.Transform(gemmi.Mat33(turn.as_matrix().tolist()), gemmi.Vec3(48, 5, -8))
    for residue in copy:
        for atom in residue:
            atom.pos = gemmi.Position(motion.apply(atom.pos))
    truth[0].add_chain(copy)
    away = truth.clone()
    move(away, 0, 7)
    move(away, 1, 11)
    found, bodies = dock_one(density_of(truth, "AB"), away, 6.0)
    assert [body.name for body in bodies][-2:] == ["chain A", "chain B"] and all(body.place for body in bodies[-2:])
    assert len(searched) == len(bodies) - 1
    half = len(positions(truth)) // 2
    ours, theirs = positions(found), positions(truth)
    straight = np.square(ours - theirs).sum(-1).mean()
    swapped = np.square(np.concatenate([ours[half:], ours[:half]]) - theirs).sum(-1).mean()
    assert min(straight, swapped) < 1.0


def test_aligned_errors_tell_domains(pair):
    n = 140
    error = np.full((250, 250), 20.0, np.float32)
    error[:n, :n] = 2.0
    error[n:, n:] = 2.0
    error[:70, 70:n] = error[70:n, :70] = 18.0
    addresses = [(chain.name, r.seqid.num) for chain in pair[0] for r in chain if r.name == "ALA"]
    told = AlignedError(error, tuple(c for c, _ in addresses), tuple(k for _, k in addresses), "pae.json")
    chains = ModelChain.of([pair])
    errors = errors_of_chains(chains, told)
    assert domains_by_error(errors[0]).tolist() == [0] * 70 + [1] * 70
    assert set(domains_by_error(errors[1]).tolist()) == {0}
    with pytest.raises(InputError, match=r"pae\.json has no row"):
        errors_of_chains(chains, AlignedError(error[:9, :9], ("A",) * 9, tuple(range(1, 10)), "pae.json"))


def test_without_a_protein_there_is_nothing_to_dock(pair):
    lonely = model_of({"A": walk(1, 3)}, np.zeros(3))
    with pytest.raises(InputError, match="no protein chain of at least"):
        dock_one(density_of(pair, "A"), lonely, 6.0)


def test_files_are_written_only_when_something_was_found(pair, tmp_path, capsys):
    away = pair.clone()
    move(away, 0, 7)
    move(away, 1, 7)
    away.setup_entities()
    away.make_mmcif_document().write_file(str(tmp_path / "away.cif"))
    write_map(density_of(pair, "AB"), tmp_path / "map.mrc")
    command = ["dock", str(tmp_path / "map.mrc"), str(tmp_path / "away.cif"), "--resolution", "6"]
    assert main([*command, "-o", str(tmp_path / "placed.pdb")]) == 0
    told = capsys.readouterr().out
    assert "chains A, B: moved by" in told and "Written to" in told
    placed = read_structure(tmp_path / "placed.pdb")
    assert [chain.name for chain in placed[0]][:2] == ["A", "B"]
    first = np.array([r["CA"][0].pos.tolist() for r in placed[0]["A"] if r.name == "ALA"])
    truth = np.array([r["CA"][0].pos.tolist() for r in pair[0]["A"] if r.name == "ALA"])
    assert np.sqrt(np.square(first - truth).sum(-1).mean()) < 1.0
    other = density_of(model_of({"A": walk(21, 140)}, np.zeros(3)), "A")
    write_map(other, tmp_path / "map.mrc")
    assert main([*command, "-o", str(tmp_path / "none.cif")]) == 2
    assert "was not found in the map, so nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "none.cif").exists()


@pytest.mark.slow
def test_the_demo_is_found_wherever_it_was():
    structure = read_structure(str(DEMO / "emd_20026_deposited.cif.gz"))
    away = structure.clone()
    for index in range(len(away[0])):
        move(away, index, 5)
    found, bodies = dock_one(read_map(DEMO / "emd_20026_protomer.map.gz"), away, 2.0)
    assert bodies[0].standing is not None and bodies[0].standing.z > 7
    assert np.sqrt(np.square(positions(found) - positions(structure)).sum(-1).mean()) < 0.5
