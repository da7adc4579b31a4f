"""Maps as files: region, step, position, rotation, cropping."""

from __future__ import annotations

import sys

import numpy as np
import pytest


def _read(path):
    """Values [z, y, x], origin and voxel size, as MRC 2014 says they are stored."""
    raw = path.read_bytes()
    words, reals = np.frombuffer(raw[:1024], "<i4"), np.frombuffer(raw[:1024], "<f4")
    nx, ny, nz = words[0:3]
    values = np.frombuffer(raw[1024:], "<f4").reshape(nz, ny, nx)
    assert raw[208:212] == b"MAP " and words[3] == 2 and tuple(words[16:19]) == (1, 2, 3)
    return values, reals[49:52].astype(float), reals[10:13] / words[7:10]


def _write(volume, tmp_path, points=None, **kw):
    from chimerax.adp3d.handover.map_export import choose_region, write_map

    region = choose_region(volume, points, **kw)
    write_map(volume, region, tmp_path / "map.mrc")
    return region, *_read(tmp_path / "map.mrc")


def test_whole_map(make_map, tmp_path):
    volume = make_map(step=(1.1, 1.2, 1.3), origin=(-3.5, 2.25, 0.125))
    region, values, origin, step = _write(volume, tmp_path)
    assert np.array_equal(values, volume.full_matrix())
    assert origin == pytest.approx((-3.5, 2.25, 0.125)) and step == pytest.approx((1.1, 1.2, 1.3), abs=1e-6)
    assert region.notes == ()


def test_shown_region_counts(make_map, tmp_path):
    volume = make_map()
    volume.new_region((3, 4, 5), (20, 15, 16), (1, 1, 1))
    _, values, origin, _ = _write(volume, tmp_path)
    assert np.array_equal(values, volume.full_matrix()[5:17, 4:16, 3:21])
    assert origin == pytest.approx((-9.0, -7.0, 0.0))
    _, values, _, _ = _write(volume, tmp_path, region="all")
    assert values.shape == volume.full_matrix().shape


def test_step_chosen_by_the_user_counts(make_map, tmp_path):
    volume = make_map()
    volume.new_region(ijk_step=(2, 2, 2), adjust_step=False)
    region, values, _origin, step = _write(volume, tmp_path)
    assert region.step == (2, 2, 2) and "step shown" in region.notes[0]
    assert np.array_equal(values, volume.full_matrix()[::2, ::2, ::2])
    assert step == pytest.approx((2.0, 2.0, 2.0))
    region, values, _, _ = _write(volume, tmp_path, step=1)
    assert np.array_equal(values, volume.full_matrix())


def test_step_that_chimerax_chose_for_drawing_does_not_count(session, make_map, tmp_path):
    from chimerax.map.volume import default_settings

    defaults = default_settings(session)
    before = defaults["voxel_limit"]
    defaults.update({"voxel_limit": 0.002})  # Mvoxels: as if the map were big
    try:
        volume = make_map()
        volume.rendering_options.voxel_limit = 0.002
        volume.new_region(ijk_step=(1, 1, 1))
        assert max(volume.region[2]) > 1, "ChimeraX draws it coarser"
        region, values, _, _ = _write(volume, tmp_path)
    finally:
        defaults.update({"voxel_limit": before})
    assert region.step == (1, 1, 1) and "only because it is big" in region.notes[0]
    assert np.array_equal(values, volume.full_matrix())


def test_unaligned_region_with_step(make_map, tmp_path):
    # samples are at multiples of the step, wherever the region starts
    volume = make_map()
    volume.new_region((3, 3, 3), (18, 17, 16), (2, 2, 2), adjust_step=False)
    _, values, origin, _step = _write(volume, tmp_path)
    assert np.array_equal(values, volume.matrix())
    at = origin - np.array(volume.data.origin)
    assert at == pytest.approx((4.0, 4.0, 4.0))


def test_edits_count(make_map, tmp_path):
    volume = make_map()
    volume.data.array[5:10, 5:10, 5:10] = 0  # what 'volume erase' does to a writable copy
    volume.data.values_changed()
    _, values, _, _ = _write(volume, tmp_path)
    assert not values[5:10, 5:10, 5:10].any()


