"""How chains of CA atoms go on: the directions of their steps, how likely each is, and the peptides between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOND", "STRETCH", "Steps", "directions", "label_steps", "load_steps", "step_frames"]

Array = NDArray[np.float64]

BOND = 3.8
"""Angstrom between neighbouring CA atoms, across a trans peptide."""
STRETCH = 0.92
"""Of the length of further steps, how far they reach at most: a strand, a little straighter than usual."""
_DIRECTIONS = 80
"""Directions that a step may take from the two before it: 22 degrees apart, so that the nearest one is off by 0.7 A at
most, from where a denoiser finds back."""
_LEAST = 8e-4
"""Probability from which a direction is tried: the 41 of the 80 that chains take; those left out are strained."""


@dataclass(frozen=True)
class Steps:
    """Statistics of steps along a chain.

    Attributes
    ----------
    directions : ndarray, shape (D, 3)
        Unit vectors in the frame of the two steps before (`step_frames`).
    log_first : ndarray, shape (D,)
        Log probability of each.
    log_next : ndarray, shape (D, D)
        The same after a step of another one, in rows.
    usual : ndarray of int64, shape (U,)
        Directions that chains take.
    peptide : ndarray, shape (D, 3, 3)
        Mean positions of C, O and the next N in angstrom, for the step between the second and the third of four CA
        atoms, in the frame of the first two steps about the second atom; by direction of the third step.
    """

    directions: Array
    log_first: Array
    log_next: Array
    usual: NDArray[np.int64]
    peptide: Array


def directions() -> Array:
    """Unit vectors (D, 3) evenly over the sphere, on a spiral of Fibonacci."""
    at = np.arange(_DIRECTIONS) + 0.5
    polar, turn = np.arccos(1.0 - 2.0 * at / _DIRECTIONS), np.pi * (1.0 + np.sqrt(5.0)) * at
    return np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], -1)


def step_frames(first: Array, second: Array, third: Array) -> Array:
    """Frames (..., 3, 3) of two steps between three CA atoms (..., 3), axes in columns.

    The first axis runs along the second step, the third one is normal to both.
    """
    along = third - second
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    normal = np.cross(second - first, along)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    return np.stack([along, np.cross(normal, along), normal], -1)


def label_steps(ca: Array) -> NDArray[np.int64]:
    """The direction (..., M - 3) that each step of traces (..., M, 3) takes, from their third on."""
    frames = step_frames(ca[..., :-3, :], ca[..., 1:-2, :], ca[..., 2:-1, :])
    step = np.einsum("...ji,...j->...i", frames, ca[..., 3:, :] - ca[..., 2:-1, :])
    return np.asarray((step @ directions().T).argmax(-1))


@lru_cache(maxsize=2)
def load_steps(backwards: bool = False) -> Steps:
    """Statistics of chains from their start to their end, or from end to start.

    They come from the training split; see `adp3d.training.ca_step_statistics`.
    """
    path = resources.files(__package__) / "data" / "ca_steps.npz"
    way = "backwards" if backwards else "forwards"
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as z:
        first, following = z[f"{way}_first"].astype(np.float64), z[f"{way}_next"].astype(np.float64)
        peptide = z["peptide"].astype(np.float64)
    return Steps(directions(), first, following, np.flatnonzero(first > np.log(_LEAST)), peptide)
