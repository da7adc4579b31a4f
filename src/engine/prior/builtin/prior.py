"""The default prior bound to the residues of one job."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...structure.polymer import AMINO_ACIDS, Polymer
from ..conditioning import gaussian_estimate
from ..correlation import GlobularCorrelation
from ..evidence import NOTHING, DensityEvidence, Evidence
from ..schedule import LogSnrSchedule
from .density_grids import DensityGrids
from .in_parts import in_parts
from .network import Denoiser, NoisyBatch

__all__ = ["BuiltinPrior"]

_LOOKS = 3
"""Times that the last stage looks: each costs about half as much as the first pass, and errors of missing residues
at t = 0.65 fell by a sixth with the second, by a tenth with the third and a twentieth with the fourth."""

_POINTS_PER_RESIDUE, _FEWEST_POINTS, _MOST_POINTS = 6, 256, 8192
"""Places of free density kept for a job; a residue's own density has about five (`density_points`)."""


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
    show_density : bool
        Show it the map (it was trained with and without).
    looks : int, optional
        How often its last stage looks at its own proposal and at the map there; 3 by default.
    """

    name = "builtin"

    def __init__(
        self,
        network: Denoiser,
        polymer: Polymer,
        use_sequence: bool = True,
        show_known: bool = True,
        show_density: bool = True,
        looks: int | None = None,
    ) -> None:
        device = next(network.parameters()).device
        self._network = network
        self.sees_known = show_known
        self.sees_density = show_density and network.config.sees_density
        # networks without eyes for maps were not trained to look again
        self._looks = looks or (_LOOKS if network.config.sees_density else 1)
        self._bound: _Bound | None = None
        self.correlation = GlobularCorrelation(polymer.segment_lengths)
        self.schedule = LogSnrSchedule()
        unknown = torch.full((polymer.n_residues,), len(AMINO_ACIDS), dtype=torch.int64)
        types = torch.from_numpy(polymer.aatype) if use_sequence else unknown
        self._residues = _Residues(
            types.to(device),
            torch.from_numpy(polymer.chain_index).to(device),
            torch.from_numpy(polymer.residue_index).to(device),
        )

    def denoise(self, x_t: Tensor, t: float, evidence: Evidence = NOTHING) -> Tensor:
        """Estimate of E[x_0 | x_t, evidence]; shapes as in `Prior.denoise`."""
        return self.denoise_many(x_t, torch.full((x_t.shape[0],), t, device=x_t.device), evidence)

    def denoise_many(self, x_t: Tensor, t: Tensor, evidence: Evidence = NOTHING) -> Tensor:
        """As `denoise`, with a time of its own for each replica; t has shape (replica,)."""
        t = t.double()
        sigma = self.schedule.sigma(t)
        known = evidence.known if self.sees_known else None
        given = gaussian_estimate(self.correlation, x_t, sigma, known)
        bound = self._bind(evidence.density) if self.sees_density and evidence.density is not None else None
        alpha, residues = self.schedule.alpha(t), self._residues

        def evaluate(rows: slice) -> Tensor:
            density = None
            if bound is not None and evidence.density is not None:
                density = bound.grids.seen_from(evidence.density.origin.expand(len(x_t), 3)[rows])
            mean = given.mean[rows].float()
            batch = NoisyBatch(
                mean,
                given.noise[rows].float(),
                alpha[rows].float(),
                sigma[rows].float(),
                residues.aatype.expand(mean.shape[:2]),
                residues.chain_index.expand(mean.shape[:2]),
                residues.residue_index.expand(mean.shape[:2]),
                torch.ones(mean.shape[:2], dtype=torch.bool, device=x_t.device),
                density,
            )
            proposals: list[Tensor] = self._network(batch, self._looks, None if bound is None else bound.encoded)
            return proposals[-1]

        return in_parts(evaluate, len(x_t), x_t.device).to(x_t.dtype)

    def _bind(self, density: DensityEvidence) -> _Bound:
        """Grids and encoded places of a map, made once: they are the same at every step, wherever its frame is."""
        if self._bound is None or self._bound.levels is not density.levels or self._bound.taken is not density.taken:
            most = min(max(_FEWEST_POINTS, _POINTS_PER_RESIDUE * len(self._residues.aatype)), _MOST_POINTS)
            grids = DensityGrids.of([replace(density, origin=density.origin.reshape(-1, 3)[0])], [0], most)
            with torch.no_grad():
                self._bound = _Bound(density.levels, density.taken, grids, self._network.encode(grids))
        return self._bound


@dataclass(frozen=True)
class _Residues:
    aatype: Tensor
    chain_index: Tensor
    residue_index: Tensor


@dataclass(frozen=True)
class _Bound:
    """A map made ready, and the tensors by which it is recognised."""

    levels: Tensor
    taken: Tensor
    grids: DensityGrids
    encoded: Tensor
