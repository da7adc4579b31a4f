"""Chroma's design network: how well a sequence suits a backbone, and side chains for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .package import random_numbers, waiting
from .weights import DESIGN, kept_network

__all__ = ["ChromaDesign", "chroma_design"]

_TYPES = 20
"""Residue types that it knows, in alphabetical order of their one-letter codes; the next number is what is unknown."""
_TRYPTOPHAN = 18
"""Its second torsion ends in CD2 here, and in CD1 everywhere else: half a turn away, on the other side of the ring."""
_SHARPENED = 1e-3
"""Temperature at which torsions are drawn, the package's own: draws differ by the order in which residues come, and by
where they lie within a bin of 18 degrees."""


class ChromaDesign:
    """Chroma as a design network (`adp3d.likelihood.design_network.DesignNetwork`), and as a sampler of side chains.

    It is asked as for backbones without noise (t = 0). Parts of a chain between breaks are chains to it, as they are to
    the prior. Of residues of unknown type it knows nothing: sequences are judged as if these came last, and side chains
    are drawn beside alanines in their places.

    Parameters
    ----------
    network : torch.nn.Module
        ``GraphDesign`` of the package, on the device to be used.

    References
    ----------
    Ingraham et al., Nature 623, 1070 (2023).
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def log_probabilities(self, x: Tensor, types: Tensor, positions: Tensor, chains: Tensor, order: Tensor) -> Tensor:
        """See `DesignNetwork.log_probabilities`; (B, N, 20)."""
        unknown = types == _TYPES
        last = len(types)
        permutation = torch.argsort(order + last * unknown).expand(len(x), -1)
        shown = types.masked_fill(unknown, 0).expand(len(x), -1)
        parts = _parts(positions, chains).expand(len(x), -1)
        with random_numbers(x.device, 0):
            backbone = x.float()  # its features are those of single precision
            graph = self._network.encode(backbone, parts, backbone.new_zeros(len(x)))
            decoder = self._network.decoder
            nodes = decoder(_with_room(backbone.detach()), parts, shown, *graph, permutation)[4]
            found: Tensor = decoder.decoder_S.log_probs_S(nodes, graph[3])
        return found.to(x.dtype)

    @torch.no_grad()
    def draw_torsions(
        self,
        x: Tensor,
        types: Tensor,
        positions: Tensor,
        chains: Tensor,
        torsions: Tensor,
        known: Tensor,
        seed: int,
        ask: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Side chains for a backbone, drawn residue by residue in an order that the seed tells, known ones first.

        Parameters
        ----------
        x : Tensor, shape (N, 4, 3)
            N, CA, C, O in angstrom.
        types, positions, chains : Tensor of int64, shape (N,)
            As `log_probabilities` takes them.
        torsions : Tensor, shape (N, 4)
            Of the known side chains, in radians; anything elsewhere.
        known : Tensor of bool, shape (N,)
            Side chains that stay, and that the others see.
        seed : int
        ask : callable
            Called for each residue; what it raises ends it.

        Returns
        -------
        Tensor, shape (N, 4)
            In radians, zero where a type has no such torsion.
        """
        network, unknown = self._network, types == _TYPES
        shown, parts = types.masked_fill(unknown, 0)[None], _parts(positions, chains)[None]
        free = (~known).float()[None]
        with random_numbers(x.device, seed), waiting(ask):
            backbone = x.float()[None]
            atoms, _ = network.chi_to_X(backbone, parts, shown, _other_side(torsions.float(), types)[None])
            nodes, edges, nearest, present, linked = network.encode(atoms, parts, backbone.new_zeros(1))
            permutation = network.traversal(atoms, parts, priority=free)
            # the second of the two stages: types first, then the side chains of all of them
            nodes = nodes + present[..., None] * network.embed_S(shown)
            nodes, edges = network.encoder_S_gnn(nodes, edges, nearest, present, linked)
            drawn: Tensor = network.decoder_chi.decode(
                atoms, parts, shown, nodes, edges, nearest, present, linked, permutation,
                temperature_chi=_SHARPENED, mask_sample=free, resample_chi=False,
            )[1]  # fmt: skip
        return _other_side(drawn[0], types).to(x.dtype)


def chroma_design(device: torch.device) -> ChromaDesign:
    """The network with its weights, kept between the jobs of a process.

    Raises
    ------
    InputError
        Says which of package and weights are missing.
    """
    return ChromaDesign(kept_network(DESIGN, device))


def _parts(positions: Tensor, chains: Tensor) -> Tensor:
    """Numbers from 1 on of the parts of chains between breaks, (N,)."""
    begins = (chains[1:] != chains[:-1]) | (positions[1:] != positions[:-1] + 1)
    return 1 + functional.pad(begins.long().cumsum(0), (1, 0))


def _with_room(backbone: Tensor) -> Tensor:
    """Backbones (B, N, 4, 3) as the first of the 14 atoms that its decoders take."""
    return functional.pad(backbone, (0, 0, 0, 10))


def _other_side(torsions: Tensor, types: Tensor) -> Tensor:
    """Torsions (N, 4) in radians of our meaning in Chroma's, or the other way round."""
    turned = torsions.clone()
    rows = types == _TRYPTOPHAN
    second = torsions[rows, 1] + math.pi
    turned[rows, 1] = torch.atan2(second.sin(), second.cos())
    return turned
