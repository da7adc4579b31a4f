"""Frames of residues, and what is open about them."""

from __future__ import annotations

from dataclasses import replace

import torch
from side_chain_scene import demo_scene

from adp3d.sidechain.scene import at_offset, residue_frame
from adp3d.sidechain.templates import RESIDUE_NAMES

GLYCINE, ALANINE = RESIDUE_NAMES.index("GLY"), RESIDUE_NAMES.index("ALA")


def test_frames_are_right_handed_and_at_ca():
    for trace in (False, True):
        scene = demo_scene(trace=trace)
        rotation, origin = residue_frame(scene)
        eye = torch.eye(3).expand_as(rotation)
        torch.testing.assert_close(rotation.transpose(-1, -2) @ rotation, eye, atol=1e-5, rtol=0)
        torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(rotation.shape[:2]))
        assert torch.equal(origin, scene.atoms[..., 1, :])


def test_frames_of_a_trace_need_ca_only():
    scene = demo_scene(trace=True)
    blind = scene.atoms.clone()
    blind[..., [0, 2, 3], :] = 1000.0
    torch.testing.assert_close(residue_frame(replace(scene, atoms=blind))[0], residue_frame(scene)[0])


def test_neighbours_along_the_chain_end_at_breaks():
    scene = demo_scene(10)
    number = scene.residue_index.clone()
    number[:, 5:] += 3
    broken = replace(scene, residue_index=number)
    _, bonded = at_offset(broken, broken.aatype, 1)
    assert bonded[0].tolist() == [True] * 4 + [False] + [True] * 4 + [False]
    assert torch.equal(broken.bonded, bonded)
    two = replace(scene, chain_index=(torch.arange(10) >= 7).long()[None])
    assert two.bonded[0].tolist() == [True] * 6 + [False, True, True, False]


def test_open_is_what_has_torsions_or_no_backbone():
    scene = demo_scene(known=(3,))
    still = (scene.aatype == GLYCINE) | (scene.aatype == ALANINE)
    expected = ~still
    expected[0, 3] = False
    assert torch.equal(scene.free, expected)
    assert demo_scene(trace=True).free.all()
