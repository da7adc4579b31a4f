"""Forward operator of distance measurements: y = |x_i - x_j|, or r^-6 sums over ambiguous pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["ATOM_NAMES", "CB", "DistanceOperator", "pair_lengths", "pseudo_cb", "sum_average"]

ATOM_NAMES = ("N", "CA", "C", "O", "CB")
"""Atoms that a pair may name, by index; the last is the pseudo-atom of `pseudo_cb`."""

CB = 4

_SHORTEST = 1e-2  # A; r^-6 is flat below, so that coinciding atoms stay finite


@dataclass(frozen=True)
class DistanceOperator:
    r"""Distances between backbone atoms, one value per measurement.

    A measurement of one pair is :math:`y = |x_i - x_j|`; of several pairs (an ambiguous NOE) it is
    :math:`y = (\sum_p |x_{i_p} - x_{j_p}|^{-6})^{-1/6}`. Invariant under rotations and translations, and
    under reflections as long as no pair names CB (which is built with the L hand).

    Parameters
    ----------
    residues : Tensor of int64, shape (pair, 2)
        Residue indices of both atoms.
    atoms : Tensor of int64, shape (pair, 2)
        Atom indices: 0 to 3 for N, CA, C, O, and 4 for the pseudo CB (`pseudo_cb`).
    groups : Tensor of int64, shape (pair,)
        Measurement that each pair belongs to, 0 ... ``n_measurements`` - 1, non-decreasing.
    n_measurements : int
        Number M of measurements.

    Raises
    ------
    ValueError
        If shapes disagree, an index is out of range, or a measurement has no pair.
    """

    residues: Tensor
    atoms: Tensor
    groups: Tensor
    n_measurements: int

    def __post_init__(self) -> None:
        pairs = self.residues.shape[0]
        two = (pairs, 2)
        if self.residues.shape != two or self.atoms.shape != two or self.groups.shape != (pairs,):
            raise ValueError("residues and atoms must have shape (pair, 2) and groups shape (pair,)")
        if pairs and (self.residues.min() < 0 or self.atoms.min() < 0 or self.atoms.max() > CB):
            raise ValueError("residue indices must not be negative and atom indices must be 0 to 4")
        steps = torch.diff(self.groups, prepend=self.groups.new_full((1,), -1))
        complete = int(self.groups[-1]) + 1 == self.n_measurements if pairs else self.n_measurements == 0
        if not complete or bool(((steps != 0) & (steps != 1)).any()):
            raise ValueError("groups must run from 0 to n_measurements - 1 without gaps")

    @classmethod
    def between_ca(cls, residues: Tensor) -> DistanceOperator:
        """CA-CA distances of residue pairs, shape (M, 2): one pair per measurement."""
        groups = torch.arange(residues.shape[0], device=residues.device)
        return cls(residues, torch.ones_like(residues), groups, residues.shape[0])

    def to(self, device: torch.device | str) -> DistanceOperator:
        """Copy on another device."""
        return DistanceOperator(
            self.residues.to(device), self.atoms.to(device), self.groups.to(device), self.n_measurements
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Measure coordinates.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            N, CA, C, O in A.

        Returns
        -------
        Tensor, shape (replica, M)
            Distances in A, differentiable in x.
        """
        lengths = self.pairs(x)
        if lengths.shape[-1] == self.n_measurements:
            return lengths
        return sum_average(lengths, self.groups, self.n_measurements)

    def pairs(self, x: Tensor) -> Tensor:
        """Length of every pair, shape (replica, pair), in A; x as in `__call__`."""
        if self._names_cb:
            x = torch.cat([x, pseudo_cb(x)[..., None, :]], dim=-2)
        ends = x[:, self.residues, self.atoms]
        return pair_lengths(ends[..., 0, :], ends[..., 1, :])

    @cached_property
    def _names_cb(self) -> bool:
        """Whether any pair does; asked of the device once."""
        return bool((self.atoms == CB).any())


def pair_lengths(a: Tensor, b: Tensor) -> Tensor:
    """Lengths ``|a - b|`` in A for points (..., 3); where they coincide the gradient is zero, not NaN."""
    squared = (a - b).square().sum(-1)
    apart = squared > 0
    return torch.where(apart, squared, torch.ones_like(squared)).sqrt() * apart


def pseudo_cb(x: Tensor) -> Tensor:
    """Ideal CB of every residue: ``CA + 0.5637 b - 0.5393 c - 0.5829 b x c``, b = CA - N, c = C - CA.

    Least-squares coefficients over L residues of crystal structures at 1.6 A or better; the real CB lies
    0.1 A (rms) from it, 99 % within 0.26 A. Glycine gets one too. The form is linear plus a cross
    product, so its gradient is finite for any coordinates.

    Parameters
    ----------
    x : Tensor, shape (..., N, 4, 3)
        N, CA, C, O in A.

    Returns
    -------
    Tensor, shape (..., N, 3)
        In A.
    """
    n, ca, c = x[..., 0, :], x[..., 1, :], x[..., 2, :]
    from_n, to_c = ca - n, c - ca
    cb: Tensor = ca + 0.5637 * from_n - 0.5393 * to_c - 0.5829 * torch.linalg.cross(from_n, to_c)
    return cb


def sum_average(lengths: Tensor, groups: Tensor, n_groups: int) -> Tensor:
    r"""NOE sum average :math:`(\sum_{p \in g} r_p^{-6})^{-1/6}` within groups.

    Never longer than the shortest member. Computed relative to that member, so that neither tiny nor
    huge distances overflow. Lengths below 0.01 A count as 0.01 A in groups of several pairs.

    Parameters
    ----------
    lengths : Tensor, shape (replica, pair)
        Distances r in A.
    groups : Tensor of int64, shape (pair,)
        Group of each pair.
    n_groups : int
        Number of groups, each with at least one pair.

    Returns
    -------
    Tensor, shape (replica, n_groups)
        In A.

    References
    ----------
    M. Nilges (1995), J. Mol. Biol. 245, 645 (ambiguous distance restraints).
    """
    lengths = lengths.clamp(min=_SHORTEST)
    index = groups.expand(lengths.shape)
    shape = (lengths.shape[0], n_groups)
    with torch.no_grad():
        nearest = torch.full(shape, torch.inf, dtype=lengths.dtype, device=lengths.device)
        nearest = nearest.scatter_reduce(1, index, lengths, "amin")
    # The result does not depend on `nearest`, which only scales the terms: no gradient is lost.
    terms = (nearest.gather(1, index) / lengths) ** 6
    total = torch.zeros(shape, dtype=lengths.dtype, device=lengths.device).scatter_add(1, index, terms)
    return nearest * total ** (-1.0 / 6.0)
