"""Angles and torsions of atoms, and atoms placed by them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["angle", "distance", "place", "torsion", "turned"]

_LEAST = 1e-6
"""Lengths in angstrom below this have no direction."""


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Distances of points (..., 3) in angstrom, shape (...)."""
    length: Tensor = torch.linalg.vector_norm(b - a, dim=-1)
    return length


def angle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Angles a-b-c at b of points (..., 3) in radians, from 0 to pi, shape (...)."""
    u, v = a - b, c - b
    across = torch.linalg.vector_norm(torch.linalg.cross(u, v), dim=-1)
    return torch.atan2(across, (u * v).sum(-1))


def torsion(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Torsions a-b-c-d of points (..., 3) in radians, from -pi to pi, shape (...).

    Positive where d turns clockwise from a, seen along b to c (IUPAC 1970).
    """
    along = c - b
    n1, n2 = torch.linalg.cross(b - a, along), torch.linalg.cross(along, d - c)
    across = torch.linalg.vector_norm(along, dim=-1) * ((b - a) * n2).sum(-1)
    return torch.atan2(across, (n1 * n2).sum(-1))


def turned(torsions: Tensor, further: Tensor) -> Tensor:
    """Torsions as unit vectors (..., 2), cosine and sine, turned further by angles (...) in radians."""
    (cosine, sine), (c, s) = torsions.unbind(-1), (further.cos(), further.sin())
    return torch.stack([cosine * c - sine * s, sine * c + cosine * s], -1)


def place(a: Tensor, b: Tensor, c: Tensor, length: Tensor, bend: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Points x with given c-x, angle b-c-x and torsion a-b-c-x; the inverse of measuring them.

    Parameters
    ----------
    a, b, c : Tensor, shape (..., 3)
        In angstrom; not on one line.
    length : Tensor, shape (...)
        In angstrom.
    bend : Tensor, shape (...)
        Angle b-c-x in radians.
    cosine, sine : Tensor, shape (...)
        Of the torsion; a unit vector. Networks give both, so that there is no seam at 180 degrees.

    Returns
    -------
    Tensor, shape (..., 3)

    References
    ----------
    Parsons et al., J. Comput. Chem. 26, 1063 (2005): natural extension of reference frames.
    """
    forward = torch.nn.functional.normalize(c - b, dim=-1, eps=_LEAST)
    normal = torch.nn.functional.normalize(torch.linalg.cross(b - a, forward), dim=-1, eps=_LEAST)
    sideways = torch.linalg.cross(normal, forward)
    out = torch.sin(bend)
    direction = -torch.cos(bend)[..., None] * forward
    direction = direction + (out * cosine)[..., None] * sideways + (out * sine)[..., None] * normal
    placed: Tensor = c + length[..., None] * direction
    return placed
