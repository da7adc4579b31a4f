import gzip
import os

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.sample import sample
from adp3d.density.write import write_map

VALUES = np.random.default_rng(5).normal(size=(7, 6, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


@settings(max_examples=40, deadline=None)
@given(
    steps=st.tuples(*[st.floats(0.3, 3.0)] * 3),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
    turn=st.one_of(st.none(), st.tuples(*[st.floats(-180, 180)] * 3)),
    shear=st.sampled_from([0.0, 0.3]),
    mirrored=st.booleans(),
    name=st.sampled_from(["m.mrc", "m.map", "m.mrc.gz"]),
)
def test_round_trip_of_any_grid(folder, steps, origin, turn, shear, mirrored, name):
    axes = np.diag(steps)
    axes[1, 0] = shear * steps[1]
    if turn is not None:
        axes = axes @ Rotation.from_euler("xyz", turn, degrees=True).as_matrix().T
    if mirrored:
        axes[0] *= -1
    written = DensityMap(VALUES, np.array(origin), axes)
    write_map(written, folder / name)
    found = read_map(folder / name)
    inner = np.random.default_rng(0).uniform(0.01, 0.99, (30, 3)) * (np.array(VALUES.shape) - 1)
    points = written.to_points(inner)
    np.testing.assert_allclose(found.to_index(points) if not mirrored else inner, inner, atol=1e-3)
    np.testing.assert_allclose(sample(found, points), sample(written, points), atol=5e-3)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


def test_half_turn_is_kept(folder):
    written = DensityMap(VALUES, np.zeros(3), np.diag([-1.0, -1.0, 1.0]))
    write_map(written, folder / "turned.mrc")
    np.testing.assert_allclose(read_map(folder / "turned.mrc").axes, written.axes, atol=1e-6)


def test_header_says_the_same_twice(folder):
    origin = np.array([-3, 4, 10]) * 0.5
    write_map(DensityMap(VALUES, origin, np.eye(3) * 0.5), folder / "lattice.mrc")
    with mrcfile.open(folder / "lattice.mrc") as file:
        assert (file.header.nxstart, file.header.nystart, file.header.nzstart) == (-3, 4, 10)
        np.testing.assert_allclose(file.header.origin.tolist(), origin)
        np.testing.assert_allclose(file.header.cella.tolist(), np.array(VALUES.shape) * 0.5)
    assert mrcfile.validate(folder / "lattice.mrc")
    # Off the lattice only ORIGIN can say it.
    write_map(DensityMap(VALUES, origin + 0.1, np.eye(3) * 0.5), folder / "off.mrc")
    with mrcfile.open(folder / "off.mrc") as file:
        assert (file.header.nxstart, file.header.nystart, file.header.nzstart) == (0, 0, 0)


def test_half_precision_and_identical_files(folder):
    written = DensityMap(VALUES, np.zeros(3), np.eye(3))
    write_map(written, folder / "a.mrc.gz", mode=12)
    write_map(written, folder / "b.mrc.gz", mode=12)
    assert (folder / "a.mrc.gz").read_bytes() == (folder / "b.mrc.gz").read_bytes()
    np.testing.assert_array_equal(read_map(folder / "a.mrc.gz").values, VALUES.astype(np.float16))
    assert len(gzip.decompress((folder / "a.mrc.gz").read_bytes())) == 1024 + 2 * VALUES.size
    with pytest.raises(InputError, match="too large"):
        write_map(written.with_values(VALUES * 1e6), folder / "c.mrc", mode=12)
    assert not (folder / "c.mrc").exists()


def test_failure_leaves_the_old_file(folder, tmp_path):
    written = DensityMap(VALUES, np.zeros(3), np.eye(3))
    with pytest.raises(InputError, match="cannot be written"):
        write_map(written, tmp_path / "absent" / "a.mrc")
    target = tmp_path / "taken.mrc"
    target.mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_map(written, target)
    assert os.listdir(tmp_path) == ["taken.mrc"]
