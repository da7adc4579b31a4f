"""Spread between replicas as a confidence per residue, and what a confidence of residues built in maps means."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "HALF_CONFIDENCE_SPREAD",
    "ONE_REPLICA",
    "RIGHT",
    "calibrated_confidence",
    "calibration_features",
    "replica_confidence",
    "replica_spread",
    "uncalibrated_confidence",
]

Array = NDArray[np.float64]

HALF_CONFIDENCE_SPREAD = 2.0
"""Spread in angstrom at which the confidence is 50. A definition, not a calibration (docs/theory/confidence.md): about
half of what neighbouring CA atoms are apart, beyond which a trace may be off by a residue."""

RIGHT = 2.0
"""Angstrom from its place within which a CA atom counts as right: half the way to its neighbour."""
_CALIBRATION = (2.57, 0.466, -3.72)
"""Of 1, of the log odds that a confidence states, and of ln(d / 3 A) for the resolution d, in the log odds of being
right. Fitted to 1,125 residues in gaps of eight validation chains, maps at 3, 4 and 6 A
(``benchmarks/calibration.py --fit``)."""
_LEAST = 10.0
"""Confidence below which no residue of those maps at 3 and 4 A was: from here it falls to zero in proportion."""
_RESOLUTIONS = (2.0, 8.0)
"""Angstrom beyond which the calibration is not carried on."""


def replica_spread(x: Tensor, chosen: int) -> Tensor:
    r"""Root mean square CA distance of the other replicas from the chosen one.

    Parameters
    ----------
    x : Tensor, shape (replica, N, 4, 3)
        Replicas in one frame, in angstrom.
    chosen : int

    Returns
    -------
    Tensor, shape (N,)
        In angstrom; 2 everywhere (confidence 50: not known) if there is only one replica.
    """
    others = torch.arange(x.shape[0], device=x.device) != chosen
    if not bool(others.any()):
        return x.new_full((x.shape[1],), HALF_CONFIDENCE_SPREAD)
    squared = (x[others, :, 1] - x[chosen, :, 1]).square().sum(-1)
    return (squared.sum(0) / len(squared)).sqrt()


ONE_REPLICA = (
    "With one replica nothing tells how far others would be from it: the confidence of residues that were known says "
    "nothing (50), and that of others only what the map says; compute two replicas or more to have one."
)
"""What a user of a single replica should know."""


def replica_confidence(spread: Tensor) -> Tensor:
    r"""Confidence :math:`100 / (1 + (s/2)^2)` for a spread s in angstrom, shape (N,).

    100 where all replicas agree, 80 at 1 A, 50 at 2 A, 14 at 5 A: read it like the pLDDT of a predicted model.
    """
    return 100.0 / (1.0 + (spread / HALF_CONFIDENCE_SPREAD).square())


def calibration_features(confidence: Array, resolution: float | Array) -> Array:
    """What the calibration weighs: 1, stated log odds, and ln(d / 3 A), (N, 3); d of all residues or of each."""
    stated = np.clip(confidence, _LEAST, 99.9) / 100.0
    level = np.log(np.clip(resolution, *_RESOLUTIONS) / 3.0)
    return np.stack([np.ones_like(stated), np.log(stated / (1.0 - stated)), np.full_like(stated, level)], axis=-1)


def calibrated_confidence(confidence: Array, resolution: float) -> Array:
    r"""Confidence of residues that were built in a map, as the percentage of such residues that are right.

    .. math:: \log\frac{p}{1-p} = a + b \log\frac{c}{1-c} + e \log\frac{d}{3}

    after Platt, so that the order of residues stays what it is.

    Parameters
    ----------
    confidence : ndarray, shape (N,)
        As replicas, map and side chains state it, 0 to 100.
    resolution : float
        d, in angstrom.

    Returns
    -------
    ndarray, shape (N,)
        Residues within `RIGHT` of their places among those of the same value, in percent.

    References
    ----------
    J. C. Platt (1999), Advances in Large Margin Classifiers, 61.
    """
    odds = calibration_features(confidence, resolution) @ np.array(_CALIBRATION)
    return np.asarray(100.0 / (1.0 + np.exp(-odds)) * np.clip(confidence / _LEAST, 0.0, 1.0))


def uncalibrated_confidence(calibrated: Array, resolution: float) -> Array:
    """What `calibrated_confidence` was given, shape (N,), within its limits: for the calibration to be fitted anew."""
    constant, slope, level = _CALIBRATION
    least = calibrated_confidence(np.array([_LEAST]), resolution)[0]
    right = np.clip(calibrated, 1e-6, 100.0 - 1e-6) / 100.0
    _, _, far = calibration_features(np.array([50.0]), resolution)[0]
    stated = (np.log(right / (1.0 - right)) - constant - level * far) / slope
    return np.asarray(np.where(calibrated < least, _LEAST * calibrated / least, 100.0 / (1.0 + np.exp(-stated))))
