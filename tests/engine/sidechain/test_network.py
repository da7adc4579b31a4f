"""The networks: invariant to how a structure lies, blind to what is hidden, with the sizes that are wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from side_chain_scene import demo_scene, small_model

from adp3d.prior.builtin.density_grids import DensityGrids
from adp3d.prior.standard_map import standard_map
from adp3d.sidechain.assemble import assemble
from adp3d.sidechain.network import SideChainConfig, SideChainModel


@pytest.fixture(scope="module")
def model():
    return small_model()


def turned(scene):
    """A scene rotated and moved, and the rotation and shift."""
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(5)))
    rotation = rotation * torch.linalg.det(rotation)
    shift = torch.tensor([3.0, -20.0, 7.0])
    return replace(scene, atoms=scene.atoms @ rotation.T + shift), rotation, shift


@pytest.mark.parametrize("trace", [False, True])
@torch.no_grad()
def test_codes_and_torsions_do_not_depend_on_how_the_structure_lies(model, trace):
    scene = demo_scene(trace=trace, known=tuple(range(0, 40, 3)))
    moved, rotation, shift = turned(scene)
    results = []
    for one in (scene, moved):
        seen = model.look(one)
        quantised = model.encode(one, seen)
        # codes may change where two are equally near: atoms are compared for the same ones
        decoded = model.decode(one, seen, quantised.vector if not results else results[0][4])
        tokens = torch.full_like(one.aatype, model.hidden)
        results.append(
            (
                quantised.code,
                decoded,
                model.predict(one, seen, tokens, torch.ones(1)),
                assemble(one, decoded),
                quantised.vector,
            )
        )
    (code, decoded, logits, atoms, _), (code_too, decoded_too, logits_too, atoms_too, _) = results
    assert (code == code_too).float().mean() > 0.95
    torch.testing.assert_close(logits, logits_too, atol=2e-3, rtol=0)
    torch.testing.assert_close(decoded.turns, decoded_too.turns, atol=2e-3, rtol=0)
    torch.testing.assert_close(atoms @ rotation.T + shift, atoms_too, atol=2e-2, rtol=0)


def test_hidden_side_chains_are_not_looked_at(model):
    scene = demo_scene(known=(2, 9))
    other = scene.atoms.clone()
    hidden = torch.cat([torch.zeros(1, 40, 4, dtype=torch.bool), ~scene.shown], -1)
    other[hidden] += 5.0
    for one, two in [(scene, replace(scene, atoms=other))]:
        tokens = torch.full_like(one.aatype, model.hidden)
        logits = [model.predict(s, model.look(s), tokens, torch.ones(1)) for s in (one, two)]
        assert torch.equal(*logits)


@torch.no_grad()
def test_known_side_chains_are(model):
    scene = demo_scene(known=tuple(range(20)))
    without = replace(scene, shown=torch.zeros_like(scene.shown), known=torch.zeros_like(scene.known))
    tokens = torch.full_like(scene.aatype, model.hidden)
    logits = [model.predict(s, model.look(s), tokens, torch.ones(1)) for s in (scene, without)]
    assert float((logits[0] - logits[1])[:, 20:].abs().max()) > 1e-4


def test_padding_changes_nothing(model):
    scene = demo_scene(30)
    wide = demo_scene(40)
    padded = replace(wide, present=(torch.arange(40) < 30)[None], atoms=wide.atoms - wide.atoms[:, :1, 1:2])
    scene = replace(scene, atoms=padded.atoms[:, :30])
    tokens = torch.full_like(wide.aatype, model.hidden)
    alone = model.predict(scene, model.look(scene), tokens[:, :30], torch.ones(1))
    beside = model.predict(padded, model.look(padded), tokens, torch.ones(1))
    torch.testing.assert_close(alone, beside[:, :30], atol=1e-4, rtol=0)


def test_given_atoms_stay_exactly(model):
    scene = demo_scene(known=(4, 5, 6))
    seen = model.look(scene)
    atoms = assemble(scene, model.decode(scene, seen, model.encode(scene, seen).vector))
    assert torch.equal(atoms[..., :4, :], scene.atoms[..., :4, :])
    for row in (4, 5, 6):
        shown = scene.shown[0, row]
        assert torch.equal(atoms[0, row, 4:][shown], scene.atoms[0, row, 4:][shown])


@torch.no_grad()
def test_a_trace_gets_a_backbone(model):
    scene = demo_scene(trace=True)
    blind = scene.atoms.clone()
    blind[..., [0, 2, 3], :] = 0.0
    scene = replace(scene, atoms=blind)
    seen = model.look(scene)
    atoms = assemble(scene, model.decode(scene, seen, model.encode(scene, seen).vector))
    peptide = (atoms[:, 1:, 0] - atoms[:, :-1, 2]).norm(dim=-1)
    assert float((peptide - 1.33).abs().max()) < 0.08
    assert torch.isfinite(atoms).all()


@torch.no_grad()
def test_maps_are_seen_and_absent_ones_are_not():
    torch.manual_seed(1)
    model = SideChainModel(replace(small_model().config, density_width=8)).eval()
    for trunk in (model.decoder, model.denoiser):
        torch.nn.init.normal_(trunk.cubes.mix[-1].weight)
    scene = demo_scene()
    shape = (32, 32, 32)
    values = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    evidence = standard_map(
        torch.fft.rfftn(values), shape, torch.full((3,), -16.0), 1.0, 3.0, scene.atoms[0, :, :4].reshape(-1, 3),
        torch.zeros(0, 3),
    )  # fmt: skip
    both = replace(
        scene,
        **{
            name: torch.cat([getattr(scene, name)] * 2)
            for name in (
                "atoms", "has_backbone", "shown", "known", "aatype", "chain_index", "residue_index", "present"
            )
        },
        density=DensityGrids.of([evidence], [0, -1], 1),
    )  # fmt: skip
    tokens = torch.full_like(both.aatype, model.hidden)
    with_map, without = model.predict(both, model.look(both), tokens, torch.ones(2))
    plain = model.predict(scene, model.look(scene), tokens[:1], torch.ones(1))[0]
    torch.testing.assert_close(without, plain, atol=1e-5, rtol=0)
    assert float((with_map - plain).abs().max()) > 1e-3


def test_gradients_reach_the_encoder_through_the_codes():
    model = small_model().train()
    scene = demo_scene(known=tuple(range(40)))
    open_scene = replace(scene, known=torch.zeros_like(scene.known))
    quantised = model.encode(open_scene, model.look(open_scene))
    model.decode(open_scene, model.look(open_scene), quantised.vector).turns.sum().backward()
    for part in (model.from_code.weight, model.to_code.weight, model.encoder.types.weight, model.turns.weight):
        assert part.grad is not None and float(part.grad.abs().sum()) > 0


def test_weights_are_small_enough_for_the_package():
    parameters = sum(p.numel() for p in SideChainModel(SideChainConfig()).parameters())
    assert 1e6 < parameters < 2.5e6 and 4 * parameters < 15e6
