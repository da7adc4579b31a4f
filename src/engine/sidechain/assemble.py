"""Atoms from internal coordinates that were decoded, with what was given left as it was."""

from __future__ import annotations

import torch
from torch import Tensor

from .build import build_from_unit_vectors
from .network import Decoded
from .peptides import place_peptides
from .scene import Scene
from .templates import CHIS

__all__ = ["assemble", "assemble_backbones"]


def assemble(scene: Scene, decoded: Decoded) -> Tensor:
    """All atoms of a scene.

    Given backbones and known side chains stay exactly; peptides of a trace are turned as decoded, or, where they join a
    backbone, as the half that is given says, and side chains built on either.

    Parameters
    ----------
    scene : Scene
    decoded : Decoded

    Returns
    -------
    Tensor, shape (B, N, 14, 3)
        In angstrom; atoms that a residue does not have lie on its CB or where that would be.
    """
    backbone = assemble_backbones(scene, decoded)
    atoms = build_from_unit_vectors(backbone, scene.aatype, decoded.turns[..., :CHIS, :], decoded.deviation)
    kept = scene.known[..., None] & scene.shown
    side = torch.where(kept[..., None], scene.atoms[..., 4:, :], atoms[..., 4:, :])
    return torch.cat([atoms[..., :4, :], side], -2)


def assemble_backbones(scene: Scene, decoded: Decoded) -> Tensor:
    """N, CA, C and O of a scene, shape (B, N, 4, 3), in angstrom, as `assemble` has them."""
    given, there = scene.atoms[..., :4, :], scene.has_backbone
    if bool(there.all()):
        return given
    traced = place_peptides(given[..., 1, :], scene.bonded, decoded.turns[..., CHIS, :], given, there)
    return torch.where(there[..., None, None], given, traced)
