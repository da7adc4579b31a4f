"""How far local correlations of a map and a right model differ by chance."""

from __future__ import annotations

import math

from ..density.score import mask_radius

__all__ = ["by_chance", "caution"]

_LENGTH = 2.5
"""Angstrom from N to O, along the backbone of a residue."""
_RISE = 2.0
"""Angstrom that a residue adds to a chain: 1.5 in a helix, 3.3 in a strand."""

_CLEAR = 4.0
"""Angstrom up to which no more is asked for. Chosen on validation chains in simulated maps: what is bent into them
comes to be off by 0.6 A at 4 A, by 0.7 to 1.2 A at 6 A and by 0.8 to 1.9 A at 8 A, wherever it began; and parts that
are right were taken for contradicted in a tenth to a third of the models up to 5 A, in most of them in noisy maps at 6
and 8 A."""


def caution(resolution: float) -> float:
    """How many times surer one has to be of a gain in fit before what was given is changed: more in coarse maps.

    Parameters
    ----------
    resolution : float
        In angstrom.
    """
    return max(1.0, resolution / _CLEAR)


def by_chance(typical: float, resolution: float, residues: int) -> float:
    r"""Standard deviation of the local correlation of what is right, averaged over residues in a row.

    A correlation r over n independent values varies by

    .. math:: (1 - r^2) / \sqrt n

    (Fisher 1915, for many values). Values of a map are taken for independent beyond half of its resolution: in the
    volume by which a residue is judged, and along the chain. In clear maps that is a few hundredths, and of no
    account; in noisy ones, and at low resolution, it is most of what residues differ by.

    Parameters
    ----------
    typical : float
        Local correlation of what is right in this map.
    resolution : float
        In angstrom.
    residues : int
    """
    radius, apart = mask_radius(resolution), 0.5 * resolution
    volume = 4.0 / 3.0 * math.pi * radius**3 + math.pi * radius**2 * _LENGTH
    independent = max(1.0, volume / apart**3) * max(1.0, residues / max(1.0, apart / _RISE))
    return (1.0 - typical**2) / math.sqrt(independent)
