"""Energies of interfaces: what a prior makes of the parts of a complex being together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from ..prior.protocol import Prior
from .structure import Energy, EnergySettings, Part, contributions
from .whitened import WhitenedPrior

__all__ = ["interface_energy"]

_SAME = 2e-3
"""Angstrom within which poses of a part are one structure: coordinates in files are rounded to 0.001 A."""


def interface_energy(
    priors: Sequence[Prior],
    whole: Prior,
    x: Tensor,
    groups: Sequence[Tensor],
    settings: EnergySettings,
) -> Energy:
    r"""Energy of a complex less those of its parts: low where the prior likes them together.

    .. math:: -\log \frac{p(x)}{\prod_a p(x_a)}
        = -\tfrac12 \sum_a \left[\log p(x_a \mid x_{\setminus a}) - \log p(x_a)\right]

    The left side takes all parts as noisy at once. Where they lie far apart, noise of their size hides what they have
    to do with each other, and the figure is mostly of how far apart and how large they are. The right side, equal to it
    for two parts and a perfect prior, shows one part where it is and adds noise to the other, in turn: that is what
    errors of denoising are taken for, of priors that see known atoms. (For more parts than two it is another measure of
    how much they know of each other.)

    The noise of a part turns with it, from pose to pose. What poses of rigid parts differ by is then what the prior
    makes of their contact, and not how noise happens to lie on them.

    Parameters
    ----------
    priors : sequence of Prior
        Bound to each part.
    whole : Prior
        Bound to the complex.
    x : Tensor, shape (pose, N, 4, 3)
        In angstrom.
    groups : sequence of Tensor of int64
        Residues of each part, in order; together all residues, each once.
    settings : EnergySettings

    Returns
    -------
    Energy
        By residue of the complex.

    Raises
    ------
    ValueError
        If the groups are not a partition of the residues.
    """
    together = torch.cat(list(groups))
    if not torch.equal(together.sort().values, torch.arange(x.shape[1])):
        raise ValueError("the parts hold each residue of the complex once")
    turns = torch.empty(len(x), x.shape[1], 3, 3, dtype=x.dtype, device=x.device)
    for rows in groups:
        turns[:, rows] = _turns_of(x[:, rows, :3].flatten(1, 2))[:, None].to(turns)
    settings = replace(settings, settle=0.0)
    in_turn = settings.in_turn and whole.sees_known and settings.method == "denoising"
    each, error = torch.zeros_like(x[:, :, 0, 0]), torch.zeros_like(x[:, 0, 0, 0])
    if not in_turn:
        each, one = contributions(whole, x, settings, turns=turns)
        # that of R is that of its parts, unless it ties them together
        each = each + (WhitenedPrior(whole).log_volume - _volume(priors)) / x.shape[1]
        error = one.square()
    for prior, rows in zip(priors, groups, strict=True):
        own, turn = x[:, rows], turns[:, rows]
        if not settings.placed and _rigid(own, turn):  # poses of one structure, whose noise turns with it
            own, turn = own[:1], turn[:1]
        part = Part(rows, x.shape[1], (x if settings.placed else own).mean((1, 2)))
        alone, one = contributions(prior, own, settings, part=part, turns=turn)
        error = error + one.square()
        if in_turn:
            others = torch.ones(x.shape[1], dtype=torch.bool, device=x.device)
            others[rows] = False
            given, one = contributions(whole, x, settings, turns=turns, beside=others)
            each[:, rows] = given[:, rows]
            error = error + one.square()
        each[:, rows] -= alone
    scale = 0.5 if in_turn else 1.0
    return Energy(scale * each, scale * error.sqrt())


def _rigid(x: Tensor, turns: Tensor) -> bool:
    """Whether structures (pose, N, 4, 3) are the first one, turned so (pose, N, 3, 3) and shifted."""
    about = x - x.mean((1, 2), keepdim=True)
    back = torch.einsum("snji,snaj->snai", turns, about)
    return bool((back - back[:1]).abs().max() < _SAME)


def _volume(priors: Sequence[Prior]) -> float:
    return sum(WhitenedPrior(prior).log_volume for prior in priors)


def _turns_of(points: Tensor) -> Tensor:
    """Rotations (pose, 3, 3) that bring the first of these sets of points (pose, M, 3) onto each.

    N, CA and C of a single residue do: three points that are not on a line.
    """
    about = (points - points.mean(1, keepdim=True)).double().cpu().numpy()
    found = [Rotation.align_vectors(one, about[0])[0].as_matrix() for one in about]
    return torch.from_numpy(np.stack(found))
