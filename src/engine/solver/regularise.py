"""Ideal bonds and angles with the smallest possible move: the last touch on a finished model."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..structure.ideal_geometry import ANGLES, BONDS
from .lbfgs import minimise

__all__ = ["regularise"]

_N, _CA, _C, _O = range(4)
_MOVE_SIGMA = 0.15
_PLANARITY_SIGMA = math.radians(5.0)
_TORN = 4.0
"""CA-CA distance in angstrom from which a chain counts as torn: no planar peptide reaches it."""
_MOST_PASSES = 4


def regularise(x: Tensor, sequence: str, linked: NDArray[np.bool_], movable: Tensor, iterations: int = 50) -> Tensor:
    r"""Minimise bond, angle and peptide-plane strain plus :math:`|x - x_{start}|^2/2s^2`, s = 0.15 A.

    Target values and their standard deviations are those of the validation room (Engh and Huber), so
    each term is a squared z score. Replicas whose chain is still torn afterwards, as where two segments of a
    composite did not meet, are minimised again from there, up to three times more.

    Parameters
    ----------
    x : Tensor, shape (replica, N, 4, 3)
        In angstrom.
    sequence : str
        N one-letter codes; glycine, proline and pre-proline have values of their own.
    linked : ndarray of bool, shape (N - 1,)
        Residues bonded to the next one.
    movable : Tensor of bool, shape (N, 4)
        Atoms that may move.
    iterations : int
        L-BFGS iterations.

    Returns
    -------
    Tensor, shape (replica, N, 4, 3)
    """
    terms, out = _Terms(sequence, linked, x), x
    todo = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for _ in range(_MOST_PASSES):
        if not todo.any():
            break
        out = out.clone()
        out[todo] = _relaxed(out[todo], terms, movable, iterations)
        todo = terms.torn(out)
    return out


def _relaxed(x: Tensor, terms: _Terms, movable: Tensor, iterations: int) -> Tensor:
    """Least strain near x, same shape."""
    start = x.double()
    free = movable[..., None].double()

    def objective(y: Tensor) -> tuple[Tensor, Tensor]:
        leaf = y.detach().requires_grad_(True)
        with torch.enable_grad():
            value = 0.5 * (leaf - start).square().sum((1, 2, 3)) / _MOVE_SIGMA**2 + terms.energy(leaf)
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), gradient * free

    # 0.02 A is the width of a bond: the inverse of the stiffest curvature
    done = minimise(objective, lambda g: g * 1e-4 * free, start, iterations, history=20, longest_step=0.1)
    return done.to(x)


class _Terms:
    """Strain of all bonds, angles and peptide planes as squared z scores."""

    def __init__(self, sequence: str, linked: NDArray[np.bool_], like: Tensor) -> None:
        kind = np.array([1 if code == "G" else 2 if code == "P" else 0 for code in sequence])
        self._pairs = torch.as_tensor(np.flatnonzero(linked), device=like.device)
        following = kind[np.flatnonzero(linked) + 1]
        # around the carbonyl the proline column belongs to residues before a proline
        carbonyl = np.where(kind == 2, 0, kind)
        carbonyl[np.flatnonzero(linked)[following == 2]] = 2
        across = carbonyl[np.flatnonzero(linked)]
        self._inside = {name: _column(BONDS[name], kind, like) for name in ("N-CA", "CA-C", "C-O")}
        self._tau = _column(ANGLES["N-CA-C"], kind, like)
        self._oxygen = _column(ANGLES["CA-C-O"], carbonyl, like)
        self._across = {
            "C-N": _column(BONDS["C-N"], across, like),
            "CA-C-N": _column(ANGLES["CA-C-N"], across, like),
            "O-C-N": _column(ANGLES["O-C-N"], across, like),
            "C-N-CA": _column(ANGLES["C-N-CA"], following, like),
        }

    def torn(self, x: Tensor) -> Tensor:
        """Replicas in which some bonded residues lie too far apart, (replica,)."""
        return (_length(x[:, self._pairs, _CA], x[:, self._pairs + 1, _CA]) > _TORN).any(1)

    def energy(self, x: Tensor) -> Tensor:
        """Half the sum of squared z scores, (replica,)."""
        n, ca, c, o = x.unbind(-2)
        i, j = self._pairs, self._pairs + 1
        z = [
            _z(_length(n, ca), self._inside["N-CA"]),
            _z(_length(ca, c), self._inside["CA-C"]),
            _z(_length(c, o), self._inside["C-O"]),
            _z(_angle(n, ca, c), self._tau),
            _z(_angle(ca, c, o), self._oxygen),
            _z(_length(c[:, i], n[:, j]), self._across["C-N"]),
            _z(_angle(ca[:, i], c[:, i], n[:, j]), self._across["CA-C-N"]),
            _z(_angle(o[:, i], c[:, i], n[:, j]), self._across["O-C-N"]),
            _z(_angle(c[:, i], n[:, j], ca[:, j]), self._across["C-N-CA"]),
        ]
        # sin(omega) is zero for cis and trans alike: flat, but never forced from one to the other
        flat = _sine(ca[:, i], c[:, i], n[:, j], ca[:, j]) / _PLANARITY_SIGMA
        oxygen = _sine(o[:, i], c[:, i], n[:, j], ca[:, j]) / _PLANARITY_SIGMA
        return 0.5 * torch.stack([term.square().sum(1) for term in [*z, flat, oxygen]]).sum(0)


def _column(values: tuple[tuple[float, float], ...], kind: NDArray[np.int64], like: Tensor) -> Tensor:
    """Mean and standard deviation per residue kind, shape (2, count), float64."""
    return torch.as_tensor(np.array(values)[kind].T.copy(), dtype=torch.float64, device=like.device)


def _z(values: Tensor, column: Tensor) -> Tensor:
    return (values - column[0]) / column[1]


def _length(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum(-1).clamp(min=1e-6).sqrt()


def _angle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Angle at b in degrees; atan2 has a finite gradient everywhere that matters."""
    u, v = a - b, c - b
    across = torch.linalg.cross(u, v).square().sum(-1).clamp(min=1e-8).sqrt()
    return torch.rad2deg(torch.atan2(across, (u * v).sum(-1)))


def _sine(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Sine of the torsion a-b-c-d."""
    u, v, w = b - a, c - b, d - c
    m, n = torch.linalg.cross(u, v), torch.linalg.cross(v, w)
    scale = (m.square().sum(-1) * n.square().sum(-1)).clamp(min=1e-8).sqrt()
    along = v / _length(b, c)[..., None]
    result: Tensor = (torch.linalg.cross(m, n) * along).sum(-1) / scale
    return result
