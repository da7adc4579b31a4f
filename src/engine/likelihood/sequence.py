"""Likelihood of a sequence given a backbone: how well a structure suits the residues it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..structure.polymer import Polymer
from .design_network import ALPHABET, DesignNetwork

__all__ = ["SequenceLikelihood"]


@dataclass(frozen=True)
class SequenceLikelihood:
    r"""Log-likelihood :math:`\log p(s|x) = \sum_i \log p(s_i | x, s_{j: r_j < r_i})` of the residues' types.

    The factors come from a network that was trained on random orders r: each order gives log p(s|x) by the chain rule,
    and their mean is taken. It does not depend on where the structure lies or how it is turned, and it tells a
    structure from its mirror image. Residues of unknown type do not count, but are there.

    Attributes
    ----------
    network : DesignNetwork
    types, positions, chains : Tensor of int64, shape (N,)
        As `DesignNetwork.log_probabilities` takes them.
    orders : Tensor of int64, shape (M, N)
        Rank of each residue, for each order.
    """

    network: DesignNetwork
    types: Tensor
    positions: Tensor
    chains: Tensor
    orders: Tensor

    @classmethod
    def of_polymer(
        cls, network: DesignNetwork, polymer: Polymer, device: torch.device | str, orders: int = 1, seed: int = 0
    ) -> SequenceLikelihood:
        """Bind the network to residues; ``orders`` random orders come from the seed."""
        generator = torch.Generator().manual_seed(seed)
        known = {letter: i for i, letter in enumerate(ALPHABET)}
        types = [known.get(letter, known["X"]) for letter in polymer.sequence]
        ranks = torch.stack([torch.randperm(polymer.n_residues, generator=generator) for _ in range(orders)])
        return cls(
            network,
            torch.tensor(types, device=device),
            torch.as_tensor(polymer.residue_index, device=device),
            torch.as_tensor(polymer.chain_index, device=device),
            ranks.to(device),
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Log p(s|x) in nats, (replica,), of backbones (replica, N, 4, 3) in angstrom; differentiable."""
        return self.per_residue(x).sum(-1)

    def per_residue(self, x: Tensor) -> Tensor:
        """Each residue's part of log p(s|x), in nats, (replica, N)."""
        return torch.stack([self.of_order(x, order) for order in self.orders]).mean(0)

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(s|x) and its gradient in nats/angstrom, replica by replica: messages take 0.1 MB for each pair."""
        values, gradients = [], []
        for one in x:
            leaf = one.detach()[None].requires_grad_(True)
            with torch.enable_grad():
                value = self(leaf).sum()
                (gradient,) = torch.autograd.grad(value, leaf)
            values.append(value.detach())
            gradients.append(gradient[0])
        return torch.stack(values), torch.stack(gradients)

    def of_order(self, x: Tensor, order: Tensor) -> Tensor:
        """What `per_residue` is the mean of: each residue's part for one order (N,), (replica, N)."""
        found = self.network.log_probabilities(x, self.types, self.positions, self.chains, order)
        unknown = self.types == ALPHABET.index("X")
        picked = found.gather(-1, self.types.masked_fill(unknown, 0).expand(len(x), -1)[..., None])[..., 0]
        return torch.where(unknown, torch.zeros_like(picked), picked)
