"""Backbones from CA traces: each peptide group is flat and turns about the line between its two CA.

One angle for each peptide is all that a trace leaves open of a backbone; lengths and angles follow from
measured groups, stretched to the distance at hand.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..structure.ideal_geometry import ANGLES, BONDS
from .geometry_table import geometry_table
from .internal import torsion

__all__ = ["measure_peptide_turns", "place_peptides"]

_CIS = 3.4
"""CA-CA in angstrom between cis (2.95) and trans (3.81)."""
_LEAST = 1e-6


def measure_peptide_turns(backbone: Tensor, bonded: Tensor) -> Tensor:
    """Angles by which peptide groups are turned about the line from each CA to the next.

    Parameters
    ----------
    backbone : Tensor, shape (..., N, 4, 3)
        In angstrom.
    bonded : Tensor of bool, shape (..., N)
        Whether a residue is bonded to the next one; never for the last.

    Returns
    -------
    Tensor, shape (..., N)
        Torsion reference-CA-CA(next)-O in radians, see `_reference`; 0 where not bonded.
    """
    ca = backbone[..., 1, :]
    ahead = _ahead(ca)
    turn = torsion(_reference(ca, bonded), ca, ahead, backbone[..., 3, :])
    return torch.where(bonded, turn, torch.zeros_like(turn))


def place_peptides(ca: Tensor, bonded: Tensor, turns: Tensor) -> Tensor:
    """Backbones on a CA trace; differentiable.

    Parameters
    ----------
    ca : Tensor, shape (..., N, 3)
        In angstrom.
    bonded : Tensor of bool, shape (..., N)
        Whether a residue is bonded to the next one; never for the last.
    turns : Tensor, shape (..., N, 2)
        Cosine and sine of the angles that `measure_peptide_turns` measures.

    Returns
    -------
    Tensor, shape (..., N, 4, 3)
        Nothing holds N of the first residue of a run nor C and O of the last one: they get lengths and angles of
        an ordinary residue, in the plane of the peptide there.
    """
    table = geometry_table(ca.dtype, ca.device).peptide
    ahead = _ahead(ca)
    line = ahead - ca
    length = torch.linalg.vector_norm(line, dim=-1, keepdim=True).clamp(min=_LEAST)
    unit = line / length
    cis = (length[..., 0] < _CIS).long()
    out = _reference(ca, bonded) - ca
    level = torch.nn.functional.normalize(out - (out * unit).sum(-1, keepdim=True) * unit, dim=-1, eps=_LEAST)
    # looking along the line, a positive torsion turns clockwise
    side = turns[..., :1] * level + turns[..., 1:] * torch.linalg.cross(unit, level)
    group = (
        ca[..., None, :]
        + table.along[cis][..., None] * line[..., None, :]
        + table.across[cis][..., None] * side[..., None, :]
    )
    carbon, oxygen, nitrogen = group.unbind(-2)
    entered = torch.cat([torch.zeros_like(bonded[..., :1]), bonded[..., :-1]], -1)
    nitrogen = torch.cat([ca[..., :1, :], nitrogen[..., :-1, :]], -2)
    # ends: N from C, or C and O from N, in the usual shape of a residue around CA
    nitrogen = torch.where(entered[..., None], nitrogen, _arm(carbon, oxygen, ca, "N-CA", "N-CA-C"))
    carbon_end = _arm(nitrogen, _behind(ca), ca, "CA-C", "N-CA-C")
    carbon = torch.where(bonded[..., None], carbon, carbon_end)
    oxygen_end = _arm(ca, nitrogen, carbon_end, "C-O", "CA-C-O")
    oxygen = torch.where(bonded[..., None], oxygen, oxygen_end)
    return torch.stack([nitrogen, ca, carbon, oxygen], -2)


def _ahead(ca: Tensor) -> Tensor:
    """The next CA; behind the last one a place on the line of the last two."""
    if ca.shape[-2] == 1:
        return ca + ca.new_tensor([3.8, 0.0, 0.0])
    return torch.cat([ca[..., 1:, :], 2 * ca[..., -1:, :] - ca[..., -2:-1, :]], -2)


def _behind(ca: Tensor) -> Tensor:
    if ca.shape[-2] == 1:
        return ca - ca.new_tensor([3.8, 0.0, 0.0])
    return torch.cat([2 * ca[..., :1, :] - ca[..., 1:2, :], ca[..., :-1, :]], -2)


def _reference(ca: Tensor, bonded: Tensor) -> Tensor:
    """Where turns are counted from: the CA before, else the CA after the next, else any place off the line."""
    before, after = _behind(ca), _ahead(_ahead(ca))
    entered = torch.cat([torch.zeros_like(bonded[..., :1]), bonded[..., :-1]], -1)
    left = torch.cat([bonded[..., 1:], torch.zeros_like(bonded[..., :1])], -1)
    unit = torch.nn.functional.normalize(_ahead(ca) - ca, dim=-1, eps=_LEAST)
    axis = torch.nn.functional.one_hot(unit.abs().argmin(-1), 3).to(unit)
    anywhere = ca + torch.linalg.cross(unit, axis)
    return torch.where(entered[..., None], before, torch.where((bonded & left)[..., None], after, anywhere))


def _arm(other: Tensor, beside: Tensor, corner: Tensor, bond: str, angle: str) -> Tensor:
    """An atom bonded to ``corner`` at the usual angle to ``other``, in the plane and on the side of a third point."""
    length, bend = BONDS[bond][0][0], math.radians(ANGLES[angle][0][0])
    first = torch.nn.functional.normalize(other - corner, dim=-1, eps=_LEAST)
    off = beside - corner
    across = torch.nn.functional.normalize(off - (off * first).sum(-1, keepdim=True) * first, dim=-1, eps=_LEAST)
    return corner + length * (math.cos(bend) * first + math.sin(bend) * across)