def test_single_plane_becomes_a_volume(make_map, tmp_path):
    volume = make_map()
    volume.new_region((0, 0, 10), (23, 21, 10), (1, 1, 1))
    region, values, _, _ = _write(volume, tmp_path)
    assert values.shape == (20, 22, 24) and "single plane" in region.notes[0]


def test_big_maps_are_cut_out_around_the_model(make_map, tmp_path, monkeypatch):
    from chimerax.adp3d.handover import map_export

    monkeypatch.setattr(map_export, "BIG_MAP", 1000)
    volume = make_map(size=(60, 50, 40), origin=(10.0, 20.0, 30.0), step=(2.0, 2.0, 2.0))
    points = np.array([[70.0, 70.0, 70.0], [74.0, 71.0, 69.0]])
    region, values, origin, _ = _write(volume, tmp_path, points=points, margin=10.0)
    end = origin + 2.0 * (np.array(values.shape[::-1]) - 1)
    assert (origin <= points.min(0) - 10.0).all() and (end >= points.max(0) + 10.0).all()
    assert values.size < volume.full_matrix().size / 10 and "cut out" in region.notes[0]
    low = ((origin - (10, 20, 30)) / 2).round().astype(int)
    i, j, k = low
    nz, ny, nx = values.shape
    assert np.array_equal(values, volume.full_matrix()[k : k + nz, j : j + ny, i : i + nx])


def test_model_bigger_than_the_map(make_map, tmp_path, monkeypatch):
    from chimerax.adp3d.handover import map_export

    monkeypatch.setattr(map_export, "BIG_MAP", 1000)
    volume = make_map()
    points = np.array([[-500.0, -500.0, -500.0], [500.0, 500.0, 500.0]])
    _, values, _, _ = _write(volume, tmp_path, points=points)
    assert np.array_equal(values, volume.full_matrix())


def test_model_outside_is_refused(make_map, tmp_path):
    from chimerax.core.errors import UserError

    with pytest.raises(UserError, match="outside of map"):
        _write(make_map(), tmp_path, points=np.full((3, 3), 300.0))


@pytest.mark.parametrize("bad", ["nan", "constant"])
def test_unusable_values_are_refused(make_map, tmp_path, bad):
    from chimerax.core.errors import UserError

    array = np.ones((20, 22, 24), np.float32)
    if bad == "nan":
        array[3, 3, 3] = np.nan
        array[0, 0, 0] = 2
    with pytest.raises(UserError, match="not finite" if bad == "nan" else "same value"):
        _write(make_map(array=array), tmp_path)


def test_images_are_refused(make_map, tmp_path, monkeypatch):
    from chimerax.core.errors import UserError

    volume = make_map(size=(24, 22, 1))
    with pytest.raises(UserError, match=r"is a flat image of 24 x 22 x 1 points, not a 3-D map"):
        _write(volume, tmp_path)
    transform = make_map()
    monkeypatch.setattr(transform, "region_matrix", lambda region: np.ones((20, 22, 24), np.complex64))
    with pytest.raises(UserError, match="is not a map of real values; open the density map instead"):
        _write(transform, tmp_path)


def test_named_regions(make_map, tmp_path):
    from chimerax.core.errors import UserError

    volume = make_map()
    volume.region_list.add_named_region("pocket", (1, 2, 3), (9, 10, 11))
    _, values, origin, _ = _write(volume, tmp_path, region="pocket")
    assert np.array_equal(values, volume.full_matrix()[3:12, 2:11, 1:10]) and origin == pytest.approx((-11, -9, -2))
    with pytest.raises(UserError, match=r"There is no region 'lid' of map #\d+ \(density\)"):
        _write(volume, tmp_path, region="lid")


def test_maps_that_are_too_big_for_a_file(make_map, tmp_path, monkeypatch):
    from chimerax.adp3d.handover import map_export
    from chimerax.core.errors import UserError

    monkeypatch.setattr(map_export, "_MAX_VOXELS", 10_000)
    with pytest.raises(UserError, match=r"has 10,560 voxels, which is too many; show the region around the model only"):
        _write(make_map(), tmp_path)


