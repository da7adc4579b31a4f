"""The default prior bound to the residues of one job."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...structure.polymer import AMINO_ACIDS, Polymer
from ..conditioning import gaussian_estimate
from ..correlation import GlobularCorrelation
from ..protocol import KnownAtoms
from ..schedule import LogSnrSchedule
from .network import Denoiser, NoisyBatch

__all__ = ["BuiltinPrior"]


class BuiltinPrior:
    """Our own denoiser as a `Prior`.

    Parameters
    ----------
    network : Denoiser
        With its weights, on the device to be used.
    polymer : Polymer
        Residues of the job; unknown residue types are allowed.
    use_sequence : bool
        Show the sequence to the network (it was trained with and without).
    show_known : bool
        Show it the known atoms (it was trained with and without).
    """

    name = "builtin"

    def __init__(self, network: Denoiser, polymer: Polymer, use_sequence: bool = True, show_known: bool = True) -> None:
        device = next(network.parameters()).device
        self._network = network
        self._show_known = show_known
        self.correlation = GlobularCorrelation(polymer.segment_lengths)
        self.schedule = LogSnrSchedule()
        unknown = torch.full((polymer.n_residues,), len(AMINO_ACIDS), dtype=torch.int64)
        types = torch.from_numpy(polymer.aatype) if use_sequence else unknown
        self._residues = _Residues(
            types.to(device),
            torch.from_numpy(polymer.chain_index).to(device),
            torch.from_numpy(polymer.residue_index).to(device),
        )

    def denoise(self, x_t: Tensor, t: float, known: KnownAtoms | None = None) -> Tensor:
        """Estimate of E[x_0 | x_t, known atoms]; shapes as in `Prior.denoise`."""
        return self.denoise_many(x_t, torch.full((x_t.shape[0],), t, device=x_t.device), known)

    def denoise_many(self, x_t: Tensor, t: Tensor, known: KnownAtoms | None = None) -> Tensor:
        """As `denoise`, with a time of its own for each replica; t has shape (replica,)."""
        shape = x_t.shape[:2]
        t = t.double()
        sigma = self.schedule.sigma(t)
        given = gaussian_estimate(self.correlation, x_t, sigma.tolist(), known if self._show_known else None)
        batch = NoisyBatch(
            given.mean.float(),
            given.noise.float(),
            self.schedule.alpha(t).float(),
            sigma.float(),
            self._residues.aatype.expand(shape),
            self._residues.chain_index.expand(shape),
            self._residues.residue_index.expand(shape),
            torch.ones(shape, dtype=torch.bool, device=x_t.device),
        )
        return self._network(batch)[-1].to(x_t.dtype)


@dataclass(frozen=True)
class _Residues:
    aatype: Tensor
    chain_index: Tensor
    residue_index: Tensor
