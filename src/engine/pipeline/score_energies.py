"""Energies of models of one molecule, as many at once as memory holds, in portions whose results are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..energy.structure import Energy, EnergySettings
from ..job.memory import Estimate
from ..structure.polymer import Polymer
from .joint_energy import AnySettings, JointSettings, joint_energy, joint_interface_energy
from .score_cost import score_cost
from .unfinished_scores import UnfinishedScores, fingerprint

__all__ = ["fitting_memory", "group_energy"]

Sides = Sequence[NDArray[np.int64]]
"""Rows of either side of an interface."""


def fitting_memory(
    settings: AnySettings, prior: str, models: int, residues: int, device: torch.device
) -> tuple[AnySettings, Estimate | None]:
    """Settings with as many models at once as memory holds, and what that takes; no estimate of a design network.

    Raises
    ------
    InputError
        If there is no such prior.
    """
    own = _of_prior(settings)
    if own is None:
        return settings, None
    estimate = score_cost(prior, own, models, residues, device)
    batch = min(estimate.batch, own.batch)
    peak = estimate.peak_bytes - (estimate.batch - batch) * estimate.bytes_per_replica
    fitted = replace(own, batch=batch)
    return (
        replace(settings, prior=fitted) if isinstance(settings, JointSettings) else fitted,
        replace(estimate, batch=batch, peak_bytes=peak),
    )


def group_energy(
    polymer: Polymer,
    prior: str,
    x: Tensor,
    settings: AnySettings,
    sides: Sides | None = None,
    told: Callable[[int], None] = lambda done: None,
    unfinished: UnfinishedScores | None = None,
) -> Energy:
    """Energies of structures x (structure, N, 4, 3), or of their interfaces, in nats.

    Parameters
    ----------
    polymer : Polymer
    prior : str
    x : Tensor
        In angstrom, on the device to compute on.
    settings : EnergySettings, SequenceSettings or JointSettings
    sides : pair of ndarray of int64, optional
        Rows of either side of an interface.
    told : callable
        Hears how many structures are done, and may raise to stop.
    unfinished : UnfinishedScores, optional
        Holds what an earlier run has computed, and is told of each portion.

    Raises
    ------
    InputError
        As `joint_energy`.
    """
    if unfinished is None:
        return _energy(polymer, prior, x, settings, sides, told)
    said = _said(settings) | {"prior": prior, "sequence": polymer.sequence}
    shared: list[NDArray[Any]] = [polymer.chain_index, polymer.residue_index]
    # the noise of a pose turns with it, from that of the first one
    shared += [] if sides is None else [*sides, x[0].cpu().numpy()]
    keys = [fingerprint(said, *shared, one) for one in x.cpu().numpy()]
    todo = [k for k, key in enumerate(keys) if unfinished.find(key) is None]
    done = len(keys) - len(todo)
    told(done)
    portion = (_of_prior(settings) or EnergySettings()).batch
    for begin in range(0, len(todo), portion):
        rows = todo[begin : begin + portion]
        more = [0] if sides is not None and rows[0] != 0 else []
        found = _energy(polymer, prior, x[more + rows], settings, sides, partial(_poll, told, done))
        for k, each, error in zip(rows, found.per_residue[len(more) :], found.standard_error[len(more) :], strict=True):
            unfinished.add(keys[k], each.tolist(), float(error))
        done += len(rows)
        told(done)
    kept = [entry for key in keys if (entry := unfinished.find(key)) is not None]
    return Energy(
        torch.tensor([each for each, _ in kept], dtype=torch.float64),
        torch.tensor([error for _, error in kept], dtype=torch.float64),
    )


def _poll(told: Callable[[int], None], done: int, _within_portion: int) -> None:
    """Only whole portions count; the listener may still stop within one."""
    told(done)


def _energy(
    polymer: Polymer,
    prior: str,
    x: Tensor,
    settings: AnySettings,
    sides: Sides | None,
    told: Callable[[int], None],
) -> Energy:
    if sides is None:
        return joint_energy(polymer, prior, x, settings, told)
    return joint_interface_energy(polymer, prior, x, sides, settings)


def _of_prior(settings: AnySettings) -> EnergySettings | None:
    """What is asked of a prior; None if a design network alone is."""
    if isinstance(settings, JointSettings):
        return settings.prior
    return settings if isinstance(settings, EnergySettings) else None


def _said(settings: AnySettings) -> dict[str, Any]:
    """Settings that energies depend on: how many are computed at once is none of them."""
    said = asdict(settings)
    for part in (said, said.get("prior", {})):
        part.pop("batch", None)
    return {"method": type(settings).__name__, "settings": said}
