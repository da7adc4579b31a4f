"""Chroma's backbone network bound to the residues of one job."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...structure.polymer import Polymer
from ..correlation import GlobularCorrelation
from ..evidence import NOTHING, Evidence
from ..schedule import LogSnrSchedule
from .package import random_numbers
from .weights import BACKBONE, kept_network

__all__ = ["ChromaPrior", "make_chroma"]


class ChromaPrior:
    """Chroma as a `Prior`: it sees neither sequence, known atoms nor map, which act through likelihoods.

    Its noise is ours: the same covariance, and a log signal-to-noise ratio linear in time. Parts of a chain between
    breaks are chains to it, as they are to the covariance.

    Parameters
    ----------
    network : torch.nn.Module
        ``GraphBackbone`` of the package, on the device to be used.
    polymer : Polymer
        Residues of the job.

    References
    ----------
    Ingraham et al., Nature 623, 1070 (2023).
    """

    name = "chroma"
    sees_known = sees_density = False

    def __init__(self, network: Any, polymer: Polymer) -> None:
        lengths = polymer.segment_lengths
        low, high = network.noise_schedule.log_snr_range
        self._network = network
        self._chains = torch.cat([torch.full((length,), i) for i, length in enumerate(lengths, 1)])
        self.correlation = GlobularCorrelation(lengths)
        self.schedule = LogSnrSchedule(float(high), float(low))

    def denoise(self, x_t: Tensor, t: float, evidence: Evidence = NOTHING) -> Tensor:
        """Estimate of E[x_0 | x_t]; shapes as in `Prior.denoise`."""
        chains = self._chains.to(x_t.device).expand(len(x_t), -1)
        times = torch.full((len(x_t),), t, device=x_t.device)
        # the network dithers rotations by random numbers of its own: always the same ones, or no run could be repeated
        with random_numbers(x_t.device, 0):
            # its features are those of single precision
            found: Tensor = self._network.denoise(x_t.float(), chains, times)
        return found.to(x_t.dtype)


def make_chroma(polymer: Polymer, device: torch.device) -> ChromaPrior:
    """Chroma with its weights for the residues of a job.

    Raises
    ------
    InputError
        Says which of package and weights are missing.
    """
    return ChromaPrior(kept_network(BACKBONE, device), polymer)
