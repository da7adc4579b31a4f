"""Torsions of side chains measured from coordinates, and names that half a turn exchanges."""

from __future__ import annotations

import torch
from torch import Tensor

from .geometry_table import geometry_table
from .internal import torsion

__all__ = ["canonical", "chi_difference", "measure_chi", "swap_symmetric"]


def measure_chi(atoms: Tensor, aatype: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Side-chain torsions of residues.

    Parameters
    ----------
    atoms : Tensor, shape (..., N, 14, 3)
        In angstrom, atom14 order.
    aatype : Tensor of int64, shape (..., N)
        Rows of `adp3d.sidechain.templates.RESIDUE_NAMES`.
    present : Tensor of bool, shape (..., N, 14), optional
        Atoms whose coordinates mean something; all by default.

    Returns
    -------
    chi : Tensor, shape (..., N, 4)
        In radians from -pi to pi; 0 where not known.
    known : Tensor of bool, shape (..., N, 4)
        Torsions that the residue has and whose four atoms are present.
    """
    table = geometry_table(atoms.dtype, atoms.device)
    which = table.chi_atoms[aatype].flatten(-2)
    four = atoms.gather(-2, which[..., None].expand(*which.shape, 3)).unflatten(-2, (4, 4))
    known = table.chi_exists[aatype]
    if present is not None:
        known = known & present.gather(-1, which).unflatten(-1, (4, 4)).all(-1)
    # four distinct points where there is no torsion: no gradient of atan2(0, 0)
    somewhere = torch.eye(4, 3, dtype=atoms.dtype, device=atoms.device)
    four = torch.where(known[..., None, None], four, somewhere)
    chi = torsion(*four.unbind(-2))
    return torch.where(known, chi, torch.zeros_like(chi)), known


def chi_difference(chi: Tensor, reference: Tensor, aatype: Tensor) -> Tensor:
    """Smallest turns from reference torsions to others, in radians from 0 to pi; half turns that rename count as none.

    Parameters
    ----------
    chi, reference : Tensor, shape (..., N, 4)
        In radians.
    aatype : Tensor of int64, shape (..., N)

    Returns
    -------
    Tensor, shape (..., N, 4)
    """
    symmetric = geometry_table(device=chi.device).chi_symmetric[aatype]
    turn = chi - reference
    off = torch.atan2(turn.sin(), turn.cos()).abs()
    return torch.where(symmetric, torch.minimum(off, torch.pi - off), off)


def swap_symmetric(atoms: Tensor, aatype: Tensor) -> Tensor:
    """Atoms (..., N, 14, 3) with the names exchanged that half a turn of the symmetric chi exchanges."""
    slots = geometry_table(device=atoms.device).swapped[aatype]
    return atoms.gather(-2, slots[..., None].expand(*slots.shape, 3))


def canonical(atoms: Tensor, aatype: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Atoms and their presence, named so that the symmetric chi of ASP, GLU, PHE and TYR lies in [-90, 90] degrees.

    This is what the PDB asks for; not every program does it.

    Parameters
    ----------
    atoms : Tensor, shape (..., N, 14, 3)
    aatype : Tensor of int64, shape (..., N)
    present : Tensor of bool, shape (..., N, 14)

    Returns
    -------
    atoms : Tensor, shape (..., N, 14, 3)
    present : Tensor of bool, shape (..., N, 14)
    """
    table = geometry_table(device=atoms.device)
    other, there = swap_symmetric(atoms, aatype), present.gather(-1, table.swapped[aatype])
    chi, known = measure_chi(atoms, aatype, present)
    turned, comparable = measure_chi(other, aatype, there)
    # branches are not exactly half a turn apart: the smaller one counts where both are there
    limit = torch.where(comparable, turned.abs(), torch.full_like(chi, torch.pi / 2))
    wrong = (known & table.chi_symmetric[aatype] & (chi.abs() > limit)).any(-1)
    renamed = torch.where(wrong[..., None, None], other, atoms)
    return renamed, torch.where(wrong[..., None], there, present)
