"""Atoms that stand for a protein in a density map while only its backbone is known.

Besides N, CA, C and O each residue carries CB (glycine none, unknown residues CB only) and three sites
that together have the scattering and the spread of the rest of its side chain, averaged over the torsions
seen in structures (`adp3d.training.pseudo_atom_statistics` measures them).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..structure.polymer import AMINO_ACIDS
from .density import AtomDensity
from .form_factors import B_PER_VARIANCE, electron_form_factors
from .grid import Grid
from .images import Images

__all__ = ["AtomSet", "backbone_to_atoms", "local_frames", "prepare_atoms"]

_BACKBONE_ELEMENTS = "NCCO"
_AXIS_EPSILON = 1e-2
"""Softens the normalisation of frame axes (A): keeps gradients finite where N, CA, C line up."""
# N, CA, C of an ideal residue (bonds 1.458 and 1.525 A, angle 111 degrees)
_IDEAL = np.array([[1.3612, -0.5225, 0.0], [0.0, 0.0, 0.0], [0.0, 1.525, 0.0]])
_LEVER_STEP = 1e-4


@dataclass(frozen=True)
class AtomSet:
    """Scatterers of N residues: 4 N backbone atoms (residue by residue), then P side-chain sites, then their images.

    Parameters
    ----------
    residue : Tensor of int64, shape (A,)
        Residue of each atom, A = 4 N + P and the number of images.
    local : Tensor, shape (P, 3)
        Position of each side-chain site in its residue's frame (`local_frames`), A.
    amplitude, width : Tensor, shape (A, 5)
        Form-factor coefficients a (A) and b (A^2).
    b_factor : Tensor, shape (A,)
        Isotropic B-factors in A^2, the spread of the sites included.
    occupancy : Tensor, shape (A,)
        Weights: occupancy, times the number of carbon atoms a side-chain site stands for.
    lever : Tensor, shape (P, 3)
        Mean squared displacement of a site per axis for unit isotropic displacements of N, CA and C.
    images : Images or None
        Atoms and sites of symmetric copies.
    """

    residue: Tensor
    local: Tensor
    amplitude: Tensor
    width: Tensor
    b_factor: Tensor
    occupancy: Tensor
    lever: Tensor
    images: Images | None = None

    @property
    def n_atoms(self) -> int:
        """Number of atoms, sites and images A."""
        return self.residue.shape[0]

    @property
    def n_own(self) -> int:
        """Number of atoms and sites without images."""
        return self.n_atoms - (0 if self.images is None else len(self.images))

    @property
    def n_residues(self) -> int:
        """Number of residues N."""
        return (self.n_own - self.local.shape[0]) // 4

    @property
    def site_residue(self) -> Tensor:
        """Residue of each side-chain site, shape (P,)."""
        return self.residue[self.n_own - self.local.shape[0] : self.n_own]

    def with_images(self, images: Images) -> AtomSet:
        """The same atoms, which have none yet, with images."""
        if self.images is not None:
            raise ValueError("these atoms have images")
        rows = torch.cat([torch.arange(self.n_atoms, device=self.residue.device), images.source])
        return replace(
            self,
            residue=self.residue[rows],
            amplitude=self.amplitude[rows],
            width=self.width[rows],
            b_factor=self.b_factor[rows],
            occupancy=self.occupancy[rows],
            images=images,
        )

    def of_residues(self, rows: Tensor) -> AtomSet:
        """Atoms, sites and images of some residues only, ascending ``rows`` (K,), which count from 0 again."""
        n, at = self.n_residues, self.residue.device
        number = torch.full((n,), -1, dtype=torch.int64, device=at)
        number[rows.to(at)] = torch.arange(len(rows), device=at)
        stays = number[self.residue] >= 0  # images belong to the residues of their atoms
        images = self.images
        if images is not None:
            place = torch.cumsum(stays[: self.n_own].long(), 0) - 1
            kept = stays[self.n_own :]
            images = replace(
                images, source=place[images.source[kept]], rotation=images.rotation[kept], shift=images.shift[kept]
            )
        sites = stays[4 * n : self.n_own]
        return AtomSet(
            residue=number[self.residue[stays]],
            local=self.local[sites],
            amplitude=self.amplitude[stays],
            width=self.width[stays],
            b_factor=self.b_factor[stays],
            occupancy=self.occupancy[stays],
            lever=self.lever[sites],
            images=images,
        )

    def folded(self, values: Tensor) -> Tensor:
        """Values (..., A) of all atoms, those of images added to the atoms' own."""
        return values if self.images is None else self.images.folded(values, self.n_own)

    def density(self, grid: Grid, blur: float = 0.0, tolerance: float = 3e-4) -> AtomDensity:
        """Operator from positions (..., A, 3) to density on a grid, every B-factor raised by `blur` (A^2)."""
        return AtomDensity(grid, self.amplitude, self.width, self.b_factor + blur, self.occupancy, tolerance)


@lru_cache(maxsize=1)
def _side_chains() -> dict[str, dict[str, Any]]:
    file = resources.files(__package__) / "data" / "side_chain_pseudo_atoms.json"
    residues: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8"))["residues"]
    return residues


