"""Chains read back from the packed archive."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.training.dataset import load_chains, rebuild_missing_oxygen


def test_coordinates_types_and_names_come_back(archive, packed):
    record = archive.Record(n=30, shift=(100.0, -50.0, 7.0))
    (chain,) = load_chains(packed(record), "train")
    # 0.01 A steps; the centroid is rounded too
    np.testing.assert_allclose(chain.xyz, record.xyz(), atol=0.006)
    assert chain.xyz.dtype == np.float32
    assert chain.aatype.tolist() == [i % 21 for i in range(30)]
    assert (chain.entry, chain.source) == ("1abc_A", "1abc/x")
    assert chain.residue_index.tolist() == list(range(30))
    assert (chain.run_start.tolist(), chain.run_length.tolist()) == ([0], [30])
    assert chain.weight == 1.0 and not chain.ca_only


def test_only_the_wanted_split_and_representatives(archive, packed):
    make = archive.Record
    folder = packed(
        make(pdb="1aaa"), make(pdb="2bbb", split="test"), make(pdb="3ccc", rep90=False), make(pdb="4ddd", split="val")
    )
    assert [c.entry for c in load_chains(folder, "train")] == ["1aaa_A"]
    assert [c.entry for c in load_chains(folder, "train", representatives=False)] == ["1aaa_A", "3ccc_A"]
    assert [c.entry for c in load_chains(folder, "val")] == ["4ddd_A"]


def test_members_of_large_clusters_weigh_less(archive, packed):
    folder = packed(*(archive.Record(pdb=f"{k}aaa", c40=7 if k else 1) for k in range(5)))
    weights = [c.weight for c in load_chains(folder, "train")]
    assert weights[0] == 1.0
    assert weights[1:] == pytest.approx([4**-0.7] * 4)


def test_rebuilt_chains_are_marked_and_drawn_less_often(archive, tmp_path):
    archive.write(tmp_path, [archive.Record()], "chains_ca_rebuilt_0.npz")
    archive.write(tmp_path, [archive.Record(pdb="2bbb")], "chains_full_0.npz")
    chains = {c.entry: c for c in load_chains(tmp_path, "train")}
    assert chains["1abc_A"].ca_only and not chains["2bbb_A"].ca_only
    assert chains["1abc_A"].weight < chains["2bbb_A"].weight
    only = load_chains(tmp_path, "train", shards=("chains_full_0.npz",))
    assert [c.entry for c in only] == ["2bbb_A"]


def test_missing_residues_break_the_run(archive, packed):
    (chain,) = load_chains(packed(archive.Record(no_ca=(20,))), "train")
    assert chain.run_length.tolist() == [20, 27]
    assert chain.residue_index[20] - chain.residue_index[19] > 1


def test_numbering_gaps_and_recorded_breaks(archive, packed):
    (chain,) = load_chains(packed(archive.Record(breaks=(9, 29), numbers={10: 6})), "train")
    assert chain.run_start.tolist() == [0, 10, 30]
    assert chain.residue_index[10] - chain.residue_index[9] == 6
    # a break without a jump in the numbering still leaves a gap
    assert chain.residue_index[30] - chain.residue_index[29] == 2


def test_oxygen_is_rebuilt_where_the_next_residue_tells_its_place(archive, packed):
    record = archive.Record(no_oxygen=(5, 47))
    (chain,) = load_chains(packed(record), "train")
    assert len(chain.xyz) == 47  # the last one has no next residue
    np.testing.assert_allclose(chain.xyz[5], record.xyz()[5], atol=0.12)
    assert np.linalg.norm(chain.xyz[5, 3] - chain.xyz[5, 2]) == pytest.approx(1.231, abs=0.02)


def test_rebuilt_oxygen_lies_in_the_peptide_plane(archive):
    xyz = archive.Record(n=20).xyz().astype(np.float32)
    has = np.ones(20, bool)
    has[[3, 8]] = False
    damaged = xyz.copy()
    damaged[[3, 8], 3] = 99.0
    done = rebuild_missing_oxygen(damaged, has)
    np.testing.assert_allclose(done, xyz, atol=0.1)
    assert (damaged[3, 3] == 99.0).all()
    for i in (3, 8):
        normal = np.cross(xyz[i, 1] - xyz[i, 2], xyz[i + 1, 0] - xyz[i, 2])
        assert abs(np.dot(done[i, 3] - xyz[i, 2], normal)) / np.linalg.norm(normal) < 1e-3


def test_short_chains_are_left_out(archive, packed):
    folder = packed(archive.Record(n=12), archive.Record(pdb="2bbb", n=20))
    assert [c.entry for c in load_chains(folder, "train")] == ["2bbb_A"]


def test_nothing_to_read(archive, packed, tmp_path):
    with pytest.raises(InputError, match="No chains_"):
        load_chains(tmp_path, "train")
    with pytest.raises(InputError, match="split 'val'"):
        load_chains(packed(archive.Record()), "val")


def test_rows_that_are_to_be_left_out_are_not_read(archive, packed):
    folder = packed(
        archive.Record(n=40), archive.Record(n=40, pdb="2bbb", c40=1), archive.Record(n=40, pdb="3ccc", c40=2)
    )
    (folder / "leave_out.tsv").write_text("shard\trow\tchain\nchains_full_0.npz\t1\t2bbb_A\nother.npz\t0\t1abc_A\n")
    assert [chain.entry for chain in load_chains(folder, "train")] == ["1abc_A", "3ccc_A"]


def test_heavy_atoms_are_kept_where_nearly_all_are_there(archive, packed):
    """The made-up chains have backbones only, which is all of an all-glycine chain but little of others."""
    folder = packed(archive.Record(n=40))
    assert load_chains(folder, "train")[0].atoms is None
    path = folder / "chains_full_0.npz"
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    arrays["aatype"][:] = 7  # glycine
    arrays["bfac"] = np.arange(40).astype(np.uint8)
    np.savez(path, **arrays)
    (chain,) = load_chains(folder, "train")
    assert chain.atoms is not None
    np.testing.assert_allclose(chain.atoms.xyz.reshape(40, 4, 3), chain.xyz, atol=1e-5)
    assert chain.atoms.element[:4].tolist() == [1, 0, 0, 2]
    assert chain.atoms.b_factor[::4].tolist() == list(range(40))
