"""Design networks by name, and what they cost: the one place that knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..contract.errors import InputError
from ..likelihood.design_network import DesignNetwork
from ..likelihood.protein_mpnn_weights import protein_mpnn
from ..prior.chroma.design import chroma_design

__all__ = ["DESIGN_NETWORKS", "DesignEntry", "design_network", "find_design_network"]


@dataclass(frozen=True)
class DesignEntry:
    """A design network and what a value with its gradient takes.

    Attributes
    ----------
    load : callable
        Gives the network on a device.
    fixed_bytes, bytes_per_residue : int
        Memory of the network, and of one replica's messages with all that a gradient needs.
    seconds_per_residue : float
        Time of one core.
    """

    load: Callable[[torch.device], DesignNetwork]
    fixed_bytes: int
    bytes_per_residue: int
    seconds_per_residue: float


DESIGN_NETWORKS = {
    # 48 neighbours, nine layers of about seven tensors of 128 numbers; 124 residues on a busy core of a server of 2024
    "proteinmpnn": DesignEntry(protein_mpnn, 30_000_000, 1_500_000, 6e-3),
    # measured on the same core with 512 and 192 channels, 27 million weights; how large the published one is we guess
    "chroma": DesignEntry(chroma_design, 110_000_000, 2_600_000, 1.1e-2),
}


def find_design_network(name: str) -> DesignEntry:
    """What is registered under a name.

    Raises
    ------
    InputError
        If nothing is.
    """
    if name not in DESIGN_NETWORKS:
        raise InputError(f"There is no design network '{name}': choose {' or '.join(DESIGN_NETWORKS)}.")
    return DESIGN_NETWORKS[name]


def design_network(name: str, device: torch.device) -> DesignNetwork:
    """The network of that name with its weights, on a device.

    Raises
    ------
    InputError
        If there is none of that name, or its package or weights are missing.
    """
    return find_design_network(name).load(device)
