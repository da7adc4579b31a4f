"""Choosing among replicas when the truth is not known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..prior.protocol import Prior

__all__ = ["DEFAULT_TIMES", "denoising_energies", "denoising_energy"]

DEFAULT_TIMES = (0.2, 0.3, 0.4, 0.5)
"""Noise levels at which structures are judged: they span bond geometry to the packing of helices."""

_AT_ONCE = 16_384
"""Residues of all replicas that the prior is asked about at once: 3.6 GB of the default one's memory."""


def denoising_energy(
    prior: Prior,
    x: Tensor,
    generator: torch.Generator,
    times: Sequence[float] = DEFAULT_TIMES,
    draws: int = 2,
) -> Tensor:
    r"""How badly the prior recovers each structure from noise: low for structures it finds natural.

    :math:`E(x) = \mathrm{mean}_{t,\epsilon}\,|R^{-1}(\hat x(\alpha_t x + \sigma_t R\epsilon, t) - x)|^2
    / \sigma_t^2`, per atom. Weighted sums of these terms bound :math:`-\log p_0(x)` from above, so
    differences between replicas of one protein rank them. All replicas get the same noise.

    Parameters
    ----------
    prior : Prior
    x : Tensor, shape (replica, N, 4, 3)
        Clean structures, in angstrom.
    generator : torch.Generator
    times : sequence of float
    draws : int
        Noise samples per time.

    Returns
    -------
    Tensor, shape (replica,)

    References
    ----------
    Ho et al., Denoising diffusion probabilistic models (2020), equation 12.
    """
    return denoising_energies(prior, x, generator, times, draws).mean(1)


@torch.no_grad()
def denoising_energies(
    prior: Prior,
    x: Tensor,
    generator: torch.Generator,
    times: Sequence[float] = DEFAULT_TIMES,
    draws: int = 2,
) -> Tensor:
    r"""What each residue adds to the denoising energy: its mean over residues is `denoising_energy`.

    As :math:`R^{-1}` looks along the chain only, and not far, the terms of one residue tell about its surroundings.

    Parameters
    ----------
    prior : Prior
    x : Tensor, shape (replica, N, 4, 3)
        Clean structures, in angstrom.
    generator : torch.Generator
    times : sequence of float
    draws : int
        Noise samples per time.

    Returns
    -------
    Tensor, shape (replica, N)
    """
    correlation = prior.correlation
    centred = x - x.mean((-2, -3), keepdim=True)
    total = x.new_zeros(x.shape[:2])
    at_once = max(1, _AT_ONCE // x.shape[1])
    for t in times:
        alpha, sigma = prior.schedule.at(t)
        for _ in range(draws):
            noise = torch.randn(x.shape[1:], generator=generator, dtype=x.dtype).to(x.device)
            noisy = alpha * centred + sigma * correlation.apply(noise)
            denoised = torch.cat([prior.denoise(some, t) for some in noisy.split(at_once)])
            error = correlation.inverse(denoised - centred)
            total = total + error.square().sum(-1).mean(2) / sigma**2
    return total / (len(times) * draws)