def prepare_atoms(
    aatype: NDArray[np.int64],
    b_factor: float | NDArray[np.float64] = 0.0,
    occupancy: float | NDArray[np.float64] = 1.0,
    side_chains: bool = True,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> AtomSet:
    """Everything about the atoms of a polymer that does not depend on coordinates.

    Parameters
    ----------
    aatype : ndarray of int64, shape (N,)
        Indices into `AMINO_ACIDS`; 20 (unknown) gets CB only.
    b_factor : float or ndarray, shape (N,)
        B-factor of the residues in A^2; the spread of each site comes on top.
    occupancy : float or ndarray, shape (N,)
        Occupancy of the residues.
    side_chains : bool
        Whether to add CB and the side-chain sites.
    device, dtype
        Of the tensors.

    Returns
    -------
    AtomSet
    """
    n = len(aatype)
    elements = list(_BACKBONE_ELEMENTS * n)
    residue = np.repeat(np.arange(n), 4).tolist()
    local: list[list[float]] = []
    spread = [0.0] * (4 * n)
    weight = [1.0] * (4 * n)
    for i, kind in enumerate(aatype if side_chains else []):
        known = kind < len(AMINO_ACIDS)
        entry = _side_chains()[AMINO_ACIDS[kind] if known else "A"]
        sites = [(site["position"], site["sigma"], site["weight"]) for site in entry["sites"]]
        if entry["cb"] is not None:
            sites.insert(0, (entry["cb"], 0.0, 1.0))
        for position, sigma, carbons in sites:
            local.append(position)
            residue.append(i)
            elements.append("C")
            spread.append(B_PER_VARIANCE * sigma**2)
            weight.append(carbons)
    a, b = electron_form_factors(elements)
    residue_index = np.array(residue, dtype=np.int64)
    total_b = np.broadcast_to(b_factor, (n,))[residue_index] + np.array(spread)
    total_occupancy = np.broadcast_to(occupancy, (n,))[residue_index] * np.array(weight)
    positions = np.array(local, dtype=np.float64).reshape(-1, 3)

    def tensor(values: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor(values, device=device, dtype=dtype)

    return AtomSet(
        residue=torch.as_tensor(residue_index, device=device),
        local=tensor(positions),
        amplitude=tensor(a),
        width=tensor(b),
        b_factor=tensor(total_b),
        occupancy=tensor(total_occupancy),
        lever=tensor(_levers(positions)),
    )


def local_frames(x: Tensor) -> Tensor:
    """Frame of each residue, from Gram-Schmidt on C - CA, then N - CA.

    Parameters
    ----------
    x : Tensor, shape (..., N, 3 or more, 3)
        Backbone positions in A; atoms N, CA, C come first.

    Returns
    -------
    Tensor, shape (..., N, 3, 3)
        Rows are the axes: along CA-C, in the plane towards N, and their cross product.
    """
    ca = x[..., 1, :]
    e1 = _soft_unit(x[..., 2, :] - ca)
    to_n = x[..., 0, :] - ca
    e2 = _soft_unit(to_n - (to_n * e1).sum(-1, keepdim=True) * e1)
    return torch.stack([e1, e2, torch.linalg.cross(e1, e2)], dim=-2)


def backbone_to_atoms(x: Tensor, atoms: AtomSet) -> Tensor:
    """Positions of all scatterers of a backbone, ``CA + frame^T local`` for the side-chain sites.

    Differentiable; turns and shifts with the backbone.

    Parameters
    ----------
    x : Tensor, shape (..., N, 4, 3)
        Backbone positions in A.
    atoms : AtomSet
        Prepared for these N residues.

    Returns
    -------
    Tensor, shape (..., A, 3)
    """
    backbone, site_residue = x.flatten(-3, -2), atoms.site_residue
    frames = local_frames(x)[..., site_residue, :, :]
    sites = x[..., site_residue, 1, :] + (atoms.local[..., None] * frames).sum(-2)
    own = torch.cat([backbone, sites], dim=-2)
    return own if atoms.images is None else torch.cat([own, atoms.images.positions(own)], dim=-2)


def _soft_unit(v: Tensor) -> Tensor:
    return v / torch.sqrt((v * v).sum(-1, keepdim=True) + _AXIS_EPSILON**2)


def _levers(local: NDArray[np.float64]) -> NDArray[np.float64]:
    """``|d site / d atom|_F^2 / 3`` (P, 3) for N, CA, C of an ideal residue, by central differences."""
    moved = torch.as_tensor(np.tile(_IDEAL, (2, 9, 1, 1)))
    for i in range(9):
        moved[0, i].view(-1)[i] += _LEVER_STEP
        moved[1, i].view(-1)[i] -= _LEVER_STEP
    sites = moved[:, :, None, 1] + torch.einsum("pk,stkx->stpx", torch.as_tensor(local), local_frames(moved))
    jacobian = (sites[0] - sites[1]) / (2 * _LEVER_STEP)
    return (jacobian**2).sum(-1).reshape(3, 3, -1).sum(1).T.numpy() / 3
