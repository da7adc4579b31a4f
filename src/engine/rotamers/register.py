"""Stretches whose side-chain density fits the sequence better a residue or two further on or back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..physics.form_factors import electron_form_factors
from ..sidechain.build import build_side_chains
from ..sidechain.templates import BACKBONE, CHIS, UNKNOWN_TYPE
from .energy import WEIGHTS
from .field import DensityField, MapView, density_field
from .library import chi_log_density, rotamers_of

__all__ = ["LEAST", "RegisterShift", "find_shifts", "score_register", "side_chain_fit", "type_scores"]

Array = NDArray[np.float64]

LEAST = 8
"""Residues of the shortest stretch that is told: fewer side chains may agree with another register by chance."""
_SHIFTS = (-2, -1, 1, 2)
_LONGEST = 80
"""Residues of the longest stretch that is looked at as one; longer ones show as several."""
_BETTER = 9.0
"""Nats by which the other register must be better than the given one: odds of 8,000 to 1, against some hundred
independent stretches and shifts that are tried; none exceeds 3 in the deposited models of the demo and EMD-30342. In
the demo's map at 1.75 A the right register is better by 2.8 nats for each residue, at 3.9 A (EMD-30342) by 0.06."""
_GOOD = 3.0
"""Nats by which the types of the other register must fit better than types at random."""
_CLIP = 4.0
"""Nats at which the difference of one residue is cut off: none decides alone."""
_TYPES = UNKNOWN_TYPE
_TRUSTS = np.geomspace(1e-3, 3.0, 60)
"""Values of lambda that are tried, besides zero."""
_OUTLIERS = 6.0
"""Standard deviations at which scores are cut off: atoms in the density of a metal, say."""
_AT_ONCE = 20_000
"""Side chains computed together; bounds memory."""


@dataclass(frozen=True)
class RegisterShift:
    """A stretch that fits another register.

    Attributes
    ----------
    first, last : int
        Rows of the stretch.
    shift : int
        The side chain at row i looks like that of the residue ``shift`` further along the sequence.
    better : float
        Nats by which it does.
    good : float
        Nats by which the types of the other register fit better than types at random.
    """

    first: int
    last: int
    shift: int
    better: float
    good: float


