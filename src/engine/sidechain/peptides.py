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
from .internal import place, torsion

__all__ = ["measure_peptide_turns", "place_peptides"]

_CIS = 3.4
"""CA-CA in angstrom between cis (2.95) and trans (3.81)."""
_LAST_PHI = math.radians(-70.0)
"""Of the last residue, where no CA follows that would tell: any residue may have it, also proline."""
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


def place_peptides(
    ca: Tensor, bonded: Tensor, turns: Tensor, given: Tensor | None = None, there: Tensor | None = None
) -> Tensor:
    """Backbones on a CA trace, between those that are there already; differentiable.

    Parameters
    ----------
    ca : Tensor, shape (..., N, 3)
        In angstrom.
    bonded : Tensor of bool, shape (..., N)
        Whether a residue is bonded to the next one; never for the last.
    turns : Tensor, shape (..., N, 2)
        Cosine and sine of the angles that `measure_peptide_turns` measures.
    given : Tensor, shape (..., N, 4, 3), optional
        Backbones that stay, in angstrom.
    there : Tensor of bool, shape (..., N), optional
        Which residues have one.

    Returns
    -------
    Tensor, shape (..., N, 4, 3)
        Nothing holds N of the first residue of a run nor C and O of the last one: they get lengths and angles of
        an ordinary residue, N in the plane of the peptide there, C at a phi of -70 degrees. A peptide group of which
        one half is given lies in the plane of that half, whatever its turn, and closes with the usual bond lengths.
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
    entered = _shifted(bonded)
    nitrogen = torch.cat([ca[..., :1, :], nitrogen[..., :-1, :]], -2)
    if given is not None and there is not None:
        own = given.unbind(-2)
        # trans as long as nothing says otherwise: what is on one side of the line there is on the other in cis
        hand = torch.where(cis.bool(), -1.0, 1.0).to(ca)[..., None]
        middle = _apex(own[2], ahead, "C-N", "N-CA", hand * (ca - own[3]))
        middle = torch.cat([ca[..., :1, :], middle[..., :-1, :]], -2)
        nitrogen = torch.where(there[..., None], own[0], torch.where(_shifted(there)[..., None], middle, nitrogen))
        behind = torch.cat([own[0][..., 1:, :], ahead[..., -1:, :]], -2)
        followed = torch.cat([there[..., 1:], torch.zeros_like(there[..., :1])], -1)[..., None]
        middle = _apex(ca, behind, "CA-C", "C-N", hand * (ahead - ca))
        carbon = torch.where(there[..., None], own[2], torch.where(followed, middle, carbon))
        opposite = _arm(ca, 2 * middle - behind, middle, "C-O", "CA-C-O")
        oxygen = torch.where(there[..., None], own[3], torch.where(followed, opposite, oxygen))
    # ends: N from C, or C and O from N, in the usual shape of a residue around CA
    starts, ends = ~entered, ~bonded
    if there is not None:
        starts, ends = starts & ~there, ends & ~there
    nitrogen = torch.where(starts[..., None], _arm(carbon, oxygen, ca, "N-CA", "N-CA-C"), nitrogen)
    behind = _behind(ca)
    before = torch.where(entered[..., None], torch.cat([behind[..., :1, :], carbon[..., :-1, :]], -2), behind)
    length, bend = (ca.new_full(ca.shape[:-1], value) for value in (BONDS["CA-C"][0][0], _radians("N-CA-C")))
    turn = ca.new_full(ca.shape[:-1], _LAST_PHI)
    carbon_end = place(before, nitrogen, ca, length, bend, turn.cos(), turn.sin())
    carbon = torch.where(ends[..., None], carbon_end, carbon)
    oxygen_end = _arm(ca, nitrogen, carbon_end, "C-O", "CA-C-O")
    oxygen = torch.where(ends[..., None], oxygen_end, oxygen)
    return torch.stack([nitrogen, ca, carbon, oxygen], -2)


def _radians(angle: str) -> float:
    return math.radians(ANGLES[angle][0][0])


def _ahead(ca: Tensor) -> Tensor:
    """The next CA; behind the last one a place on the line of the last two."""
    if ca.shape[-2] == 1:
        return ca + ca.new_tensor([3.8, 0.0, 0.0])
    return torch.cat([ca[..., 1:, :], 2 * ca[..., -1:, :] - ca[..., -2:-1, :]], -2)


def _behind(ca: Tensor) -> Tensor:
    if ca.shape[-2] == 1:
        return ca - ca.new_tensor([3.8, 0.0, 0.0])
    return torch.cat([2 * ca[..., :1, :] - ca[..., 1:2, :], ca[..., :-1, :]], -2)


def _shifted(flags: Tensor) -> Tensor:
    """Flags (..., N) of the residue before; False for the first."""
    return torch.cat([torch.zeros_like(flags[..., :1]), flags[..., :-1]], -1)


def _reference(ca: Tensor, bonded: Tensor) -> Tensor:
    """Where turns are counted from: the CA before, else the CA after the next, else any place off the line."""
    before, after = _behind(ca), _ahead(_ahead(ca))
    entered = _shifted(bonded)
    left = torch.cat([bonded[..., 1:], torch.zeros_like(bonded[..., :1])], -1)
    unit = torch.nn.functional.normalize(_ahead(ca) - ca, dim=-1, eps=_LEAST)
    axis = torch.nn.functional.one_hot(unit.abs().argmin(-1), 3).to(unit)
    anywhere = ca + torch.linalg.cross(unit, axis)
    return torch.where(entered[..., None], before, torch.where((bonded & left)[..., None], after, anywhere))


def _arm(other: Tensor, beside: Tensor, corner: Tensor, bond: str, angle: str) -> Tensor:
    """An atom bonded to ``corner`` at the usual angle to ``other``, in the plane and on the side of a third point."""
    length, bend = BONDS[bond][0][0], _radians(angle)
    first = torch.nn.functional.normalize(other - corner, dim=-1, eps=_LEAST)
    off = beside - corner
    across = torch.nn.functional.normalize(off - (off * first).sum(-1, keepdim=True) * first, dim=-1, eps=_LEAST)
    return corner + length * (math.cos(bend) * first + math.sin(bend) * across)


def _apex(a: Tensor, b: Tensor, to_a: str, to_b: str, side: Tensor) -> Tensor:
    """The atom bonded to both of two others with the usual lengths, on the side of their line that a vector points to.

    Where they are too far apart for that, between them.
    """
    first, second = BONDS[to_a][0][0], BONDS[to_b][0][0]
    line = b - a
    length = torch.linalg.vector_norm(line, dim=-1, keepdim=True).clamp(min=_LEAST)
    unit = line / length
    along = (length + (first**2 - second**2) / length) / 2
    # on a line both bonds share what is too much
    along = torch.where(length < first + second, along, length * first / (first + second))
    height = (first**2 - along**2).clamp(min=_LEAST).sqrt() * (length < first + second)
    off = side - (side * unit).sum(-1, keepdim=True) * unit
    placed: Tensor = a + along * unit + height * torch.nn.functional.normalize(off, dim=-1, eps=_LEAST)
    return placed
