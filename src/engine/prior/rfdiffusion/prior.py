"""RFdiffusion's network bound to the residues of one job."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...contract.errors import InputError
from ...structure.polymer import Polymer
from ..evidence import NOTHING, Evidence
from .checkout import Checkout, find_checkout, load_checkout, missing_from
from .frames import backbone_of_frames, place_oxygens, residue_axes
from .igso3 import random_rotations
from .inputs import network_inputs, residue_numbers
from .noise import FrameCorrelation, FrameSchedule, widest_spread
from .weights import Loaded, find_weights, load_network, no_weights

__all__ = ["RFdiffusionPrior", "make_rfdiffusion"]


class RFdiffusionPrior:
    """RFdiffusion as a `Prior`: it sees neither sequence, known atoms nor map, which act through likelihoods.

    `noise` says how its noise on frames becomes that of atoms. The network is asked as in the first step of its own
    sampler, without its estimate of the step before, so that an estimate depends on nothing but the noisy state.
    No gradient goes through it.

    Parameters
    ----------
    loaded : Loaded
        With the network on the device to be used.
    checkout : Checkout
    polymer : Polymer
        Residues of the job.

    References
    ----------
    Watson et al., Nature 620, 1089 (2023); Levy et al., ADP-3D, section 5.
    """

    name = "rfdiffusion"
    sees_known = sees_density = False

    def __init__(self, loaded: Loaded, checkout: Checkout, polymer: Polymer) -> None:
        lengths = polymer.segment_lengths
        self._loaded, self._checkout = loaded, checkout
        self._numbers = residue_numbers(polymer)
        ends = torch.cumsum(torch.tensor(lengths), 0) - 1
        self._linked = torch.ones(polymer.n_residues, dtype=torch.bool)
        self._linked[ends] = False
        self._spread = widest_spread(loaded.noise)
        self.schedule = FrameSchedule(loaded.noise)
        self.correlation = FrameCorrelation(lengths, 1.0 / loaded.noise.crd_scale, self._spread)

    @torch.no_grad()
    def denoise(self, x_t: Tensor, t: float, evidence: Evidence = NOTHING) -> Tensor:
        """Estimate of E[x_0 | x_t]; shapes as in `Prior.denoise`. Replicas one by one, as the network takes them."""
        rotation, ca = residue_axes(x_t.float())
        rotation = rotation @ self._turns(t).to(rotation)
        main = backbone_of_frames(rotation, ca)
        found = torch.stack([self._ask(one, self.schedule.step(t)) for one in main])
        return place_oxygens(found, self._linked.to(found.device)).to(x_t)

    def frames(self, x_t: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """Axes (replica, N, 3, 3) and CA (replica, N, 3) that the network is shown of noisy atoms."""
        rotation, ca = residue_axes(x_t)
        return rotation @ self._turns(t).to(rotation), ca

    def _turns(self, t: float) -> Tensor:
        """Rotations (N, 3, 3) that lack at time t: the same each time and for all replicas, so that runs repeat."""
        generator = torch.Generator().manual_seed(round(1e6 * t))
        return random_rotations(self.schedule.missing_turn(t, self._spread), len(self._numbers), generator)

    def _ask(self, main: Tensor, step: int) -> Tensor:
        """Clean N, CA and C (N, 3, 3) of noisy ones."""
        inputs = network_inputs(
            main, step / self._loaded.noise.T, self._numbers, self._checkout.torsions, self._loaded.residue_features
        )
        inputs["t"] = torch.tensor(step, device=main.device)
        known = {name: value for name, value in inputs.items() if name in self._checkout.arguments}
        with torch.random.fork_rng([main.device] if main.is_cuda else []):
            answer = self._loaded.network(**known)
        found: Tensor = answer[2][0]
        return found


def make_rfdiffusion(polymer: Polymer, device: torch.device) -> RFdiffusionPrior:
    """RFdiffusion for the residues of a job, from the checkout and the weights that the user points to.

    Raises
    ------
    InputError
        Says all that is missing.
    """
    folder = find_checkout()
    wrong, weights = missing_from(folder), find_weights(folder or Path())
    lacking = [] if wrong is None else [wrong]
    if not weights.is_file():
        lacking.append(no_weights(weights))
    said = [f"The prior 'rfdiffusion' cannot be used: {'; '.join(lacking)}."] if lacking else []
    checkout = None
    if folder is not None and wrong is None:
        try:
            checkout = load_checkout(folder)
        except InputError as error:
            said.append(str(error))
    if folder is None or checkout is None or said:
        raise InputError(" ".join(said))
    return RFdiffusionPrior(_kept(weights, folder, str(device), weights.stat().st_mtime_ns), checkout, polymer)


@lru_cache(maxsize=1)
def _kept(path: Path, folder: Path, device: str, changed: int) -> Any:
    loaded = load_network(path, load_checkout(folder))
    return Loaded(loaded.network.to(device), loaded.noise, loaded.residue_features)