def type_scores(backbone: Tensor, field: DensityField) -> Array:
    r"""How well each residue type fits at each place, in nats.

    For each type the best of its rotamers c counts, by

    .. math::
        \log p(c) + \frac{f}{\sigma^2} \sum_v \left( s r_v \rho_c(v) - \frac{s^2}{2} \rho_c(v)^2 \right),

    what its atoms, CB included, add to the log-likelihood of the map: here, where types of different size are compared,
    with their own square.

    Parameters
    ----------
    backbone : Tensor, shape (N, 4, 3)
        In angstrom.
    field : DensityField
        Of the map less the backbones and all that is no side chain.

    Returns
    -------
    ndarray, shape (N, 20)
    """
    n = len(backbone)
    scores = np.zeros((n, _TYPES))
    rotamers = rotamers_of()
    for kind in range(_TYPES):
        found = rotamers.get(kind)
        chi = np.zeros((1, CHIS)) if found is None else found.chi[: len(found.chi) // 5]
        likely = chi_log_density(np.full(len(chi), kind), chi)
        values = torch.empty(n, len(chi))
        turns = torch.as_tensor(chi, dtype=torch.float32)
        for rows in torch.arange(n).split(max(1, _AT_ONCE // len(chi))):
            owner = rows.repeat_interleave(len(chi))
            aatype = torch.full((len(owner),), kind)
            atoms = build_side_chains(backbone[owner], aatype, turns.repeat(len(rows), 1))
            values[rows] = _gain(atoms, kind, field).view(len(rows), len(chi))
        scores[:, kind] = (values.double().numpy() + likely).max(1)
    return scores


def _gain(atoms: Tensor, kind: int, field: DensityField) -> Tensor:
    """Nats (C,) that side chains (C, 14, 3) of one type add, their own squares included."""
    slots = torch.nonzero(WEIGHTS[kind, len(BACKBONE) :] > 0)[:, 0] + len(BACKBONE)
    if not len(slots):
        return atoms.new_zeros(len(atoms))
    weight = WEIGHTS[kind, slots]
    xyz = atoms[:, slots]
    linear = (weight * field(xyz)).sum(-1)
    square = (weight[:, None] * weight * _overlap(torch.cdist(xyz, xyz), field)).sum((-1, -2))
    return linear - 0.5 * square


def _overlap(distance: Tensor, field: DensityField) -> Tensor:
    """``f s^2 / sigma^2 sum_v rho_a rho_b`` of two carbons at a distance in angstrom: products of their Gaussians."""
    a, b = (torch.as_tensor(each[0], dtype=distance.dtype) for each in electron_form_factors(["C"]))
    wide = (b[:, None] + b + 2 * field.noise.b_factor).flatten()
    height = (a[:, None] * a).flatten() * (4 * torch.pi / wide) ** 1.5
    each = height * torch.exp(-4 * torch.pi**2 * distance[..., None].square() / wide)
    return field.weight * field.scale / field.map.voxel_volume * each.sum(-1)


def side_chain_fit(scores: Array, types: NDArray[np.int64]) -> Array:
    r"""Log odds of each type at each place, ``log p(t | place) - log p(t)``, in nats.

    .. math::
        p(t | i) \propto p(t) e^{\lambda (S_{it} - \langle S_{jt} \rangle_j)}

    Scores are taken relative to what their type has on average, so that large and small types are alike however scale
    and B-factor of the map have been found. The temperature 1 / lambda, which says how far the scores can be trusted in
    this map, is that at which the given types are likeliest: most of a model is in register. Where side chains do not
    show, lambda is zero and no odds differ.

    Parameters
    ----------
    scores : ndarray, shape (N, 20)
        As `type_scores` gives them.
    types : ndarray of int64, shape (N,)
        The given types; 20 for unknown ones.

    Returns
    -------
    ndarray, shape (N, 20)
    """
    known = types < _TYPES
    if not known.any():
        return np.zeros_like(scores)
    usual = np.bincount(types[known], minlength=_TYPES) + 1.0
    log_usual = np.log(usual / usual.sum())
    centred = scores - scores.mean(0)
    limit = _OUTLIERS * centred.std()
    centred = np.clip(centred, -limit, limit)

    def log_odds(trust: float) -> Array:
        joint = trust * centred + log_usual
        top = joint.max(1, keepdims=True)
        return np.asarray(joint - top - np.log(np.exp(joint - top).sum(1, keepdims=True)) - log_usual)

    rows = np.flatnonzero(known)
    trusts = [0.0, *_TRUSTS.tolist()]
    likely = [float(log_odds(trust)[rows, types[rows]].sum()) for trust in trusts]
    return log_odds(trusts[int(np.argmax(likely))])


def find_shifts(fit: Array, sequence: NDArray[np.int64], at: NDArray[np.int64]) -> list[RegisterShift]:
    """Stretches of one chain that fit another register better.

    Of all stretches of 8 residues and more without a gap, and shifts of up to two residues, the one is taken for which
    the log odds of the types ``shift`` further along exceed those of the given ones most, as long as that is by 9 nats
    and the types of the other register fit at all (3 nats); then the next one beside it.

    Parameters
    ----------
    fit : ndarray, shape (N, 20)
        As `side_chain_fit` gives it, for the residues that are there.
    sequence : ndarray of int64, shape (L,)
        Types of the whole chain; 20 for unknown ones, which say nothing.
    at : ndarray of int64, shape (N,)
        Position on the sequence of each residue that is there, rising.

    Returns
    -------
    list of RegisterShift
        Best first; rows are those of ``fit``.
    """
    candidates: list[tuple[float, float, int, int, int]] = []
    given = _of_types(fit, sequence[at])
    part = np.append(0, np.cumsum(np.diff(at) != 1)) if len(at) else at
    for shift in _SHIFTS:
        other = at + shift
        inside = (other >= 0) & (other < len(sequence))
        moved = _of_types(fit, sequence[np.clip(other, 0, len(sequence) - 1)])
        gain = np.clip(moved - given, -_CLIP, _CLIP)
        for number in np.unique(part):
            rows = np.flatnonzero((part == number) & inside)
            better, good = (np.append(0.0, np.cumsum(each[rows])) for each in (gain, moved))
            for length in range(LEAST, min(len(rows), _LONGEST) + 1):
                more, own = better[length:] - better[:-length], good[length:] - good[:-length]
                for k in np.flatnonzero((more >= _BETTER) & (own >= _GOOD)).tolist():
                    candidates.append((float(more[k]), float(own[k]), int(rows[k]), int(rows[k + length - 1]), shift))
    found: list[RegisterShift] = []
    for more_value, own_value, first, last, shift in sorted(candidates, key=lambda one: (-one[0], one[2:])):
        if all(last < one.first or first > one.last for one in found):
            found.append(RegisterShift(first, last, shift, more_value, own_value))
    return found


def _of_types(fit: Array, types: NDArray[np.int64]) -> Array:
    """The fit of one type at each place (N,); 0 for unknown ones."""
    known = types < _TYPES
    return np.where(known, fit[np.arange(len(fit)), np.where(known, types, 0)], 0.0)


def score_register(
    backbone: Tensor, types: NDArray[np.int64], view: MapView, others: NDArray[np.floating], elements: Sequence[str]
) -> Array:
    """`side_chain_fit` of backbones (N, 4, 3) in a map, in which other atoms (K, 3) have density, too."""
    xyz = np.concatenate([backbone.reshape(-1, 3).double().numpy(), np.asarray(others, np.float64).reshape(-1, 3)])
    field = density_field(view.map, view.noise, xyz, [*("N", "C", "C", "O") * len(backbone), *elements])
    return side_chain_fit(type_scores(backbone, field), types)
