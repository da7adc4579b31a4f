"""The small networks that the ablation compares."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from side_chain_scene import demo_scene

from adp3d.sidechain.network import SideChainConfig


def test_steps_back_end_in_what_was_there(load):
    """With a network that knows the truth the last step arrives at it, and variances are those of the process."""
    step_back = load("ablation").step_back
    torch.manual_seed(0)
    start = torch.full((20_000,), 0.7)
    angle = 0.8 * math.pi / 2
    x = math.cos(angle) * start + math.sin(angle) * torch.randn_like(start)
    x = step_back(x, start, 0.8, 0.3, torch.randn_like(x))
    angle = 0.3 * math.pi / 2
    assert float(x.mean()) == pytest.approx(0.7 * math.cos(angle), abs=0.02)
    assert float(x.std()) == pytest.approx(math.sin(angle), abs=0.02)
    torch.testing.assert_close(step_back(x, start, 0.3, 0.0, torch.randn_like(x)), start, atol=1e-5, rtol=0)


def test_numbers_are_sampled_and_built(load):
    ablation = load("ablation")
    torch.manual_seed(0)
    model = ablation.Numbers(SideChainConfig(**{**ablation.SMALL, "width": 16, "pair_width": 8})).eval()
    scene = demo_scene(20)
    torch.manual_seed(1)
    first = model.sample(scene)
    torch.manual_seed(1)
    again = model.sample(scene)
    other = model.sample(scene)
    assert first.shape == (1, 20, 14, 3) and torch.equal(first, again)
    assert not torch.allclose(first[:, :, 5:], other[:, :, 5:])
    assert torch.equal(first[:, :, :4], scene.atoms[:, :, :4])


def test_diversity_of_one_answer_and_of_samples_about_the_truth(load, monkeypatch):
    ablation = load("ablation")
    scene = demo_scene(20)
    batch = ablation.SideChainBatch(scene, scene, torch.ones(1, 20, 14, dtype=torch.bool), scene.present)
    rng = np.random.default_rng(0)

    def shaken():
        return [scene.atoms + torch.from_numpy(rng.normal(0.0, 0.2, scene.atoms.shape)).float()]

    same = shaken()
    assert ablation.diversity_of([same, same], [batch])[0] == pytest.approx(1.0)
    div, best = ablation.diversity_of([shaken() for _ in range(4)], [batch])
    # independent errors: pairs differ by the square root of two times as much as they err
    assert div == pytest.approx(1.0 - math.sqrt(2.0), abs=0.05)
    assert best < 0.2 * math.sqrt(3.0)
