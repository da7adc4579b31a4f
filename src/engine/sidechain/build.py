"""Side chains from backbones and torsions, batched and differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from .geometry_table import geometry_table
from .internal import angle, distance, place, torsion, turned
from .templates import BACKBONE, SLOTS, TEMPLATES

__all__ = ["build_from_unit_vectors", "build_side_chains", "measure_deviation", "terminal_oxygen"]


def build_side_chains(backbone: Tensor, aatype: Tensor, chi: Tensor, deviation: Tensor | None = None) -> Tensor:
    """All heavy atoms of residues with given backbones and side-chain torsions.

    Parameters
    ----------
    backbone : Tensor, shape (..., N, 4, 3)
        N, CA, C and O in angstrom; N, CA and C must not lie on one line.
    aatype : Tensor of int64, shape (..., N)
        Rows of `adp3d.sidechain.templates.RESIDUE_NAMES`.
    chi : Tensor, shape (..., N, 4)
        In radians; anything where a residue has no such torsion.
    deviation : Tensor, shape (..., N, 10, 3), optional
        Of bond length, bond angle and torsion from their usual values, in standard deviations of the table.

    Returns
    -------
    Tensor, shape (..., N, 14, 3)
        Atom14 order; atoms that a residue does not have lie on its CB or where that would be.

    Notes
    -----
    A torsion that an atom shares with a chi is that chi plus an offset, so the branches of a residue turn together.
    """
    return build_from_unit_vectors(backbone, aatype, torch.stack([chi.cos(), chi.sin()], -1), deviation)


def build_from_unit_vectors(
    backbone: Tensor,
    aatype: Tensor,
    turns: Tensor,
    deviation: Tensor | None = None,
    given: Tensor | None = None,
    there: Tensor | None = None,
) -> Tensor:
    """As `build_side_chains`, for torsions as unit vectors (cosine, sine), shape (..., N, 4, 2).

    Side-chain atoms that are given, (..., N, 10, 3) in angstrom, stay where ``there`` (..., N, 10) says that they are;
    the others are built on them.
    """
    table = geometry_table(backbone.dtype, backbone.device)
    length, bend, twist = table.length[aatype], table.bend[aatype], table.twist[aatype]
    if deviation is not None:
        length = length + deviation[..., 0] * table.length_sd[aatype]
        bend = bend + deviation[..., 1] * table.bend_sd[aatype]
        twist = twist + deviation[..., 2] * table.twist_sd[aatype]
    # an atom that no chi turns has torsion zero plus its own
    still = turns.new_tensor([1.0, 0.0]).expand(*turns.shape[:-2], 1, 2)
    which = table.chi[aatype][..., None].expand(*aatype.shape, SLOTS, 2)
    turn = torch.cat([still, turns], -2).gather(-2, which)
    cosine, sine = turned(turn, twist).unbind(-1)
    exists, references = table.exists[aatype], table.references[aatype]
    atoms = list(backbone.unbind(-2))
    for slot in range(SLOTS):
        before = torch.stack(atoms, -2)
        where = references[..., slot, :, None].expand(*aatype.shape, 3, 3)
        a, b, c = before.gather(-2, where).unbind(-2)
        x = place(a, b, c, length[..., slot], bend[..., slot], cosine[..., slot], sine[..., slot])
        if given is not None and there is not None:
            x = torch.where(there[..., slot, None], given[..., slot, :], x)
        if slot:
            x = torch.where(exists[..., slot, None], x, atoms[len(BACKBONE)])
        atoms.append(x)
    return torch.stack(atoms, -2)


def terminal_oxygen(backbone: Tensor) -> Tensor:
    """Second oxygens (OXT) of true C termini, opposite to O in the carboxylate's plane.

    Length and angle are those measured in the carboxylate of aspartate.

    Parameters
    ----------
    backbone : Tensor, shape (..., 4, 3)
        N, CA, C and O in angstrom.

    Returns
    -------
    Tensor, shape (..., 3)
    """
    table = geometry_table(backbone.dtype, backbone.device)
    template = TEMPLATES["ASP"]
    row, column = list(TEMPLATES).index("ASP"), template.names.index("OD2") - len(BACKBONE)
    n, ca, c, o = backbone.unbind(-2)
    turn = torsion(n, ca, c, o) + torch.pi
    shape = turn.shape
    return place(
        n, ca, c, table.length[row, column].expand(shape), table.bend[row, column].expand(shape), turn.cos(), turn.sin()
    )


def measure_deviation(atoms: Tensor, aatype: Tensor, chi: Tensor) -> Tensor:
    """Deviations with which `build_side_chains` gives back atoms exactly; zero where an atom does not exist.

    Parameters
    ----------
    atoms : Tensor, shape (..., N, 14, 3)
        In angstrom, all atoms of the residues present.
    aatype : Tensor of int64, shape (..., N)
    chi : Tensor, shape (..., N, 4)
        As measured from the atoms, in radians.

    Returns
    -------
    Tensor, shape (..., N, 10, 3)
    """
    table = geometry_table(atoms.dtype, atoms.device)
    references = table.references[aatype]
    ends = references.flatten(-2)[..., None].expand(*aatype.shape, 3 * SLOTS, 3)
    a, b, c = atoms.gather(-2, ends).unflatten(-2, (SLOTS, 3)).unbind(-2)
    x = atoms[..., len(BACKBONE) :, :]
    turned = torch.cat([torch.zeros_like(chi[..., :1]), chi], -1).gather(-1, table.chi[aatype])
    off = torsion(a, b, c, x) - turned - table.twist[aatype]
    off = torch.atan2(off.sin(), off.cos())
    parts = [
        (distance(c, x) - table.length[aatype]) / table.length_sd[aatype],
        (angle(b, c, x) - table.bend[aatype]) / table.bend_sd[aatype],
        off / table.twist_sd[aatype],
    ]
    exists = table.exists[aatype]
    # the atom that defines a chi has no offset, and no spread of it
    return torch.stack([torch.where(exists & part.isfinite(), part, torch.zeros_like(part)) for part in parts], -1)
