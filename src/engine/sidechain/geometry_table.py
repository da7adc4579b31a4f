"""Lengths, angles and fixed torsions of side chains, as crystal structures have them.

`adp3d.training.side_chain_statistics` measures them and writes ``data/side_chain_geometry.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import torch
from torch import Tensor

from .templates import BACKBONE, CHIS, N_SLOTS, N_TYPES, RESIDUE_NAMES, SLOTS, TEMPLATES

__all__ = ["GeometryTable", "PeptideGeometry", "geometry_table"]


@dataclass(frozen=True)
class PeptideGeometry:
    """A peptide group seen from its two CA, cis and trans.

    Attributes
    ----------
    ca_distance : Tensor, shape (2,)
        Between the CA atoms in angstrom; row 0 is trans, row 1 cis.
    along, across : Tensor, shape (2, 3)
        Positions of C, O and the next N: along the line from CA to the next CA, as a fraction of its length, and
        in angstrom from it, in the plane of the peptide on the side of O.
    """

    ca_distance: Tensor
    along: Tensor
    across: Tensor


@dataclass(frozen=True)
class GeometryTable:
    """How each side-chain slot of each residue type is placed; T = `N_TYPES` rows, S = `SLOTS` columns.

    Attributes
    ----------
    exists : Tensor of bool, shape (T, S)
    references : Tensor of int64, shape (T, S, 3)
        Atom14 slots a, b, c of each atom's references; those of CB where there is no atom.
    chi : Tensor of int64, shape (T, S)
        Number of the chi that turns the atom, 0 for none.
    length, bend, twist : Tensor, shape (T, S)
        Bond length in angstrom, bond angle and torsion (offset from the chi, if there is one) in radians.
    length_sd, bend_sd, twist_sd : Tensor, shape (T, S)
        Their standard deviations, robust ones, in the same units.
    chi_exists : Tensor of bool, shape (T, CHIS)
    chi_atoms : Tensor of int64, shape (T, CHIS, 4)
        Atom14 slots that define each chi; zeros where it does not exist.
    chi_symmetric : Tensor of bool, shape (T, CHIS)
        Half a turn only renames atoms.
    swapped : Tensor of int64, shape (T, N_SLOTS)
        Atom14 slots after that renaming.
    peptide : PeptideGeometry
    """

    exists: Tensor
    references: Tensor
    chi: Tensor
    length: Tensor
    bend: Tensor
    twist: Tensor
    length_sd: Tensor
    bend_sd: Tensor
    twist_sd: Tensor
    chi_exists: Tensor
    chi_atoms: Tensor
    chi_symmetric: Tensor
    swapped: Tensor
    peptide: PeptideGeometry


@lru_cache(maxsize=8)
def geometry_table(dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> GeometryTable:
    """The packaged table on a device, read once."""
    measured = json.loads(
        resources.files(__package__).joinpath("data/side_chain_geometry.json").read_text(encoding="utf-8")
    )
    exists = torch.zeros(N_TYPES, SLOTS, dtype=torch.bool)
    references = torch.tensor([2, 0, 1]).repeat(N_TYPES, SLOTS, 1)
    chi = torch.zeros(N_TYPES, SLOTS, dtype=torch.int64)
    values = torch.zeros(6, N_TYPES, SLOTS, dtype=torch.float64)
    values[0] = 1.5
    values[1] = torch.pi / 2
    chi_atoms = torch.zeros(N_TYPES, CHIS, 4, dtype=torch.int64)
    chi_exists = torch.zeros(N_TYPES, CHIS, dtype=torch.bool)
    chi_symmetric = torch.zeros(N_TYPES, CHIS, dtype=torch.bool)
    swapped = torch.arange(N_SLOTS).repeat(N_TYPES, 1)
    for row, name in enumerate(RESIDUE_NAMES):
        template = TEMPLATES[name]
        slot = {atom: i for i, atom in enumerate(template.names)}
        for atom in template.side_chain:
            column = slot[atom.name] - len(BACKBONE)
            exists[row, column] = True
            references[row, column] = torch.tensor([slot[r] for r in atom.references])
            chi[row, column] = atom.chi
            found = measured["residues"][name][atom.name]
            degrees = torch.tensor([*found["angle"], *found["torsion"]], dtype=torch.float64)
            bend, bend_sd, twist, twist_sd = torch.deg2rad(degrees)
            length, length_sd = found["bond"]
            values[:, row, column] = torch.tensor([length, bend, twist, length_sd, bend_sd, twist_sd])
        for k in range(1, template.n_chi + 1):
            chi_exists[row, k - 1] = True
            chi_atoms[row, k - 1] = torch.tensor([slot[a] for a in template.chi_atoms(k)])
            chi_symmetric[row, k - 1] = template.symmetric_chi == k
        for one, other in template.swaps:
            swapped[row, slot[one]], swapped[row, slot[other]] = slot[other], slot[one]
    peptide = [measured["peptide"][kind] for kind in ("trans", "cis")]

    def column_of(key: str) -> Tensor:
        return torch.tensor([kind[key] for kind in peptide]).to(device, dtype)

    length, bend, twist, length_sd, bend_sd, twist_sd = values.to(device, dtype)
    return GeometryTable(
        exists.to(device), references.to(device), chi.to(device), length, bend, twist, length_sd, bend_sd, twist_sd,
        chi_exists.to(device), chi_atoms.to(device), chi_symmetric.to(device), swapped.to(device),
        PeptideGeometry(column_of("ca_distance"), column_of("along"), column_of("across")),
    )  # fmt: skip
