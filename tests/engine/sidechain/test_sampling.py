"""Side chains drawn from the diffusion over codes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from side_chain_scene import demo_scene, small_model

from adp3d.contract.errors import InputError
from adp3d.sidechain import weights_file
from adp3d.sidechain.sampling import Sampler, sample
from adp3d.sidechain.weights_file import (
    default_side_chain_model,
    load_side_chain_model,
    save_side_chain_weights,
)


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


def test_copies_of_an_example_are_samples_of_it(model):
    """One look at the scene serves all of them, and each has the numbers of its own generator."""
    scene = demo_scene(known=(4, 5))
    generators = [torch.Generator().manual_seed(k) for k in range(3)]
    sampler = Sampler(model, scene, 3)
    drawn = sampler.draw(sampler.all_hidden(), generators, 6)
    for k in range(3):
        alone = sample(model, scene, [torch.Generator().manual_seed(k)], steps=6)
        assert torch.equal(drawn.tokens[k : k + 1], alone.code)
        torch.testing.assert_close(sampler.atoms(drawn.tokens)[k : k + 1], alone.atoms, atol=1e-3, rtol=0)


def test_what_is_not_hidden_stays_when_something_is_drawn_again(model):
    scene = demo_scene()
    sampler = Sampler(model, scene)
    first = sampler.draw(sampler.all_hidden(), torch.Generator().manual_seed(0), 4).tokens
    hidden = torch.zeros_like(first, dtype=torch.bool)
    hidden[0, [3, 8, 9]] = True
    hidden &= sampler.free
    again = sampler.draw(first.masked_fill(hidden, model.hidden), torch.Generator().manual_seed(1), 2)
    assert torch.equal(again.tokens[~hidden], first[~hidden]) and bool((again.tokens < model.hidden)[hidden].all())
    assert not again.log_probability[~hidden].any() and bool((again.log_probability[hidden] < 0).all())


def test_the_packaged_model_is_loaded_once():
    packaged = default_side_chain_model()
    assert packaged is default_side_chain_model() and not packaged.training
    scene = demo_scene(20)
    assert bool(sample(packaged, scene, torch.Generator().manual_seed(0), steps=2).atoms.isfinite().all())


def test_a_package_without_weights_says_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr(weights_file, "_DEFAULT", "weights/none.safetensors")
    default_side_chain_model.cache_clear()
    with pytest.raises(InputError, match=r"^The weights of the side-chain model are not installed: [^.]*\.$"):
        default_side_chain_model()
    default_side_chain_model.cache_clear()


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
