"""Side chains that are drawn as torsions and follow their backbones."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial.transform import Rotation
from side_chain_scene import demo_scene, small_model

from adp3d.sidechain.drawn import DrawnSideChains, SideChainSource
from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.sampling import sample
from adp3d.sidechain.templates import RESIDUE_NAMES, TEMPLATES

COUNT, KNOWN = 24, (0, 1, 2, 3, 9)


def source(known=KNOWN, **options):
    scene = demo_scene(COUNT, known=known)
    return scene, SideChainSource(
        small_model(), scene.aatype[0], scene.chain_index[0], scene.residue_index[0], scene.known[0],
        torch.where(scene.known[0, :, None, None], scene.atoms[0], torch.zeros(())), **options,
    )  # fmt: skip


def side_atoms(scene, atoms):
    """Atoms (..., N, 14, 3) in the order in which drawn ones come."""
    exists = geometry_table().exists[scene.aatype[0]]
    return torch.cat([atoms[..., :4, :].flatten(-3, -2), atoms[..., 4:, :][..., exists, :]], -2)


def test_known_side_chains_are_where_they_were_and_turn_with_their_backbones():
    scene, made = source(known=tuple(range(COUNT)))
    x = scene.atoms[..., :4, :]
    drawn = made.draw(x, 0)
    torch.testing.assert_close(drawn.on(x)[:, 0], side_atoms(scene, scene.atoms), atol=2e-3, rtol=0)
    turn = torch.tensor(Rotation.random(random_state=1).as_matrix(), dtype=torch.float32)
    shift = torch.tensor([3.0, -2.0, 8.0])
    torch.testing.assert_close(
        drawn.on(x @ turn.T + shift)[:, 0], side_atoms(scene, scene.atoms) @ turn.T + shift, atol=2e-3, rtol=0
    )


def test_elements_are_those_of_the_atoms():
    scene, _ = source()
    aatype = scene.aatype[0]
    elements = DrawnSideChains.elements(aatype)
    templates = [TEMPLATES[RESIDUE_NAMES[kind]] for kind in aatype.tolist()]
    assert elements[: 4 * COUNT] == ["N", "C", "C", "O"] * COUNT
    names = [f"{row} {name}" for row, template in enumerate(templates) for name in template.names[4:]]
    # a heavy atom's element is the first letter of its name in all of these
    assert [name.split()[1][0] for name in names] == elements[4 * COUNT :]


def test_what_is_drawn_is_what_sampling_gives():
    scene, made = source(seed=11)
    x = scene.atoms[..., :4, :]
    found = made.draw(x, 0).on(x)[:, 0]
    same = sample(made.model, made._scene(x, *made._own()), [torch.Generator().manual_seed(11)], steps=made.steps)
    torch.testing.assert_close(found, side_atoms(scene, same.atoms), atol=2e-3, rtol=0)


def test_replicas_do_not_depend_on_each_other_nor_samples_on_their_number():
    scene, made = source(samples=2)
    one = scene.atoms[..., :4, :]
    two = one + 0.2 * torch.randn(one.shape, generator=torch.Generator().manual_seed(1))
    both = made.draw(torch.cat([one, two]), 3)
    alone = made.draw(two, 3)
    torch.testing.assert_close(both.turns[1:], alone.turns, atol=1e-4, rtol=0)
    first = source(samples=1)[1].draw(two, 3)
    torch.testing.assert_close(first.turns[:, 0], alone.turns[:, 0], atol=1e-4, rtol=0)


def test_a_draw_repeats_by_its_number():
    scene, made = source()
    x = scene.atoms[..., :4, :]
    assert torch.equal(made.draw(x, 5).turns, made.draw(x, 5).turns)
    assert not torch.equal(made.draw(x, 5).turns, made.draw(x, 6).turns)


@pytest.mark.parametrize("samples", [1, 3])
def test_shapes_and_slopes(samples):
    scene, made = source(samples=samples)
    x = scene.atoms[..., :4, :].expand(2, -1, -1, -1).clone().requires_grad_(True)
    atoms = made.draw(x, 0).on(x)
    assert atoms.shape == (2, samples, len(DrawnSideChains.elements(scene.aatype[0])), 3)
    (slope,) = torch.autograd.grad(atoms[..., 4 * COUNT :, :].sum(), x)
    assert bool(slope.isfinite().all()) and float(slope[:, :, :3].abs().max()) > 0
    # a shift of a residue takes all its atoms along
    total = slope.sum(-2)
    count = geometry_table().exists[scene.aatype[0]].sum(-1) * samples
    torch.testing.assert_close(total, count[None, :, None].expand_as(total).float(), atol=1e-3, rtol=1e-4)
