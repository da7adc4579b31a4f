"""Likelihood of copies that are nearly alike: each distance within a copy is near its mean over all copies."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .ca_pairs import ca_distances, curvature_at_ca, rms_at_residues
from .geman_mcclure import energy, slope, square_width

__all__ = ["EqualCopiesLikelihood"]


@dataclass(frozen=True)
class EqualCopiesLikelihood:
    r"""Robust log-likelihood of the differences between distances that several copies share.

    .. math::
        \log p(y|x) = -\sum_m \sum_{k=1}^{n_m} \rho(s_{mk}), \quad
        s_{mk} = \frac{d_{mk} - \bar d_m}{\sigma}, \quad \rho(s) = \frac12\,\frac{s^2}{1 + s^2/c^2}

    where :math:`d_{mk}` is the distance of the same two CA atoms in copy k and :math:`\bar d_m` its mean over the
    copies. Nothing is superposed, so that copies may turn against each other and bend; a part that is truly otherwise
    in one copy lets go, as each distance is judged by itself.

    All distances count in full. With the weight of `adp3d.likelihood.internal_geometry`, which lets all distances of a
    residue together count for one or a few, less was gained: three copies of a validation chain of 82 residues in a map
    at 4 A (``benchmarks/symmetry.py --split val --groups C3 --steps 16 --replicas 2``) came to 0.43 and 0.56 A (CA RMSD
    of known and missing residues) with one for each residue, 0.39 and 0.53 A with six, 0.36 and 0.47 A in full; without
    the likelihood to 0.40 and 0.65 A.

    Parameters
    ----------
    pairs : Tensor of int64, shape (M, 2)
        Residues.
    shared : Tensor of int64, shape (M,)
        Which of the distances that copies share each is an instance of, from 0.
    sigma : float
        Standard deviation of a distance about its mean over copies, in angstrom.
    doubt : float
        Uncertainty u of the structure itself, in angstrom: c^2 becomes c^2 + (2u/sigma)^2.

    Raises
    ------
    ValueError
        If shapes disagree or sigma is not positive.

    References
    ----------
    Local restraints between copies without superposition, with Geman and McClure's function: G. N. Murshudov et al.,
    REFMAC5, Acta Cryst. D67, 355 (2011), section 4.
    """

    pairs: Tensor
    shared: Tensor
    sigma: float
    doubt: float = 0.0

    def __post_init__(self) -> None:
        count = self.pairs.shape[0]
        if self.pairs.shape != (count, 2) or self.shared.shape != (count,):
            raise ValueError("pairs must have shape (M, 2), shared (M,)")
        if not self.sigma > 0:
            raise ValueError("sigma must be positive")

    @cached_property
    def _copies(self) -> Tensor:
        """Instances of each shared distance."""
        return torch.bincount(self.shared).to(torch.float32)

    def in_doubt(self, doubt: float) -> EqualCopiesLikelihood:
        """The same copies where the structure is uncertain by ``doubt`` angstrom; what was counted is taken over."""
        other = copy.copy(self)
        other.__dict__.update(doubt=doubt, _copies=self._copies)
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
        return -energy(self.differences(x) / self.sigma, self._width).sum(-1)

    def differences(self, x: Tensor) -> Tensor:
        """Each distance less its mean over the copies, (replica, M), in angstrom."""
        length = ca_distances(x, self.pairs).transpose(0, 1)
        total = length.new_zeros(len(self._copies), length.shape[1]).index_add(0, self.shared, length)
        mean = total / self._copies.to(length)[:, None]
        off: Tensor = length - mean.index_select(0, self.shared)
        return off.transpose(0, 1)

    def curvature(self, x: Tensor) -> Tensor:
        r"""Positive estimate of the Hessian's diagonal, per atom and axis.

        The secant of the force in the mean over directions, as if the means stood still.

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
            stiffness = slope(self.differences(x) / self.sigma, self._width) / self.sigma**2
            return curvature_at_ca(stiffness, self.pairs, x)

    def at_residues(self, x: Tensor) -> Tensor:
        """Root mean square of the differences of each residue's distances, (replica, N), in angstrom; 0 without any."""
        return rms_at_residues(self.differences(x), self.pairs, x.shape[1])

    @property
    def _width(self) -> float:
        return square_width(self.sigma, self.doubt)
