"""Copies that are nearly alike, as a measurement: what is compared, how closely, and a job with it."""

from __future__ import annotations

import json

import gemmi
import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone
from scipy.spatial.transform import Rotation
from told import Messages

from adp3d.cli.app import run
from adp3d.contract.errors import InputError
from adp3d.measurement.copies import shared_pairs
from adp3d.measurement.protocol import Scene
from adp3d.measurement.registry import load_measurements
from adp3d.prior.schedule import LogSnrSchedule
from adp3d.solver.protocol import Level
from adp3d.structure.polymer import Polymer

SEQUENCE = "MKVLAAGITRWEDLKA"
LENGTH = len(SEQUENCE)


def chain_of(turn=0.0):
    phi, psi = np.full(LENGTH, -62.0), np.full(LENGTH, -43.0)
    phi[8] += turn
    return np.asarray(build_backbone(phi.tolist(), psi.tolist()))


def placed(x, number):
    motion = Rotation.from_rotvec([0.4 * number, -0.7 * number, 0.2])
    return motion.apply(x.reshape(-1, 3)).reshape(x.shape) + np.array([25.0 * number, 4.0, -3.0])


def scene_of(chains, sequences=None):
    index = np.repeat(np.arange(len(chains)), [len(one) for one in chains])
    polymer = Polymer(
        "".join(sequences or [SEQUENCE] * len(chains)), index, np.arange(len(index)), tuple("ABC"[: len(chains)])
    )
    labels = tuple(("ABC"[chain], k + 1, "") for k, chain in enumerate(index.tolist()))
    told = Messages()
    return Scene(polymer, labels, np.concatenate(chains), gemmi.Structure(), torch.device("cpu"), told), told


def test_neighbours_in_the_chain_or_in_one_copy_are_compared():
    rows = np.stack([np.arange(20), np.arange(20, 40)], axis=1)
    ca = np.full((40, 3), np.nan)
    ca[:20] = 100.0 * np.arange(20)[:, None]
    ca[39] = ca[20] = 0.0  # the second copy's ends touch
    pairs, shared = shared_pairs([rows], ca)
    first, second = (set(map(tuple, (pairs[pairs[:, 0] // 20 == k] % 20).tolist())) for k in (0, 1))
    assert first == second == {(i, j) for i in range(20) for j in range(i + 1, min(i + 13, 20))} | {(0, 19)}
    assert np.bincount(shared).tolist() == [2] * len(first)
    for number in range(len(first)):
        assert len({tuple(pair) for pair in (pairs[shared == number] % 20).tolist()}) == 1


def test_how_near_is_told_by_the_model():
    rng = np.random.default_rng(3)
    same = [placed(chain_of(), k) for k in range(3)]
    apart = [one + 0.5 * rng.normal(size=one.shape) for one in same]
    found = []
    for chains in (same, apart):
        scene, told = scene_of(chains)
        (measured,) = load_measurements(["copies"], scene)
        found.append(measured.likelihood.sigma)
        assert "chains A, B, C" in told.texts[0] and f"{measured.likelihood.sigma:.2f} A" in told.texts[0]
    assert found[0] == 0.1
    assert found[1] == pytest.approx(np.sqrt(2.0) * 0.5, rel=0.15)  # two ends of a distance
    scene, _ = scene_of(same)
    assert load_measurements(["copies 0.37"], scene)[0].likelihood.sigma == 0.37
    lost = np.where(np.arange(LENGTH)[:, None, None] < 100, np.nan, chain_of())
    scene, told = scene_of([chain_of(), lost])
    assert load_measurements(["copies"], scene)[0].likelihood.sigma == 0.3 and "too little" in told.texts[0]


def test_figures_say_where_copies_differ():
    scene, _ = scene_of([placed(chain_of(), 0), placed(chain_of(40.0), 1)])
    (measured,) = load_measurements(["copies"], scene)
    x = scene.start().double()
    apart = measured.residue_figures(x)["apart"]
    assert apart.shape == (2 * LENGTH,)
    assert apart[8] < apart[2] and apart[8] < apart[14]  # what lies on either side of the turn moved against the other
    assert float(measured.figures(x[None])["apart"][0]) > 0.2
    scene, _ = scene_of([placed(chain_of(), 0), placed(chain_of(), 1)])
    (same,) = load_measurements(["copies"], scene)
    assert float(same.figures(scene.start().double()[None])["apart"][0]) < 1e-3


def test_it_lets_go_later_in_noise():
    scene, _ = scene_of([placed(chain_of(), 0), placed(chain_of(60.0), 1)])
    (measured,) = load_measurements(["copies 0.1"], scene)
    x = scene.start().double()[None]
    early, late = (
        measured.potential.at(x, Level(3, 10, t, *LogSnrSchedule().at(t))).value_and_gradient(x)[1].norm()
        for t in (0.7, 0.05)
    )
    assert float(early) > 2 * float(late)


@pytest.mark.parametrize("text", ["copies@a.csv", "copies near", "copies 0", "copies -1", "copies nan", "copies 1 2"])
def test_words_that_are_none_are_refused(text):
    scene, _ = scene_of([chain_of(), placed(chain_of(), 1)])
    with pytest.raises(InputError, match="deviation in angstrom"):
        load_measurements([text], scene)


def test_a_job_without_copies_is_told():
    scene, _ = scene_of([chain_of(), placed(chain_of(), 1)], [SEQUENCE, "A" * LENGTH])
    with pytest.raises(InputError, match="same sequence"):
        load_measurements(["copies"], scene)


def test_a_gap_becomes_like_the_other_copy(tmp_path):
    """Half a gap of one chain, which the other one shows: with the measurement it takes the same shape."""
    structure = gemmi.Structure()
    structure.add_model(gemmi.Model(1))
    for number, name in enumerate("AB"):
        chain = gemmi.Chain(name)
        xyz = placed(chain_of(-60.0), number)
        for k, letter in enumerate(SEQUENCE):
            if name == "B" and 6 <= k < 11:
                continue
            residue = gemmi.Residue()
            residue.name, residue.seqid = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA), gemmi.SeqId(k + 1, " ")
            for atom_name, place in zip(("N", "CA", "C", "O"), xyz[k], strict=True):
                atom = gemmi.Atom()
                atom.name, atom.element = atom_name, gemmi.Element(atom_name[0])
                atom.pos = gemmi.Position(*place)
                residue.add_atom(atom)
            chain.add_residue(residue)
        structure[0].add_chain(chain)
    fasta, model = tmp_path / "both.fasta", tmp_path / "model.pdb"
    fasta.write_text(f">A\n{SEQUENCE}\n>B\n{SEQUENCE}\n")
    structure.write_pdb(str(model))
    apart = {}
    for way in ("alone", "copies"):
        command = ["complete", str(model), "--sequence", str(fasta), "-o", str(tmp_path / way), "--steps", "12"]
        command += ["--replicas", "1", "--no-relax", "--side-chains", "none", "--prior", "gaussian"]
        command += [] if way == "alone" else ["--measure", "copies 0.1"]
        assert run(command) == 0
        built = gemmi.read_structure(str(tmp_path / way / "result.cif"))[0]
        ca = [np.array([residue["CA"][0].pos.tolist() for residue in built[name]]) for name in "AB"]
        distance = [np.linalg.norm(one[:, None] - one, axis=-1) for one in ca]
        apart[way] = float(np.sqrt(np.square(distance[0] - distance[1]).mean()))
    assert apart["copies"] < 0.5 * apart["alone"]
    told = json.loads((tmp_path / "copies" / "metrics.json").read_text())["measurements"]["copies"]
    assert told["apart"] < 0.5
