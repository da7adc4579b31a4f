"""A short training run: it learns, it stops by the clock, it goes on where it was."""

from __future__ import annotations

import csv
import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from adp3d.prior.builtin.network import DenoiserConfig
from adp3d.prior.builtin.weights_file import load_denoiser
from adp3d.training import descent
from adp3d.training.crops import CropSampler
from adp3d.training.dataset import load_chains
from adp3d.training.descent import TrainingSpec, _rate
from adp3d.training.loop import train
from adp3d.training.validation import VALIDATION_TIMES, validation_set

SMALL = DenoiserConfig(width=16, heads=2, pair_width=4, stages=(1, 1), neighbours=16)
CPU = torch.device("cpu")
SPEC = TrainingSpec(minutes=2.0, learning_rate=3e-3, warmup_steps=5, average_decay=0.8)


@pytest.fixture
def data(archive, packed):
    chains = load_chains(packed(*(archive.Record(n=40, pdb=f"{k}aaa", c40=k) for k in range(3))), "train")
    sampler = CropSampler(chains, residues_per_batch=120, spatial_fraction=0.0, max_length=40)
    return sampler, validation_set(sampler, 1, with_maps=False)


@pytest.fixture
def tick(monkeypatch):
    """A clock that advances two seconds each time it is read, so that two minutes are sixty updates."""
    seconds = itertools.count(step=2.0)
    monkeypatch.setattr(descent, "time", SimpleNamespace(monotonic=lambda: next(seconds)))


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def test_learns_and_goes_on(data, tick, tmp_path):
    sampler, validation = data
    folder = tmp_path / "run"
    untrained = TrainingSpec(minutes=0.0)
    weights = train(untrained, SMALL, sampler, validation, folder, CPU)
    assert train(SPEC, SMALL, sampler, validation, folder, CPU) == weights
    table = rows(folder / "validation.csv")
    assert len(table) == 2 * 3 * len(VALIDATION_TIMES)
    before, after = table[: len(table) // 2], table[len(table) // 2 :]
    assert before[0]["step"] == 0 and after[0]["step"] == 60
    assert {row["t"] for row in table} == set(VALIDATION_TIMES)
    middle = [(b["loss"], a["loss"]) for b, a in zip(before, after, strict=True) if 0.3 < b["t"] < 0.9]
    assert sum(a for _, a in middle) < 0.99 * sum(b for b, _ in middle)
    with safe_open(weights, "pt") as handle:
        assert handle.metadata()["steps"] == "60"
    assert load_denoiser(weights).config == SMALL
    # the time is used up: another call only validates again
    train(SPEC, SMALL, sampler, validation, folder, CPU)
    again = rows(folder / "validation.csv")[len(table) :]
    assert [row["loss"] for row in again] == [row["loss"] for row in after]
    assert again[0]["step"] == 60


def test_a_seed_repeats_a_run(data, tick, tmp_path):
    sampler, validation = data
    spec = TrainingSpec(minutes=0.1, seed=4)
    first, second = (load_file(train(spec, SMALL, sampler, validation, tmp_path / name, CPU)) for name in ("a", "b"))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_progress_is_logged_and_saved_meanwhile(data, tick, tmp_path):
    sampler, validation = data
    spec = TrainingSpec(minutes=4.0, validation_minutes=1.5, checkpoint_minutes=1.0)
    train(spec, SMALL, sampler, validation, tmp_path, CPU)
    (row,) = rows(tmp_path / "training.csv")
    assert row["step"] == 100 and row["loss"] > 0 and row["skipped"] == 0
    steps = sorted({row["step"] for row in rows(tmp_path / "validation.csv")})
    assert len(steps) > 1


def test_learning_rate_warms_up_and_anneals():
    assert _rate(0, 0.0, 100) == pytest.approx(0.01)
    assert _rate(99, 0.0, 100) == pytest.approx(1.0)
    assert _rate(500, 0.5, 100) == pytest.approx(0.02 + 0.98 * 0.5)
    assert _rate(500, 1.0, 100) == pytest.approx(0.02)
    falling = [_rate(500, tenth / 10, 100) for tenth in range(11)]
    assert falling == sorted(falling, reverse=True) and all(math.isfinite(rate) for rate in falling)
