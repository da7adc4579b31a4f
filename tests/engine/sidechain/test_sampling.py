"""Side chains drawn from the diffusion over codes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from side_chain_scene import demo_scene, small_model

from adp3d.contract.errors import InputError
from adp3d.sidechain.sampling import sample
from adp3d.sidechain.weights_file import load_side_chain_model, save_side_chain_weights


@pytest.fixture(scope="module")
def model():
    return small_model()


def draw(model, scene, seed=0, **options):
    return sample(model, scene, torch.Generator().manual_seed(seed), **options)


def test_a_seed_repeats_a_sample_and_another_does_not(model):
    scene = demo_scene()
    first, again, other = draw(model, scene), draw(model, scene), draw(model, scene, 1)
    assert torch.equal(first.atoms, again.atoms)
    assert not torch.equal(first.code, other.code)


def test_every_open_residue_gets_a_code(model):
    scene = demo_scene(known=(1, 2, 3))
    drawn = draw(model, scene, steps=5)
    assert bool((drawn.code[scene.free] < model.config.codes).all())
    assert bool((drawn.code[~scene.free & ~scene.known] == model.nothing).all())
    assert bool((drawn.log_probability[scene.free] < 0).all()) and not drawn.log_probability[~scene.free].any()


def test_known_side_chains_stay(model):
    scene = demo_scene(known=(1, 2, 3))
    drawn = draw(model, scene)
    shown = torch.cat([torch.zeros(1, 40, 4, dtype=torch.bool), scene.shown], -1)
    assert torch.equal(drawn.atoms[shown], scene.atoms[shown])


def test_the_likeliest_is_taken_at_temperature_zero(model):
    scene = demo_scene()
    assert torch.equal(draw(model, scene, 0, temperature=0.0).code, draw(model, scene, 1, temperature=0.0).code)


def test_codes_are_drawn_as_likely_as_the_model_says():
    """One residue is open: its codes come with their probabilities."""
    model = small_model()
    scene = demo_scene(20, known=tuple(k for k in range(20) if k != 7))
    many = 1500
    scene = replace(
        scene,
        **{
            name: getattr(scene, name).expand(many, *getattr(scene, name).shape[1:])
            for name in (
                "atoms", "has_backbone", "shown", "known", "aatype", "chain_index", "residue_index", "present"
            )
        },
    )  # fmt: skip
    assert scene.free[0].nonzero().flatten().tolist() == [7]
    with torch.no_grad():
        model.logits.bias.copy_(torch.linspace(-2, 2, model.config.codes))
    drawn = draw(model, scene, steps=1)
    counted = torch.bincount(drawn.code[:, 7], minlength=model.config.codes) / many
    expected = torch.zeros(model.config.codes).scatter_(0, drawn.code[:, 7], drawn.log_probability[:, 7].exp())
    seen = expected > 0
    assert float((counted - expected)[seen].abs().max()) < 4 * (0.25 / many) ** 0.5


def test_weights_come_back(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_side_chain_weights(path, model.config, model.state_dict(), {"steps": "0"})
    loaded = load_side_chain_model(path)
    assert loaded.config == model.config
    scene = demo_scene()
    assert torch.equal(draw(loaded, scene).atoms, draw(model, scene).atoms)


def test_other_weights_are_refused(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="no weights file"):
        load_side_chain_model(tmp_path / "none.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no side-chain model"):
        load_side_chain_model(tmp_path / "other.safetensors")
