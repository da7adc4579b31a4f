"""Likelihood of distance measurements: harmonic targets and flat-bottomed bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..physics.distances import DistanceOperator, pseudo_cb
from ..restraints.shells import Shells

if TYPE_CHECKING:
    from ..restraints.convert import BackboneRestraints

__all__ = ["DistanceLikelihood"]

_FROM_CA = (1.46, 0.0, 1.53, 2.40, 1.53)
"""Angstrom from CA to N, CA, C, O and CB (Engh and Huber 1991)."""


@dataclass(frozen=True)
class DistanceLikelihood:
    r"""Log-likelihood of M distances with lower and upper bounds.

    .. math::
        \log p(y|x) = -\sum_m E(e_m / \sigma_m), \quad
        e_m = \max(l_m - d_m, 0) + \max(d_m - u_m, 0), \quad
        E(s) = s^2/2 \ (s \le k_m), \quad k_m (s - k_m/2) \ (s > k_m)

    with d = A(x) the measured distances. Between the bounds nothing pulls; outside, the potential is
    harmonic and turns linear beyond ``k sigma``, so that a few wrong restraints cannot dominate. A
    harmonic measurement of a distance is the case l = u, k infinite.

    Parameters
    ----------
    operator : DistanceOperator
        Which atoms each measurement is about (ambiguous ones are r^-6 sums).
    lower, upper : Tensor, shape (M,)
        Bounds in A; `lower` may be 0 and `upper` infinite.
    sigma : Tensor, shape (M,)
        Standard deviation in A of the noise outside the bounds.
    switch : Tensor, shape (M,)
        k: standard deviations beyond which the potential is linear; infinite for none.

    Raises
    ------
    ValueError
        If shapes disagree, a lower bound exceeds its upper bound, or a sigma or switch is not positive.

    References
    ----------
    Levy et al., ADP-3D, section on pairwise distances (harmonic); M. Nilges et al. (1988), Protein Eng.
    2, 27 (flat bottom with linear tail).
    """

    operator: DistanceOperator
    lower: Tensor
    upper: Tensor
    sigma: Tensor
    switch: Tensor

    def __post_init__(self) -> None:
        shape = (self.operator.n_measurements,)
        if not all(field.shape == shape for field in (self.lower, self.upper, self.sigma, self.switch)):
            raise ValueError(f"lower, upper, sigma and switch must have shape {shape}")
        if not bool((self.lower <= self.upper).all()):
            raise ValueError("every lower bound must be at most its upper bound")
        if not bool((self.sigma > 0).all() and (self.switch > 0).all()):
            raise ValueError("sigma and switch must be positive")

    @classmethod
    def harmonic(cls, operator: DistanceOperator, distance: Tensor, sigma: Tensor | float) -> DistanceLikelihood:
        """Gaussian noise: ``log p = -1/2 sum ((d - y) / sigma)^2``; `distance` y in A, shape (M,)."""
        return cls(
            operator,
            distance,
            distance,
            torch.as_tensor(sigma).to(distance).expand_as(distance),
            torch.full_like(distance, torch.inf),
        )

    @classmethod
    def from_restraints(
        cls,
        restraints: BackboneRestraints,
        device: torch.device | str,
        dtype: torch.dtype,
        sigma: float = 0.5,
        switch: float = 2.0,
    ) -> DistanceLikelihood:
        """Likelihood of the restraints of a file.

        Parameters
        ----------
        restraints : BackboneRestraints
            As converted by ``structure.restraints.convert.to_backbone``.
        device, dtype
            Of the tensors, and of the coordinates to come.
        sigma : float
            Standard deviation in A where the file gives none.
        switch : float
            Sigmas beyond which bounds turn linear; harmonic restraints (equal bounds) never do.
        """
        operator = DistanceOperator(
            torch.as_tensor(restraints.residues, device=device),
            torch.as_tensor(restraints.atoms, device=device),
            torch.as_tensor(restraints.groups, device=device),
            len(restraints),
        )
        lower, upper, given = (
            torch.as_tensor(values, dtype=dtype, device=device)
            for values in (restraints.lower, restraints.upper, restraints.sigma)
        )
        noise = torch.where(given.isnan(), torch.full_like(given, sigma), given)
        tail = torch.where(lower == upper, torch.inf, switch).to(noise)
        return cls(operator, lower, upper, noise, tail)

    def __call__(self, x: Tensor) -> Tensor:
        """Log-likelihood up to a constant.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            N, CA, C, O in A.

        Returns
        -------
        Tensor, shape (replica,)
            Differentiable in x.
        """
        scaled = self.violations(x).abs() / self.sigma
        inside = torch.minimum(scaled, self.switch)
        # k (s - k/2) = k s - k^2/2; with s <= k this is s^2/2. An infinite k never enters the product.
        return -(inside * scaled - 0.5 * inside.square()).sum(-1)

    def violations(self, x: Tensor) -> Tensor:
        """How far each distance is outside its bounds, in A, shape (replica, M).

        Positive if too long, negative if too short, zero within the bounds; x as in `__call__`.
        """
        distance = self.operator(x)
        return (distance - self.upper).clamp(min=0) - (self.lower - distance).clamp(min=0)

    def satisfied(self, x: Tensor, tolerance: float = 0.5) -> Tensor:
        """Fraction of the measurements violated by at most `tolerance` A, shape (replica,)."""
        return (self.violations(x).abs() <= tolerance).to(x.dtype).mean(-1)

    def among(self, known: NDArray[np.bool_]) -> DistanceLikelihood | None:
        """The distances whose pairs are all between known residues (N,); None if there are none."""
        own = self.operator
        pairs = torch.as_tensor(known, device=own.residues.device)[own.residues].all(1)
        kept = torch.ones(own.n_measurements, dtype=torch.bool, device=pairs.device)
        kept[own.groups[~pairs]] = False
        if not bool(kept.any()):
            return None
        rows = kept[own.groups]
        groups = (kept.cumsum(0) - 1)[own.groups[rows]]
        operator = DistanceOperator(own.residues[rows], own.atoms[rows], groups, int(kept.sum()))
        return DistanceLikelihood(operator, self.lower[kept], self.upper[kept], self.sigma[kept], self.switch[kept])

    def shells(self, x: Tensor, known: NDArray[np.bool_]) -> Shells:
        """Where CA atoms may be that are each at a measured distance from an atom of a known residue.

        A distance to or from another atom than CA says as much less of CA as they are apart, unless the known atom has
        its place. Ambiguous distances are left out: another pair may account for them.

        Parameters
        ----------
        x : Tensor, shape (N, 4, 3)
            N, CA, C, O in A.
        known : ndarray of bool, shape (N, 4)
            Atoms whose places in x count; a residue is known if its CA is.
        """
        residues, atoms, groups = (
            one.cpu().numpy() for one in (self.operator.residues, self.operator.atoms, self.operator.groups)
        )
        lower, upper, sigma = (one.cpu().double().numpy() for one in (self.lower, self.upper, self.sigma))
        every = torch.cat([x, pseudo_cb(x)[:, None]], 1).cpu().double().numpy()
        placed = np.concatenate([known, known[:, :3].all(1, keepdims=True)], 1)
        ends = known[residues, 1]
        usable = np.flatnonzero((ends.sum(1) == 1) & (np.bincount(groups)[groups] == 1))
        there = ends[usable].argmax(1)
        given, other = (residues[usable, there], atoms[usable, there]), (usable, 1 - there)
        exact = placed[given]
        centre = np.where(exact[:, None], every[given], every[given[0], 1])
        from_ca = np.array(_FROM_CA)
        slack = from_ca[atoms[other]] + np.where(exact, 0.0, from_ca[given[1]])
        measured = groups[usable]
        return Shells(
            residues[other],
            centre,
            np.maximum(lower[measured] - slack, 0.0),
            upper[measured] + slack,
            sigma[measured],
        )

    def curvature(self, x: Tensor) -> Tensor:
        r"""Gauss-Newton estimate of the Hessian's diagonal, per atom and axis.

        :math:`\tfrac13 \sum_{p \ni a} \sigma^{-2}` over the pairs of atom a whose bound pulls, which is
        the mean over directions of the pair's :math:`u u^T/\sigma^2`; CB counts for CA.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            In A.

        Returns
        -------
        Tensor, shape (replica, N, 4)
            In 1/A^2, not negative.
        """
        with torch.no_grad():
            scaled = self.violations(x).abs() / self.sigma
            # Beyond the switch the force is constant: the secant k/s keeps a step from overshooting.
            slope = torch.where(
                scaled > 0,
                torch.minimum(self.switch / scaled.clamp(min=1e-12), torch.ones_like(scaled)),
                torch.zeros_like(scaled),
            )
            stiffness = (slope / self.sigma.square() / 3.0)[:, self.operator.groups]
            atoms = torch.where(self.operator.atoms > 3, 1, self.operator.atoms)
            flat = 4 * self.operator.residues + atoms
            total = x.new_zeros(x.shape[0], x.shape[1] * 4)
            for end in (0, 1):
                total.index_add_(1, flat[:, end], stiffness)
            return total.view(x.shape[:-1])
