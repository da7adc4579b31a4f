import bz2
import gzip
import itertools
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.sample import sample

VALUES = np.random.default_rng(3).integers(0, 100, size=(6, 5, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


@pytest.fixture(scope="module")
def read(folder):
    def read_bytes(raw: bytes, name: str = "map.mrc") -> DensityMap:
        (folder / name).write_bytes(raw)
        return read_map(folder / name)

    return read_bytes


@settings(max_examples=60, deadline=None)
@given(
    order=st.sampled_from(list(itertools.permutations((1, 2, 3)))),
    mode=st.sampled_from([0, 1, 2, 6, 12]),
    endian=st.sampled_from("<>"),
    steps=st.tuples(*[st.sampled_from([0.5, 1.0, 1.25])] * 3),
    angles=st.sampled_from([(90.0, 90.0, 90.0), (90.0, 90.0, 120.0), (80.0, 95.0, 105.0)]),
    start=st.tuples(*[st.integers(-20, 20)] * 3),
    intervals=st.sampled_from([None, (12, 10, 16)]),
    by_origin=st.booleans(),
    extended=st.sampled_from([b"", b"x" * 160]),
    packed=st.sampled_from(["", ".gz", ".bz2"]),
)
def test_same_density_whatever_the_file_looks_like(
    read, mrc_bytes, order, mode, endian, steps, angles, start, intervals, by_origin, extended, packed
):
    alpha, beta, gamma = np.radians(angles)
    a = np.array([1.0, 0.0, 0.0])
    b = np.array([np.cos(gamma), np.sin(gamma), 0.0])
    c_y = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    c = np.array([np.cos(beta), c_y, np.sqrt(1 - np.cos(beta) ** 2 - c_y**2)])
    axes = np.array([a, b, c]) * np.array(steps)[:, None]
    origin = np.array(start) @ axes
    raw = mrc_bytes(
        VALUES,
        mode=mode,
        order=order,
        endian=endian,
        steps=steps,
        angles=angles,
        intervals=intervals,
        extended=extended,
        origin=tuple(origin) if by_origin else (0.0, 0.0, 0.0),
        nstart=(0, 0, 0) if by_origin else start,
    )
    pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}[packed]
    found = read(pack(raw), f"map.mrc{packed}")
    expected = DensityMap(VALUES, origin, axes)
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.notes == ()
    points = expected.to_points(np.random.default_rng(0).uniform(0, 1, (20, 3)) * (np.array(VALUES.shape) - 1))
    np.testing.assert_allclose(sample(found, points), sample(expected, points), atol=0.02)
    np.testing.assert_allclose(found.to_points(points), expected.to_points(points), atol=1e-4)


def test_origin_goes_first_except_in_ccp4_files(read, mrc_bytes):
    raw = mrc_bytes(VALUES, origin=(5.0, 6.0, 7.0), nstart=(1, 2, 3))
    for name, origin in (("a.mrc", [5, 6, 7]), ("a.map", [1, 2, 3]), ("a.CCP4", [1, 2, 3])):
        found = read(raw, name)
        np.testing.assert_allclose(found.origin, origin)
        assert "disagree" in found.notes[0]
    # Only one of the two is given: then it counts whatever the name.
    np.testing.assert_allclose(read(mrc_bytes(VALUES, origin=(5.0, 6.0, 7.0)), "a.map").origin, [5, 6, 7])
    np.testing.assert_allclose(read(mrc_bytes(VALUES, nstart=(1, 2, 3)), "a.mrc").origin, [1, 2, 3])


def test_uninitialised_words_are_ignored(read, mrc_bytes):
    lost = read(mrc_bytes(VALUES, origin=(float("nan"), 1.0, 1.0), nstart=(1, 2, 3)))
    np.testing.assert_allclose(lost.origin, [1, 2, 3])
    huge = read(mrc_bytes(VALUES, origin=(1e20, 1.0, 1.0), nstart=(10**6, 0, 0)))
    np.testing.assert_allclose(huge.origin, 0)
    assert "start indices" in huge.notes[0]


def test_assumptions_leave_notes(read, mrc_bytes):
    no_cell = read(mrc_bytes(VALUES, steps=(0.0, 0.0, 0.0)))
    np.testing.assert_allclose(no_cell.axes, np.eye(3))
    assert "voxel size" in no_cell.notes[0]
    flat = read(mrc_bytes(VALUES, angles=(170.0, 20.0, 20.0), steps=(2.0, 2.0, 2.0)))
    np.testing.assert_allclose(flat.axes, 2 * np.eye(3))
    assert "angles" in flat.notes[0]
    unordered = read(mrc_bytes(VALUES)[:64] + bytes(12) + mrc_bytes(VALUES)[76:])
    np.testing.assert_array_equal(unordered.values, VALUES)
    assert "axis order" in unordered.notes[0]
    raw = bytearray(mrc_bytes(VALUES, endian=">"))
    raw[212:214] = b"\x44\x44"
    swapped = read(bytes(raw))
    np.testing.assert_array_equal(swapped.values, VALUES)
    assert "byte order" in swapped.notes[0]
    unreadable = read(mrc_bytes(VALUES, label=b"Chimera rotation: 1 0 fish 30"))
    assert "rotation" in unreadable.notes[0]


def test_rotation_label(read, mrc_bytes):
    turned = read(mrc_bytes(VALUES, steps=(1.0, 2.0, 3.0), label=b"Chimera rotation: 0 0 2 90"))
    np.testing.assert_allclose(turned.axes, [[0, 1, 0], [-2, 0, 0], [0, 0, 3]], atol=1e-6)


def test_symmetry_records_that_are_missing(read, mrc_bytes):
    np.testing.assert_array_equal(read(mrc_bytes(VALUES, nsymbt=80)).values, VALUES)


def test_bytes_are_unsigned_in_old_and_some_imod_files(read, mrc_bytes):
    raw = mrc_bytes(VALUES - 50, mode=0)
    signed = read(raw).values
    np.testing.assert_array_equal(signed, VALUES - 50)
    imod = raw[:152] + (1146047817).to_bytes(4, "little") + bytes(4) + raw[160:]
    old = raw[:208] + bytes(4) + raw[212:]
    for other in (imod, old):
        np.testing.assert_array_equal(read(other).values, np.where(VALUES < 50, VALUES + 206, VALUES - 50))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": (float("inf"), 1.0, 1.0)}, "voxels of inf"),
        ({"steps": (1e-5, 1.0, 1.0)}, "cannot be right"),
        ({"mode": 4}, "complex"),
        ({"mode": 77}, "not an MRC"),
        ({"nsymbt": -5}, "damaged header"),
        ({"nsymbt": 5000, "extended": b"x" * 160}, "truncated"),
    ],
)
def test_impossible_headers(read, mrc_bytes, change, message):
    with pytest.raises(InputError, match=message):
        read(mrc_bytes(VALUES, **change))


