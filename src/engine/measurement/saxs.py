"""A small-angle X-ray scattering curve of the molecule in solution, ``saxs@CURVE``.

This is the whole of a measurement in one place: what is read (`saxs_curve`), how residues scatter (`saxs_beads`), how
the curve of a structure is computed (`saxs_multipoles`), its likelihood, and what is told of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor

from ..contract.errors import InputError
from ..contract.requests import Request
from ..solver.likelihood_potential import LikelihoodPotential
from ..solver.potential_cost import PotentialCost
from .protocol import Scene
from .saxs_beads import Beads, make_beads
from .saxs_curve import LARGEST_Q, UNITS, ScatteringCurve, read_curve
from .saxs_multipoles import amplitudes, orders

__all__ = ["NAME", "Fit", "SaxsLikelihood", "SaxsMeasurement", "load"]

NAME = "saxs"

_MODEL_ERROR = 0.03
"""Of the intensity, beside the curve's own errors: that of beads in place of atoms. Their curve is 3.2 % (root mean
square, q to 0.3) off that of all atoms of 44 residues of a crystal structure, see the tests."""
_SHELL = 9.0
"""Electrons in excess in the water on a residue that is all exposed: 0.03 e/A^3 (Svergun, Barberato and Koch, J. Appl.
Cryst. 28, 768 (1995)) in 3 A on 100 A^2. Proteins have 50 A^2 a residue (Miller et al., J. Mol. Biol. 196, 641 (1987):
11.1 M^0.73), and half of the residues count as exposed."""
_SHELL_SPREAD = 2.0
"""Angstrom per axis, of the water about its place."""
_SHELL_HEIGHT = 5.0
"""Angstrom from a side chain's centre, away from its neighbours: about 3.5 A from its outer atoms, the middle of a
shell of 3 A."""
_SHELL_DOUBT, _WATER_DOUBT = 0.5, 0.05
"""Standard deviations u of the shell and of the displaced water, relative to what is expected. Programs fit contrasts
of the shell of 0 to 0.075 e/A^3, and radii of atoms within a few per cent (FoXS: Schneidman-Duhovny et al., Biophys. J.
105, 962 (2013)); 1 % of the radius is 3 % of the volume."""
_CONTACT, _CONTACT_WIDTH = 10.0, 1.0
"""Angstrom within which residues are neighbours, and over which they cease to be."""
_BURIED, _BURIED_WIDTH = 20.0, 4.0
"""Neighbours at which a residue counts as half exposed, and the width of the change: side chains at the surface have 8
to 15, those inside 25 to 35."""
_WHOLE = 0.95
"""Part of the residues that is nearly the whole molecule: a few more between their neighbours hardly change its curve.
Chosen by hand."""
_DIAMETERS = 3.0
"""Largest extent over radius of gyration of globular and moderately long particles; 2.6 for a sphere."""
_FINEST, _COARSEST = 0.004, 0.012
"""1/angstrom between the points at which curves are computed and interpolated: a quarter of a period 2 pi / D for
extents D of 390 and 130 A."""
_SECONDS = 5e-9
"""Core time of an evaluation with gradient for each bead, point and square of orders; measured with 780 beads in a ball
of 25 A: 20 ms for the value of 100 points to q = 0.3, 44 ms with its gradient; 35 and 87 ms to q = 0.5."""
_EVALUATIONS = 8
"""Of a potential in a step of the solver: five iterations and their line searches."""


@dataclass(frozen=True)
class Fit:
    """Curves of replicas brought to the scale of the measured one.

    Attributes
    ----------
    intensity : Tensor, shape (replica, Q)
    numbers : Tensor, shape (replica, 4)
        Scale, relative to s_0; by how many of its standard deviations the shell, and the displaced water, differ from
        what is expected, times the same; and the constant background in units of the curve's mean intensity.
    """

    intensity: Tensor
    numbers: Tensor


@dataclass(frozen=True)
class SaxsLikelihood:
    r"""Log-likelihood of a curve, with what is not known of the experiment fitted at each evaluation.

    .. math::
        I(q) = s\,|A|^2 + a\,u_a\,2 A A_s - b\,u_b\,2 A A_w + c, \qquad A = A_p + A_s

        \log p(y|x) = -\tfrac12 \min_{s,a,b,c} \Big[ w \sum_q \frac{(I(q) - y)^2}{\sigma^2 + (\epsilon y)^2}
        + \frac{a^2 + b^2}{s_0^2} \Big]

    with products averaged over orientations. A_p is the amplitude of the protein in water, A_s that of the hydration
    shell of exposed residues, A_w that of the displaced water within A_p. Scale s and background c are free; a and b
    say, to first order, by how many standard deviations u the shell and the displaced water differ from what is
    expected, and are expected to be zero within :math:`s_0`, the scale that the curve's I(0) suggests. All are the
    solution of one linear least-squares problem. The weight w = min(1, D (q_max - q_min) / (pi Q)) lets the curve count
    for as many numbers as it holds (Shannon's sampling), because errors of the beads go along with q.

    Attributes
    ----------
    q, intensity, sigma : Tensor, shape (Q,)
        The curve; q in 1/angstrom.
    grid : Tensor, shape (G,)
        Values of q at which curves are computed.
    to_curve : Tensor, shape (Q, G)
        Interpolates them.
    beads : Beads
        Amplitudes at the grid.
    weight : float
        w.
    scale : float
        s_0.
    radius : float
        Radius of gyration that the curve has, in angstrom.
    """

    q: Tensor
    intensity: Tensor
    sigma: Tensor
    grid: Tensor
    to_curve: Tensor
    beads: Beads
    weight: float
    scale: float
    radius: float

    @classmethod
    def of_curve(
        cls,
        curve: ScatteringCurve,
        aatype: NDArray[np.int64],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> SaxsLikelihood:
        """Bind a curve to residues of the types ``aatype`` (N,)."""
        radius, origin = curve.guinier()
        extent = _DIAMETERS * max(radius, 1.0)
        low, high = float(curve.q[0]), float(curve.q[-1])
        step = float(np.clip(0.25 * 2.0 * math.pi / extent, _FINEST, _COARSEST))
        grid = np.linspace(low, high, max(4, math.ceil((high - low) / step) + 1))
        beads = make_beads(aatype, grid, device, dtype)

        def tensor(values: NDArray[np.float64]) -> Tensor:
            return torch.as_tensor(values, device=device, dtype=dtype)

        # of a molecule whose residues are half exposed
        forward = float(make_beads(aatype, np.zeros(1), "cpu", torch.float64).amplitude.sum()) + 0.5 * _SHELL * len(
            aatype
        )
        return cls(
            tensor(curve.q),
            tensor(curve.intensity),
            tensor(curve.sigma),
            tensor(grid),
            tensor(CubicSpline(grid, np.eye(len(grid)))(curve.q)),
            beads,
            min(1.0, extent * (high - low) / (math.pi * len(curve.q))),
            origin / forward**2,
            radius,
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Log-likelihood up to a constant of backbones x (replica, N, 4, 3), shape (replica,)."""
        terms = self._terms(self.partial_intensities(x))
        numbers = self._solve(terms)
        # at its minimum the fit does not depend on its numbers: the gradient is that of fixed ones
        off = (torch.einsum("rkq,rk->rq", terms, numbers) - self.intensity) / self._spread
        return -0.5 * (self.weight * off.square().sum(-1) + numbers[:, 1:3].square().sum(-1))

    def partial_intensities(self, x: Tensor) -> Tensor:
        """|A|^2, 2 u_a A A_s and -2 u_b A A_w in electrons squared at the curve's points, shape (replica, 3, Q)."""
        return torch.stack([self._one(places) for places in self.beads.places(x)])

    def fit(self, x: Tensor) -> Fit:
        """Curves on the scale of the measured one."""
        terms = self._terms(self.partial_intensities(x))
        numbers = self._solve(terms)
        return Fit(torch.einsum("rkq,rk->rq", terms, numbers), numbers)

    def chi2(self, x: Tensor) -> Tensor:
        """Reduced chi^2 by the curve's own errors, shape (replica,): 1 where a curve agrees within them."""
        off = (self.fit(x).intensity - self.intensity) / self.sigma
        return off.square().sum(-1) / max(1, len(self.q) - 4)

    def gyration(self, x: Tensor) -> Tensor:
        """Radius of gyration of the excess electrons, the expected shell among them, (replica,), in angstrom."""
        places = self.beads.places(x)
        water, exposure = self._shell(self.beads.outermost(places))
        weight = torch.cat([self.beads.amplitude[:, 0].expand(len(x), -1), _SHELL * exposure], dim=-1)[..., None]
        points = torch.cat([places, water], dim=-2)
        centre = (weight * points).sum(-2, keepdim=True) / weight.sum(-2, keepdim=True)
        square = (weight * (points - centre).square()).sum((-2, -1)) / weight.sum((-2, -1))
        return square.clamp(min=0.0).sqrt()

    def curvature(self, x: Tensor) -> Tensor:
        r"""Rough diagonal of the negative Hessian, shape (replica, N, 4), in 1/angstrom^2.

        A residue of amplitude f within a molecule of intensity I changes the curve by about
        :math:`2 q f \sqrt{I/3}` per angstrom along any axis before orientations are averaged, over some
        :math:`(1 + q R_g)^2` independent ones. Its square is divided by the root of their number, which comes within a
        factor of four of the Gauss-Newton diagonal of 400 residues, parted among each residue's four atoms.
        """
        with torch.no_grad():
            fitted = (self.intensity / self.scale).clamp(min=0.0)  # on the scale of electrons
            count = x.shape[1]
            f2 = (self.to_curve @ self.beads.own).clamp(min=0.0) / count
            directions = 1.0 + self.q * self.radius
            change = 4.0 / 3.0 * self.q.square() * f2 * fitted * (self.scale / self._spread).square() / directions
            return torch.full_like(x[..., 0], float(self.weight * change.sum()) / 16.0)

    @property
    def _spread(self) -> Tensor:
        return torch.sqrt(self.sigma.square() + (_MODEL_ERROR * self.intensity).square())

    def _one(self, places: Tensor) -> Tensor:
        """Partial intensities of the beads (M, 3) of one structure, shape (3, Q)."""
        water, exposure = self._shell(self.beads.outermost(places))
        centre = places.mean(0)
        beads, water = places - centre, water - centre
        extent = float(torch.cat([beads, water]).detach().square().sum(-1).max().sqrt())
        count = orders(extent * float(self.grid[-1]))
        protein = self.beads.amplitude
        per_residue = _SHELL * torch.exp(-0.5 * (_SHELL_SPREAD * self.grid).square()) * exposure[:, None]
        dry, displaced = amplitudes(beads, self.grid, (protein, self.beads.displaced), count)
        (shell,) = amplitudes(water, self.grid, (per_residue,), count)
        whole, more, less = dry + shell, _SHELL_DOUBT * shell, -_WATER_DOUBT * displaced
        # beads' own intensities are those of their atoms, not of their mean over orientations
        own = self.beads.own - protein.square().sum(0)
        found = torch.stack([whole.square().sum(-1) + own, 2.0 * (whole * more).sum(-1), 2.0 * (whole * less).sum(-1)])
        return found @ self.to_curve.T

    def _shell(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Water of residues whose last beads are at (..., N, 3): its place, and the part (..., N) that is exposed."""
        # by products of coordinates, distances of near residues far from the origin would lose their digits
        distance = torch.cdist(last, last, compute_mode="donot_use_mm_for_euclid_dist")
        near = torch.sigmoid((_CONTACT - distance) / _CONTACT_WIDTH)
        centred = last - last.detach().mean(-2, keepdim=True)
        outwards = near.sum(-1, keepdim=True) * centred - near @ centred
        outwards = outwards / torch.sqrt(outwards.square().sum(-1, keepdim=True) + 1.0)
        exposure = torch.sigmoid((_BURIED - (near.sum(-1) - 1.0)) / _BURIED_WIDTH)
        return last + _SHELL_HEIGHT * outwards, exposure

    def _terms(self, partial: Tensor) -> Tensor:
        """Intensities that the four numbers of `Fit` stand for, (replica, 4, Q)."""
        background = self.intensity.mean().expand_as(partial[:, :1])
        return torch.cat([self.scale * partial, background], dim=1)

    def _solve(self, terms: Tensor) -> Tensor:
        with torch.no_grad():
            design = math.sqrt(self.weight) * (terms / self._spread).double()
            wanted = math.sqrt(self.weight) * (self.intensity / self._spread).double()
            normal = design @ design.transpose(-1, -2)
            normal = normal + torch.diag(torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64, device=terms.device))
            # the jitter is far below any number's own weight, and keeps a flat curve solvable
            normal = normal + 1e-12 * torch.diag_embed(torch.diagonal(normal, dim1=-2, dim2=-1))
            solved: Tensor = torch.linalg.solve(normal, design @ wanted)
            return solved.to(terms.dtype)


@dataclass(frozen=True)
class SaxsMeasurement:
    """The curve of one file, of all residues of a job.

    Attributes
    ----------
    likelihood : SaxsLikelihood
    """

    likelihood: SaxsLikelihood

    @property
    def name(self) -> str:
        """Name in the registry."""
        return NAME

    @property
    def potential(self) -> LikelihoodPotential:
        """The same at all noise levels."""
        return LikelihoodPotential(NAME, self.likelihood)

    @property
    def cost(self) -> PotentialCost:
        """In proportion to beads, points and the square of the orders that a compact molecule needs."""
        beads, points = self.likelihood.beads.amplitude.shape
        # 2.2 N^0.38 A is the radius of gyration of folded proteins of N residues
        radius = _DIAMETERS / 2.0 * 2.2 * (beads / 2.0) ** 0.38
        count = orders(radius * float(self.likelihood.grid[-1]))
        return PotentialCost(
            fixed_bytes=100_000_000,
            bytes_per_replica=24 * beads * points * count + 24 * (beads // 2) ** 2,
            seconds_per_step=_EVALUATIONS * _SECONDS * beads * points * count**2,
        )

    def potential_among(self, known: NDArray[np.bool_]) -> LikelihoodPotential | None:
        """See `Divisible`: a curve is of (nearly) the whole molecule, or of nothing."""
        return self.potential if known.mean() >= _WHOLE else None

    def log_likelihood(self, x: Tensor) -> Tensor:
        """See `Judge`."""
        return self.likelihood(x)

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Reduced chi^2 by the curve's own errors, and radius of gyration in angstrom."""
        return {"chi2": self.likelihood.chi2(x), "gyration": self.likelihood.gyration(x)}

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """None: a curve is of the whole molecule."""
        return {}


def load(request: Request, scene: Scene) -> SaxsMeasurement:
    """Curve that is asked for as ``saxs@CURVE``, or with the unit of its q as ``saxs@CURVE nm`` or ``saxs@CURVE A``.

    Raises
    ------
    InputError
        If there is none, or it cannot be used.
    """
    if request.file is None or len(request.words) > 1 or any(word not in UNITS for word in request.words):
        raise InputError(
            "A scattering curve comes from a file: write saxs@CURVE, and 'nm' or 'A' after it if its q is in 1/nm or "
            "1/angstrom and it does not say so."
        )
    curve = read_curve(request.file, *request.words)
    for note in curve.notes:
        scene.events.message(note)
    radius, _ = curve.guinier()
    least = 2.0 * scene.polymer.n_residues ** (1.0 / 3.0)
    scene.events.message(
        f"Scattering curve: {len(curve.q)} points, q {curve.q[0]:.3g} to {curve.q[-1]:.3g} 1/A (used to "
        f"{LARGEST_Q:g}), radius of gyration {radius:.1f} A."
    )
    if radius < least:
        scene.events.message(
            f"No {scene.polymer.n_residues} residues fit into a radius of gyration of {radius:.1f} A: check the unit "
            "of q (write 'nm' or 'A' after the file), and that curve and model are of the same molecule.",
            "warning",
        )
    return SaxsMeasurement(SaxsLikelihood.of_curve(curve, scene.polymer.aatype, scene.device))
