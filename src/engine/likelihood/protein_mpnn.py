"""ProteinMPNN, a network that says which sequences suit a backbone: what of it a likelihood needs.

Written from the paper, for the published weights; a test compares it with the package that ships them. It differs in
what costs memory: features and messages are computed for neighbours alone, and what a layer makes of a residue by
itself is computed once for each residue instead of once for each of its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ProteinMPNN"]

_ATOM_PAIRS = (
    *("CA-CA", "N-N", "C-C", "O-O", "CB-CB", "CA-N", "CA-C", "CA-O", "CA-CB", "N-C", "N-O", "N-CB", "CB-C"),
    *("CB-O", "O-C", "N-CA", "C-CA", "O-CA", "CB-CA", "C-N", "O-N", "CB-N", "C-CB", "O-CB", "C-O"),
)
"""Atoms of a residue and of its neighbour whose distances are features, in the order of the weights."""
_ATOMS = ("N", "CA", "C", "O", "CB")
_FIRST = [_ATOMS.index(pair.split("-")[0]) for pair in _ATOM_PAIRS]
_SECOND = [_ATOMS.index(pair.split("-")[1]) for pair in _ATOM_PAIRS]
_CENTRES = (2.0, 22.0, 16)
"""Angstrom: first and last centre of the radial basis, and how many there are; each is (22 - 2) / 16 wide."""
_NEAREST_ZERO = 1e-6
"""Added to squares of distances, in angstrom^2."""
_FARTHEST = 32
"""Residues along the chain beyond which distances count alike."""
_SHARE = 30.0
"""By which sums of messages are divided."""
_CB = (-0.58273431, 0.56802827, -0.54067466)
"""CB from CA in ideal geometry: coefficients of b x c, b = CA - N and c = C - CA."""


@dataclass(frozen=True)
class ProteinMPNN:
    """Published weights and what they are multiplied with: a `DesignNetwork`.

    Attributes
    ----------
    weights : mapping of str to Tensor
        By the names that the published files have.
    neighbours : int
        Nearest residues (by CA, itself included) that a residue sees.

    References
    ----------
    Dauparas et al., Science 378, 49 (2022).
    """

    weights: Mapping[str, Tensor]
    neighbours: int

    @property
    def layers(self) -> int:
        """Layers of the encoder, and of the decoder."""
        return sum(name.startswith("encoder_layers.") and name.endswith(".W1.bias") for name in self.weights)

    def log_probabilities(
        self, x: Tensor, types: Tensor, positions: Tensor, chains: Tensor, order: Tensor | None
    ) -> Tensor:
        """See `DesignNetwork.log_probabilities`; without an ``order`` no types are shown."""
        nearest, edges = self._edges(x, positions, chains)
        nodes = edges.new_zeros(*x.shape[:2], edges.shape[-1])
        for k in range(self.layers):
            nodes, edges = self._encode(f"encoder_layers.{k}.", nodes, edges, nearest)
        before = None if order is None else order[nearest] < order[:, None]
        shown = functional.embedding(types, self.weights["W_s.weight"])
        encoded = nodes
        for k in range(self.layers):
            nodes = self._decode(f"decoder_layers.{k}.", nodes, encoded, edges, nearest, shown, before)
        return functional.log_softmax(self._linear("W_out", nodes), -1)

    def _edges(self, x: Tensor, positions: Tensor, chains: Tensor) -> tuple[Tensor, Tensor]:
        """Neighbours (B, N, K) and features of each pair (B, N, K, C)."""
        n, ca, c = x[..., 0, :], x[..., 1, :], x[..., 2, :]
        b, c = ca - n, c - ca
        cb = _CB[0] * torch.linalg.cross(b, c) + _CB[1] * b + _CB[2] * c + ca
        atoms = torch.cat([x, cb[..., None, :]], -2)
        with torch.no_grad():
            gaps = (ca[:, :, None] - ca[:, None]).square().sum(-1)
            nearest = gaps.topk(min(self.neighbours, x.shape[1]), largest=False).indices
        own = atoms[:, :, None, _FIRST]
        other = _at(atoms[..., _SECOND, :].flatten(2), nearest).unflatten(-1, (len(_SECOND), 3))
        distances = ((own - other).square().sum(-1) + _NEAREST_ZERO).sqrt()
        centres = torch.linspace(*_CENTRES, device=x.device, dtype=x.dtype)
        width = (_CENTRES[1] - _CENTRES[0]) / _CENTRES[2]
        basis = (-((distances[..., None] - centres) / width).square()).exp().flatten(-2)
        gap = positions[None, :, None] - positions[nearest]
        place = torch.where(
            chains[None, :, None] == chains[nearest], (gap + _FARTHEST).clamp(0, 2 * _FARTHEST), 2 * _FARTHEST + 1
        )
        along = self.weights["features.embeddings.linear.weight"].T[place]
        along = along + self.weights["features.embeddings.linear.bias"]
        features = functional.linear(torch.cat([along, basis], -1), self.weights["features.edge_embedding.weight"])
        return nearest, self._linear("W_e", self._norm("features.norm_edges", features))

    def _encode(self, name: str, nodes: Tensor, edges: Tensor, nearest: Tensor) -> tuple[Tensor, Tensor]:
        own, edge, other = self._split(f"{name}W1", 3)
        first = (nodes @ own)[:, :, None] + edges @ edge + _at(nodes @ other, nearest)
        nodes = self._update(name, nodes, self._message(name, ("W1", "W2", "W3"), first))
        own, edge, other = self._split(f"{name}W11", 3)
        first = (nodes @ own)[:, :, None] + edges @ edge + _at(nodes @ other, nearest)
        return nodes, self._norm(f"{name}norm3", edges + self._message(name, ("W11", "W12", "W13"), first))

    def _decode(
        self,
        name: str,
        nodes: Tensor,
        encoded: Tensor,
        edges: Tensor,
        nearest: Tensor,
        shown: Tensor,
        before: Tensor | None,
    ) -> Tensor:
        """Neighbours that come before show their type and what was made of them, the others what the encoder saw."""
        own, edge, kind, other = self._split(f"{name}W1", 4)
        seen = _at(encoded @ other, nearest)
        if before is not None:
            seen = torch.where(before[..., None], _at(nodes @ other + shown @ kind, nearest), seen)
        first = (nodes @ own)[:, :, None] + edges @ edge + seen
        return self._update(name, nodes, self._message(name, ("W1", "W2", "W3"), first))

    def _message(self, name: str, layers: tuple[str, str, str], first: Tensor) -> Tensor:
        hidden = functional.gelu(first + self.weights[f"{name}{layers[0]}.bias"])
        return self._linear(f"{name}{layers[2]}", functional.gelu(self._linear(f"{name}{layers[1]}", hidden)))

    def _update(self, name: str, nodes: Tensor, message: Tensor) -> Tensor:
        nodes = self._norm(f"{name}norm1", nodes + message.sum(-2) / _SHARE)
        wide = functional.gelu(self._linear(f"{name}dense.W_in", nodes))
        return self._norm(f"{name}norm2", nodes + self._linear(f"{name}dense.W_out", wide))

    def _split(self, name: str, parts: int) -> tuple[Tensor, ...]:
        """Columns of a first layer that belong to each part of its input, transposed."""
        return tuple(self.weights[f"{name}.weight"].T.chunk(parts))

    def _linear(self, name: str, values: Tensor) -> Tensor:
        return functional.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, values: Tensor) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return functional.layer_norm(values, weight.shape, weight, self.weights[f"{name}.bias"])


def _at(values: Tensor, nearest: Tensor) -> Tensor:
    """Values (B or none, N, C) of each residue's neighbours, (B, N, K, C)."""
    rows = torch.arange(len(nearest), device=nearest.device)[:, None, None]
    return values.expand(len(nearest), *values.shape[-2:])[rows, nearest]
