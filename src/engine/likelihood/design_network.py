"""Networks that say which sequences suit a backbone: what a likelihood of the sequence asks of them."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

__all__ = ["ALPHABET", "DesignNetwork"]

ALPHABET = "ACDEFGHIKLMNPQRSTVWYX"
"""One-letter codes, the twenty types and what is unknown, in the order of the networks' outputs."""


class DesignNetwork(Protocol):
    """Gives residue types probabilities, one residue after another in any order."""

    def log_probabilities(self, x: Tensor, types: Tensor, positions: Tensor, chains: Tensor, order: Tensor) -> Tensor:
        r"""Log-probabilities of residue types, :math:`\log p(s_i | x, s_j \text{ that come before } i)`.

        Parameters
        ----------
        x : Tensor, shape (B, N, 4, 3)
            N, CA, C, O in angstrom; the result is differentiable by it.
        types : Tensor of int64, shape (N,)
            True types, as indices into `ALPHABET`.
        positions, chains : Tensor of int64, shape (N,)
            Numbers of the residues along their chains, and of the chains.
        order : Tensor of int64, shape (N,)
            Rank of each residue: those of lower rank are shown with their types.

        Returns
        -------
        Tensor, shape (B, N, 20) or (B, N, 21)
            In the order of `ALPHABET`. Picked at the types and summed over residues, this is log p(s|x) by the chain
            rule.
        """
        ...
