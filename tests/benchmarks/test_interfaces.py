"""Poses of complexes, what they are judged by, and the statistics that energies are compared with."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from adp3d.training.dataset import Chain


def _helix(n, shift):
    """Backbone atoms N, CA and C (n, 3, 3) of an ideal helix along z."""
    turns = np.radians(100.0) * np.arange(n)[:, None] + np.radians([-27.0, 0.0, 26.0])
    radius, rise = np.array([1.55, 2.28, 1.68]), 1.5 * np.arange(n)[:, None] + np.array([-0.86, 0.0, 1.07])
    return np.stack([radius * np.cos(turns), radius * np.sin(turns), rise], -1) + shift


@pytest.fixture
def archive(tmp_path):
    """Two helices of 30 and 20 residues, 10 A apart; the longer one lacks its middle."""
    longer = np.delete(_helix(33, 0.0), [15, 16, 17], axis=0)
    np.savez(
        tmp_path / "pair.npz",
        ONE_receptor_seq="A" * 30,
        ONE_receptor_xyz=longer.astype(np.float32),
        ONE_ligand_seq="L" * 20,
        ONE_ligand_xyz=_helix(20, np.array([10.0, 0.0, 10.0])).astype(np.float32),
    )
    return tmp_path / "pair.npz"


def test_breaks_and_chains_of_an_archive_are_seen(load, archive):
    (one,) = load("poses").load_complexes(archive)
    assert (one.name, one.receptor, one.polymer.segment_lengths) == ("ONE", 30, (15, 15, 20))
    assert np.linalg.norm(one.x[:, 3] - one.x[:, 2], axis=-1) == pytest.approx(1.23, abs=0.02)


def test_poses_touch_without_clashes_and_are_as_far_off_as_asked_for(load, archive):
    poses = load("poses")
    (one,) = poses.load_complexes(archive)
    bound, *others = poses.poses_of(one, 20, np.random.default_rng(0))
    assert (bound.kind, bound.ligand_rmsd) == ("bound", 0) and bound.interface_rmsd < 1e-6
    for k, pose in enumerate(others):
        assert np.array_equal(pose.x[:30], one.x[:30])
        gaps = cKDTree(pose.x[:30].reshape(-1, 3)).query(pose.x[30:].reshape(-1, 3))[0]
        assert gaps.min() >= poses.CLOSEST
        inner = np.linalg.norm(pose.x[30:, None, 1] - pose.x[None, 30:, 1], axis=-1)
        assert np.allclose(inner, np.linalg.norm(one.x[30:, None, 1] - one.x[None, 30:, 1], axis=-1), atol=1e-6)
        if pose.kind == "perturbed":
            asked = poses.SIZES[k // 2 % len(poses.SIZES)]
            assert pose.ligand_rmsd == pytest.approx(asked, rel=0.5) or pose.ligand_rmsd > asked  # pushed apart
        else:
            assert gaps.min() < poses.CLOSEST + 3.0  # its CB may touch first


def test_interface_rmsd_is_that_after_superposition(load, archive):
    poses = load("poses")
    (one,) = poses.load_complexes(archive)
    ends = [pose for pose in poses.poses_of(one, 20, np.random.default_rng(1)) if pose.kind == "perturbed"]
    assert all(pose.interface_rmsd < pose.ligand_rmsd for pose in ends)


def test_validation_complexes_have_one_chain_that_was_not_trained_on(load):
    poses = load("poses")

    def chain(entry, source, xyz):
        parts = np.array([0]), np.array([len(xyz)])
        types = np.full(len(xyz), 10)
        return Chain(entry, source, xyz, types, np.arange(len(xyz)), *parts, 1.0, False)

    long, short = _chain(0.0, 70), _chain(9.0, 60)
    found = poses.validation_complexes(
        [chain("1two_A", "1two/x", long), chain("1top_A", "1top/x", long), chain("_A", "/x", long)],
        [
            chain("1two_B", "1two/x", short),
            chain("1two_C", "1two/x", _chain(9.0, 40)),  # too short
            chain("1top_B", "1top/x", long),  # a copy on top of the other
            chain("1one_A", "1one/x", long),  # both trained on
            chain("1one_B", "1one/x", short),
            chain("_B", "/x", short),  # no entry of its own
        ],
    )
    (one,) = found
    assert (one.name, one.receptor, len(one.x), one.polymer.sequence) == ("1TWO", 70, 130, "L" * 130)
    assert one.polymer.segment_lengths == (70, 60)
    assert np.allclose(one.x[:, :3], np.concatenate([long, short])[:, :3])


def test_types_that_seek_each_other_have_a_low_potential(load):
    interfaces = load("interfaces")
    # leucine only ever meets leucine, and lysine lysine, equally often
    chains = [
        Chain(
            f"{entry}_{name}", entry, xyz, np.full(20, kind), np.arange(20), np.array([0]), np.array([20]), 1.0, False
        )
        for entry, kind in (("1leu", 10), ("1lys", 11))
        for name, xyz in (("A", _chain(0.0)), ("B", _chain(8.5)))
    ]
    touching = len(load("poses").touching(chains[0].xyz, chains[1].xyz))
    potential = interfaces.pair_potential(chains, [])
    total, own = 2 * touching + 400, touching + 1
    alone = (touching + 20) / total
    assert potential[10, 10] == potential[11, 11] == pytest.approx(-np.log(own / total / alone**2))
    assert potential[10, 11] == potential[11, 10] == pytest.approx(-np.log(1 / total / alone**2))
    assert (potential[20] == 0).all()
    assert np.allclose(interfaces.pair_potential(chains, ["1LEU", "1LYS"]), 0)  # nothing is known


def _chain(aside, length=20):
    helix = _helix(length, np.array([aside, 0.0, 0.0]))
    return np.concatenate([helix, helix[:, 2:] + [0, 0, 1.2]], 1)


def test_the_bound_pose_has_no_part_in_success(load):
    away = np.array([0.0, 9.0, 1.0, 5.0, 12.0, 20.0, 30.0])
    judged = load("interfaces").judge(np.array([-9.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0]), away)
    assert (judged["top_1"], judged["top_5"], judged["rank_of_bound"]) == (False, True, 1)
    assert judged["best_interface_rmsd"] == 9.0
    assert judged["spearman"] == pytest.approx(0.829, abs=0.001)


def test_contacts_are_counted_between_the_partners_only(load, archive):
    poses, interfaces = load("poses"), load("interfaces")
    (one,) = poses.load_complexes(archive)
    bound = poses.poses_of(one, 1, np.random.default_rng(0))[:1]
    potential = np.zeros((21, 21))
    potential[0, 10] = -0.5  # alanine and leucine
    number, pairs = interfaces.contact_scores(one, bound, potential)
    cb = poses.cb_of(one.x)
    expected = (np.linalg.norm(cb[:30, None] - cb[None, 30:], axis=-1) < poses.CONTACT).sum()
    assert expected > 5 and number[0] == -expected and pairs[0] == -0.5 * expected
