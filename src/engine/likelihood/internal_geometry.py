"""Likelihood of a model's internal geometry: distances between its residues, wherever it lies."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .ca_pairs import ca_distances, curvature_at_ca, rms_at_residues
from .geman_mcclure import LETS_GO, energy, slope, square_width

__all__ = ["InternalGeometryLikelihood"]

_NUMBERS_PER_RESIDUE = 1.0
"""Independent distances that a residue's distances count for, see `InternalGeometryLikelihood`."""


@dataclass(frozen=True)
class InternalGeometryLikelihood:
    r"""Robust log-likelihood of M distances between CA atoms.

    .. math::
        \log p(y|x) = -w \sum_m \rho(s_m), \quad s_m = \frac{|x_{i_m} - x_{j_m}| - y_m}{\sigma_m}, \quad
        \rho(s) = \frac12\,\frac{s^2}{1 + s^2/c^2}, \quad w = \min(1, N/M)

    with N residues that take part. The form is Geman and McClure's: harmonic at first, and level far outside, so that a
    distance that other measurements contradict lets go. The weight w makes all distances of a residue together count
    for one, because the errors of a prediction are not independent: where it is bent, it is bent for all of them.

    Distances of CA atoms were chosen by renoising a protein of 172 residues to t = 0.6 and bringing it down with
    nothing known but robust restraints of 0.5 A to the same 16 nearest residues of each (CA lDDT of three replicas
    to the start, RMSD in A; without any 0.53, 5.6): CA distances 0.95 to 0.96, 0.9 to 1.4; with those of CB, or of
    five kinds of backbone atoms (N-O, O-N, CA-CB), 0.85 to 0.96, 1.0 to 3.0; positions in the other residue's frame
    (of which aligned errors speak) 0.78 to 0.85, 2.1 to 4.0, and dearer. Frames turn with the noise of three atoms,
    and the lever of the distance makes of it an error that lets the restraint go.

    c and w were chosen with a chain of 124 residues in a simulated map at 4 A, renoised and brought down with the map
    in view (three replicas; sigma from the lDDT that the bent model has). One half turned by 25 degrees, 5.4 A of CA
    RMSD, from t = 0.45: without restraints 2.9, 2.6, 1.6 A remain; with c = 4 and w = 3N/M 3.1, 2.8, 3.3 A, for the
    restraints hold the hinge; with w = 0.9N/M 2.1, 1.5, 2.3 A; with c = 2 besides 2.0, 1.3, 1.7 A. Bent by waves, 2.0
    A, from t = 0.6: 1.5, 1.8, 0.8 A without, 0.67, 0.73, 0.72 A with c = 4 and 3N/M, 0.55, 0.60, 0.63 A with c = 2 and
    0.9N/M. With u growing with the noise (`adp3d.measurement.internal_geometry`) 1.9, 1.3, 1.9 A and 0.55, 0.60, 0.62 A
    remain; 397 residues at t = 0.6 kept a CA lDDT of 0.53 and 0.70 to their start, with c = 2 throughout 0.43 and 0.46.

    Parameters
    ----------
    pairs : Tensor of int64, shape (M, 2)
        Residues.
    distance, sigma : Tensor, shape (M,)
        y and its standard deviation, in angstrom.
    lets_go : float
        c, where the structure is certain.
    doubt : float
        Uncertainty u of the structure itself, in angstrom: half of a deviation that is not held against a distance,
        :math:`c_m^2 = c^2 + (2u/\sigma_m)^2`.

    Raises
    ------
    ValueError
        If shapes disagree or a sigma is not positive.

    References
    ----------
    S. Geman and D. E. McClure (1987), Bull. Int. Stat. Inst. 52, 5; J. T. Barron (2019), CVPR, 4331.
    """

    pairs: Tensor
    distance: Tensor
    sigma: Tensor
    lets_go: float = LETS_GO
    doubt: float = 0.0

    def __post_init__(self) -> None:
        count = self.pairs.shape[0]
        if self.pairs.shape != (count, 2) or self.distance.shape != (count,) or self.sigma.shape != (count,):
            raise ValueError("pairs must have shape (M, 2), distance and sigma (M,)")
        if not (bool((self.sigma > 0).all()) and self.lets_go > 0):
            raise ValueError("sigma and lets_go must be positive")

    @cached_property
    def weight(self) -> float:
        """Factor w on each distance."""
        count = self.pairs.shape[0]
        return min(1.0, _NUMBERS_PER_RESIDUE * self.pairs.unique().numel() / count) if count else 1.0

    def in_doubt(self, doubt: float) -> InternalGeometryLikelihood:
        """The same distances where the structure is uncertain by `doubt` angstrom.

        What was checked, and the weight, are taken over: levels differ at each step, and to see to either again would
        sort all pairs and wait for the device.
        """
        other = copy.copy(self)
        other.__dict__.update(doubt=doubt, weight=self.weight)
        return other

    def __call__(self, x: Tensor) -> Tensor:
        """Log-likelihood up to a constant.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            N, CA, C, O in angstrom.

        Returns
        -------
        Tensor, shape (replica,)
            Differentiable in x.
        """
        return -self.weight * energy(self.deviations(x), self._width).sum(-1)

    def deviations(self, x: Tensor) -> Tensor:
        """Deviation s of each distance in its standard deviation, shape (replica, M); positive if too long."""
        deviations: Tensor = (ca_distances(x, self.pairs) - self.distance) / self.sigma
        return deviations

    def curvature(self, x: Tensor) -> Tensor:
        r"""Positive estimate of the Hessian's diagonal, per atom and axis.

        :math:`\tfrac w3 \sum_{m \ni a} (1 + s_m^2/c^2)^{-2} / \sigma_m^2`: the secant of the force, in the mean over
        directions.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            In angstrom.

        Returns
        -------
        Tensor, shape (replica, N, 4)
            In 1/angstrom^2.
        """
        with torch.no_grad():
            stiffness = self.weight * slope(self.deviations(x), self._width) / self.sigma.square()
            return curvature_at_ca(stiffness, self.pairs, x)

    def satisfied(self, x: Tensor, within: float = 2.0) -> Tensor:
        """Part of the distances that deviate by at most ``within`` standard deviations, shape (replica,)."""
        return (self.deviations(x).abs() <= within).to(x.dtype).mean(-1)

    def strain(self, x: Tensor) -> Tensor:
        """Root mean square of each residue's deviations in standard deviations, (replica, N); 0 without distances."""
        return rms_at_residues(self.deviations(x), self.pairs, x.shape[1])

    @property
    def _width(self) -> Tensor:
        """c_m^2 of each distance, shape (M,)."""
        return square_width(self.sigma, self.doubt, self.lets_go)