def test_useless_contents(read, mrc_bytes):
    with pytest.raises(InputError, match="same value"):
        read(mrc_bytes(np.ones((3, 3, 3), np.float32)))
    broken = VALUES.copy()
    broken[1, 2, 3], broken[0, 0, 0] = np.nan, np.inf
    with pytest.raises(InputError, match="2 voxels"):
        read(mrc_bytes(broken))
    with pytest.raises(InputError, match="flat image"):
        read(mrc_bytes(VALUES[:, :, :1]))
    stack = bytearray(mrc_bytes(VALUES, intervals=(6, 5, 2)))
    stack[88:92] = (401).to_bytes(4, "little")
    with pytest.raises(InputError, match="stack of volumes"):
        read(bytes(stack))


def test_values_too_large_to_compute_with(read, mrc_bytes):
    assert read(mrc_bytes(VALUES * np.float32(1e9))).values.max() > 1e9
    with pytest.raises(InputError, match=r"values up to [0-9.]+e\+[0-9]+, too large to compute with"):
        read(mrc_bytes(VALUES * np.float32(1e30)))


def test_things_that_are_no_maps(read, folder):
    for raw in (b"", b"ATOM      1  N   ALA A   1", b"\x1f\x8b\x08", b"BZh9", b"text " * 1000, bytes(3000)):
        with pytest.raises(InputError):
            read(raw)
    with pytest.raises(InputError, match="no file"):
        read_map(folder / "absent.mrc")
    with pytest.raises(InputError, match="is a folder"):
        read_map(folder)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_huge_claims_take_no_memory(read, mrc_bytes, pack):
    for size in (1200, 60000):
        raw = bytearray(mrc_bytes(VALUES))
        raw[:12] = np.array([size] * 3, "<i4").tobytes()
        tracemalloc.start()
        with pytest.raises(InputError, match=r"truncated|too many"):
            read(pack(bytes(raw)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**25


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    pack=st.sampled_from([bytes, gzip.compress, bz2.compress]),
    flips=st.lists(st.tuples(st.integers(0, 1535), st.integers(0, 255)), max_size=6),
    before=st.booleans(),
    length=st.one_of(st.none(), st.integers(0, 1503)),
)
def test_damaged_files_give_a_map_or_a_clear_error(read, mrc_bytes, pack, flips, before, length):
    def damage(raw: bytes) -> bytes:
        harmed = bytearray(raw)
        for at, value in flips:
            harmed[at % len(harmed)] = value
        return bytes(harmed[:length])

    raw = mrc_bytes(VALUES, label=b"Chimera rotation: 1 0 0 30")
    raw = pack(damage(raw)) if before else damage(pack(raw))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = read(raw)
        except InputError as error:
            assert str(error).endswith(".") and "\n" not in str(error)
        else:
            assert found.values.size <= 4 * VALUES.size
            assert np.isfinite(found.to_points([0, 0, 0])).all()