def test_a_disk_that_refuses(make_map, tmp_path):
    from chimerax.adp3d.handover.map_export import choose_region, write_map
    from chimerax.core.errors import UserError

    volume, path = make_map(), tmp_path / "nowhere" / "map.mrc"
    with pytest.raises(UserError) as error:
        write_map(volume, choose_region(volume, None), path)
    assert str(error.value).startswith(f"Map #{volume.id_string} (density) could not be written to {path.parent}: ")


def test_the_margin_grows_with_the_longest_gap():
    from chimerax.adp3d.handover.map_export import MARGIN, margin_for_gap

    assert margin_for_gap(0) == MARGIN
    # a domain of 100 residues is 25 A wide, and none is taken to be wider than 60
    assert margin_for_gap(100) == pytest.approx(MARGIN + 25.3, abs=0.1)
    assert margin_for_gap(5000) == MARGIN + 60


def test_whole_numbers_become_real_ones(make_map, tmp_path):
    array = np.arange(20 * 22 * 24, dtype=np.int16).reshape(20, 22, 24)
    _, values, _, _ = _write(make_map(array=array), tmp_path)
    assert values.dtype == np.float32 and np.array_equal(values, array.astype(np.float32))


def test_half_maps_must_have_the_same_grid(make_map, tmp_path):
    from chimerax.adp3d.handover.map_export import choose_region, write_map
    from chimerax.core.errors import UserError

    volume, half = make_map(), make_map()
    region = choose_region(volume, None)
    write_map(half, region, tmp_path / "half.mrc", like=volume)
    values, _, _ = _read(tmp_path / "half.mrc")
    assert np.array_equal(values, half.full_matrix())
    for other in (make_map(origin=(0.0, 0.0, 0.0)), make_map(size=(24, 22, 18)), make_map(step=(1.0, 1.0, 1.01))):
        with pytest.raises(UserError, match="different grids"):
            write_map(other, region, tmp_path / "other.mrc", like=volume)
    assert not (tmp_path / "other.mrc").exists()


ENGINE_READS = """
import sys, numpy as np
sys.path.insert(0, sys.argv[2])
from launch import load_engine
load_engine(sys.argv[3])  # an environment has what the engine needs, the engine itself comes with the bundle
from adp3d.density.read import read_map
m = read_map(sys.argv[1])
print(*m.to_points(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [7, 5, 3]])).ravel().tolist())
print(float(m.values[7, 5, 3]))
"""


@pytest.mark.parametrize(
    ("angles", "turn"),
    [
        ((90, 90, 90), None),
        ((90, 90, 120), None),
        ((80, 95, 105), ((1, 2, 3), 40.0)),
        ((90, 90, 90), ((0, 1, 0), 180.0)),
    ],
)
def test_engine_sees_the_grid_where_chimerax_does(make_map, tmp_path, angles, turn):
    import os
    import subprocess

    from chimerax.adp3d.process.environment import ENGINE
    from chimerax.geometry import rotation

    axes = np.eye(3) if turn is None else rotation(*turn).matrix[:, :3]
    volume = make_map(cell_angles=angles, rotation=tuple(map(tuple, axes)), step=(1.0, 1.2, 0.9))
    volume.new_region((2, 3, 4), (20, 18, 17), (1, 1, 1))
    _write(volume, tmp_path)
    python = os.environ.get("ADP3D_PYTHON") or sys.executable
    done = subprocess.run(
        [python, "-c", ENGINE_READS, str(tmp_path / "map.mrc"), str(ENGINE.parent / "process"), str(ENGINE)],
        capture_output=True,
        text=True,
        env=_plain_environment(),
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    points = np.array(first.split(), float).reshape(-1, 3)
    index = [(2, 3, 4), (3, 3, 4), (2, 4, 4), (2, 3, 5), (9, 8, 7)]
    expected = np.array([volume.data.ijk_to_xyz(np.array(i, float)) for i in index])
    assert points == pytest.approx(expected, abs=2e-4)
    assert float(second) == pytest.approx(float(volume.full_matrix()[7, 8, 9]))


def _plain_environment():
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
