from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.job.checkpoint import load_latest, save


def test_round_trip_of_tensors_arrays_and_values(tmp_path):
    generator = torch.Generator().manual_seed(3)
    base = torch.randn(4, 6, generator=generator)
    tensors = {
        "z": base,
        "strided": base.T[::2],
        "same": base,
        "half": base.bfloat16(),
        "generator": generator.get_state(),
        "array": np.arange(6).reshape(2, 3)[:, ::-1].copy(),
        "empty": torch.zeros(0, 3),
    }
    save(tmp_path / "c", 12, tensors, {"stage": "anneal", "nested": {"list": [1, None, 2.5]}})
    back = load_latest(tmp_path / "c")
    assert back is not None
    assert back.step == 12
    assert back.state == {"stage": "anneal", "nested": {"list": [1, None, 2.5]}}
    assert set(back.tensors) == set(tensors)
    for name, value in tensors.items():
        assert torch.equal(back.tensors[name], torch.as_tensor(value)), name
    again = torch.Generator()
    again.set_state(back.tensors["generator"])
    assert torch.equal(torch.randn(3, generator=again), torch.randn(3, generator=generator))


def test_last_two_are_kept_and_damage_falls_back(tmp_path):
    for step in (1, 9, 10, 100):
        save(tmp_path, step, {"z": torch.full((3,), float(step))})
    kept = sorted(tmp_path.iterdir())
    assert [path.name for path in kept] == ["step_00000010.safetensors", "step_00000100.safetensors"]
    assert load_latest(tmp_path).step == 100
    content = kept[1].read_bytes()
    for damaged in (content[:-5], b"", b"garbage" * 10):
        kept[1].write_bytes(damaged)
        assert load_latest(tmp_path).step == 10
    kept[0].unlink()
    assert load_latest(tmp_path) is None


def test_a_failed_write_leaves_the_last_one(tmp_path, monkeypatch):
    save(tmp_path, 1, {"z": torch.zeros(3)})
    with pytest.raises(TypeError):
        save(tmp_path, 2, {"z": torch.zeros(3)}, {"unstorable": object()})
    assert load_latest(tmp_path).step == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_no_checkpoint(tmp_path):
    assert load_latest(tmp_path / "none") is None


def test_step_range(tmp_path):
    with pytest.raises(ValueError, match="step"):
        save(tmp_path, -1, {})
