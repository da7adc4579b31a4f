from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.job.trajectory import TrajectoryWriter, read_trajectory

RNG = np.random.default_rng(7)


def frames(count, replicas=3, residues=5, scale=20.0):
    return RNG.normal(scale=scale, size=(count, replicas, residues, 4, 3)) + np.array([400.0, -900.0, 55.5])


def write(path, coordinates, first_step=0, first_replica=0, interval=1):
    writer = TrajectoryWriter(path, interval)
    for step, frame in enumerate(coordinates, start=first_step):
        writer.frame(step, frame, first_replica)
    writer.close()


def test_precision_and_size(tmp_path):
    path = tmp_path / "t.bin"
    given = frames(4)
    write(path, given)
    back = read_trajectory(path)
    assert back.n_residues == 5
    assert back.steps == (0, 1, 2, 3)
    assert back.replicas == (0, 1, 2)
    for step, frame in enumerate(given):
        for replica in range(3):
            assert back.frames[step][replica].dtype == np.float32
            assert np.abs(back.frames[step][replica] - frame[replica]).max() < 0.0052
    assert path.stat().st_size == 16 + 4 * (48 + 3 * 5 * 12 * 2)
    steps, one = back.of_replica(2)
    assert steps == (0, 1, 2, 3) and one.shape == (4, 5, 4, 3)
    np.testing.assert_allclose(back.last()[1], given[3, 1], atol=0.0052)
    with pytest.raises(ValueError, match="replica 5"):
        back.of_replica(5)


def test_frames_too_large_for_integers(tmp_path):
    given = frames(1, scale=5000.0)
    write(tmp_path / "t.bin", given)
    back = read_trajectory(tmp_path / "t.bin")
    np.testing.assert_allclose(back.frames[0][1], given[0, 1], rtol=1e-6, atol=2e-3)


def test_interval_keeps_the_last_frame(tmp_path):
    given = frames(8)
    write(tmp_path / "t.bin", given, interval=3)
    back = read_trajectory(tmp_path / "t.bin")
    assert back.steps == (0, 3, 6, 7)
    np.testing.assert_allclose(back.frames[7][0], given[7, 0], atol=0.0052)


def test_last_frame_is_there_at_the_end_of_a_stage(tmp_path):
    writer = TrajectoryWriter(tmp_path / "t.bin", 10)
    given = frames(1)[0]
    writer.frame(7, given)
    writer.progress("refine", 6, 7)
    assert not (tmp_path / "t.bin").exists()
    writer.progress("refine", 7, 7)
    assert read_trajectory(tmp_path / "t.bin").steps == (7,)
    writer.close()
    assert read_trajectory(tmp_path / "t.bin").steps == (7,)


def test_later_records_replace_earlier_ones(tmp_path):
    path = tmp_path / "t.bin"
    first, second = frames(3, replicas=4), frames(2, replicas=2)
    write(path, first)
    write(path, second, first_step=1, first_replica=2)  # resumed, in a smaller batch
    back = read_trajectory(path)
    np.testing.assert_allclose(back.frames[1][1], first[1, 1], atol=0.0052)
    np.testing.assert_allclose(back.frames[1][2], second[0, 0], atol=0.0052)
    np.testing.assert_allclose(back.frames[2][3], second[1, 1], atol=0.0052)


@settings(max_examples=30)
@given(st.data())
def test_a_crash_costs_at_most_the_last_record(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("t") / "t.bin"
    given = frames(4)
    write(path, given)
    content = path.read_bytes()
    record = (len(content) - 16) // 4
    cut = data.draw(st.integers(16, len(content)))
    path.write_bytes(content[:cut] + data.draw(st.binary(max_size=40)))
    whole = (cut - 16) // record
    steps = read_trajectory(path).steps
    assert steps[:whole] == (0, 1, 2, 3)[:whole] and len(steps) == whole
    write(path, frames(1), first_step=9)
    assert read_trajectory(path).steps == (*range(whole), 9)


def test_damage_in_the_middle_ends_reading(tmp_path):
    path = tmp_path / "t.bin"
    write(path, frames(3))
    content = bytearray(path.read_bytes())
    content[16 + (len(content) - 16) // 3 + 60] ^= 1
    path.write_bytes(content)
    assert read_trajectory(path).steps == (0,)


@pytest.mark.parametrize("content", [b"", b"ADP3DTRJ", b"x" * 100, b"ADP3DTRJ" + (9).to_bytes(4, "little") + bytes(4)])
def test_other_files(tmp_path, content):
    (tmp_path / "t.bin").write_bytes(content)
    with pytest.raises(InputError):
        read_trajectory(tmp_path / "t.bin")


def test_missing_file_and_other_job(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_trajectory(tmp_path / "none.bin")
    write(tmp_path / "t.bin", frames(1))
    with pytest.raises(InputError, match="another job"):
        write(tmp_path / "t.bin", frames(1, residues=6))


def test_wrong_frames(tmp_path):
    writer = TrajectoryWriter(tmp_path / "t.bin")
    with pytest.raises(ValueError, match="shape"):
        writer.frame(0, np.zeros((5, 4, 3)))
    with pytest.raises(ValueError, match="finite"):
        writer.frame(0, np.full((1, 5, 4, 3), np.nan))
    writer.frame(0, np.zeros((1, 5, 4, 3)))
    with pytest.raises(ValueError, match="6 residues"):
        writer.frame(1, np.zeros((1, 6, 4, 3)))
    writer.close()
    with pytest.raises(ValueError, match="interval"):
        TrajectoryWriter(tmp_path / "t.bin", 0)
