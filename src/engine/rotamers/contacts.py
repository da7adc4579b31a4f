"""How likely contacts of side chains are, in nats: what attracts and what repels."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import numpy as np
import torch
from torch import Tensor

from .kinds import BESIDE, N_KINDS, N_MOVING
from .repulsion import repulsion

__all__ = ["FIRST", "NODES", "REACH", "STEP", "contact"]

FIRST, STEP, NODES = 2.5, 0.25, 11
"""Angstrom: distance of the first entry of the table and from one to the next, and their number."""
REACH = FIRST + STEP * NODES
"""Angstrom from which on atoms do not touch: the table ends in zero there."""
_OTHER = 0.5
"""Share of the full repulsion of ligands, ions and nucleic acids, for which there is no table: rotamers that a descent
has not moved yet come nearer than atoms do."""


@lru_cache(maxsize=1)
def _tables() -> tuple[Tensor, Tensor]:
    """Energies (K K (NODES + 1),) by kinds and distance, and shares (K, K) of the repulsion."""
    path = resources.files(__package__) / "data" / "contacts.npz"
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as z:
        measured, wall = z["energy"].astype(np.float32), z["repulsion"].tolist()
    energy = torch.zeros(N_KINDS, N_KINDS, NODES + 1)
    share = torch.full((N_KINDS, N_KINDS), _OTHER)
    known = torch.from_numpy(measured)  # (N_MOVING, BESIDE + 5, NODES)
    count = known.shape[1]
    energy[:N_MOVING, :count, :NODES] = known
    energy[:count, :N_MOVING, :NODES] = known.transpose(0, 1)
    share[:count, :count] = wall[0]
    share[BESIDE:count] = share[:, BESIDE:count] = wall[1]
    return energy.flatten(), share


def contact(square: Tensor, a: Tensor, b: Tensor, firm: float = 0.0) -> Tensor:
    """Energy in nats of pairs of atoms of different residues.

    A table by kinds and distance, linear in between, and a share of `repulsion`; `adp3d.training.contact_statistics`
    fits both, so that ``exp(-energy)`` tells the rotamers that side chains of crystal structures have from their other
    ones. The fit knows rotamers that stand as the library has them, to which much is forgiven; atoms that have moved
    out of each other's way are held to more.

    Parameters
    ----------
    square : Tensor, shape (...)
        Squared distances in angstrom^2.
    a, b : Tensor of int64, shape (...)
        Kinds, as `adp3d.rotamers.kinds` numbers them; one of them is that of a side-chain atom.
    firm : float
        Share of the full repulsion of atoms of residues that are not bonded, 0 to 1, where it is more than that fitted.

    Returns
    -------
    Tensor, shape (...)
    """
    energy, share = _tables()
    a, b = a.clamp(min=0), b.clamp(min=0)
    at = (((square + 1e-6).sqrt() - FIRST) / STEP).clamp(min=0.0, max=NODES - 1e-4)
    low = at.detach().long()
    row = (a * N_KINDS + b) * (NODES + 1) + low
    left, right = energy[row], energy[row + 1]
    apart = share[a, b]
    if firm:
        bonded = ((a >= BESIDE) & (a < BESIDE + 5)) | ((b >= BESIDE) & (b < BESIDE + 5))
        apart = torch.where(bonded, apart, apart.clamp(min=firm))
    return left + (right - left) * (at - low) + apart * repulsion(square, a, b)
