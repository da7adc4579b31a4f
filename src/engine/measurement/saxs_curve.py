"""Small-angle scattering curves as files have them: momentum transfer, intensity and its standard deviation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..compression import open_plain
from ..contract.errors import InputError

__all__ = ["LARGEST_Q", "UNITS", "ScatteringCurve", "read_curve"]

LARGEST_Q = 0.5
"""1/angstrom up to which a curve is used. Beyond, 2 pi/q is the size of a residue (13 A), and beads that stand for
half of one no longer do."""
UNITS = ("A", "nm")
"""How the unit of q may be given: 1/angstrom or 1/nanometre."""

_LARGEST_FILE = 20_000_000
"""Bytes; curves have at most some thousand lines."""
_FEWEST = 20
"""Points that have to remain: five times the four numbers that are fitted to them."""
_BEYOND_ANGSTROM = 1.0
"""A curve that goes on beyond this q is in 1/nm: in 1/angstrom it would be wide-angle scattering, to 6 A."""
_ANGSTROM = re.compile(r"1\s*/\s*(Å|A\b|angstrom)|\b(Å|A|angstroms?)\s*\^?\s*[-\u2212]\s*1\b", re.IGNORECASE)
_NANOMETRE = re.compile(r"1\s*/\s*nm\b|\bnm\s*\^?\s*[-\u2212]\s*1\b", re.IGNORECASE)
_GUINIER = 1.3
"""q Rg up to which Guinier's law holds for globular particles (Guinier and Fournet, 1955)."""
_GUINIER_POINTS = 8
_GUINIER_ROUNDS = 10


@dataclass(frozen=True)
class ScatteringCurve:
    """A curve whose points are in order of q.

    Attributes
    ----------
    q : ndarray, shape (Q,)
        Momentum transfer 4 pi sin(theta)/lambda in 1/angstrom.
    intensity, sigma : ndarray, shape (Q,)
        In any unit; sigma is positive.
    notes : tuple of str
        What was assumed of the file or left out of it.
    """

    q: NDArray[np.float64]
    intensity: NDArray[np.float64]
    sigma: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    def guinier(self) -> tuple[float, float]:
        """Radius of gyration in angstrom and I(0), from ln I = ln I(0) - (q Rg)^2 / 3 at q Rg < 1.3.

        Where no point is that low, from the first points, which then gives too small a radius.
        """
        count = max(_GUINIER_POINTS, len(self.q) // 10)
        radius, origin = 0.0, float(self.intensity[:_GUINIER_POINTS].mean())
        for _ in range(_GUINIER_ROUNDS):
            used = np.arange(len(self.q)) < count
            used &= self.intensity > 0
            if used.sum() < 3:
                break
            weight = self.intensity[used] / self.sigma[used]
            slope, level = np.polyfit(self.q[used] ** 2, np.log(self.intensity[used]), 1, w=weight)
            radius, origin = float(np.sqrt(max(-3.0 * slope, 0.0))), float(np.exp(level))
            within = int((self.q * radius < _GUINIER).sum())
            if max(within, _GUINIER_POINTS) == count:
                break
            count = max(within, _GUINIER_POINTS)
        return radius, origin


def read_curve(path: str | Path, unit: str | None = None) -> ScatteringCurve:
    """Read a curve: lines of q, I and sigma, with any others among them.

    Columns are parted by blanks, commas or semicolons; further ones are ignored. The unit of q is the one given, else
    the one that the file's text names, else 1/nm if q exceeds 1, or 1/angstrom.

    Parameters
    ----------
    path : str or Path
        Also packed (see `open_plain`).
    unit : str, optional
        One of `UNITS`.

    Raises
    ------
    InputError
        If the file is no such curve.
    """
    path = Path(path)
    with open_plain(path) as opened:
        data = opened.stream.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE or b"\0" in data:
        raise InputError(f"{path.name} is no scattering curve: give a text file with columns q, I and sigma.")
    lines = data.decode("utf-8", errors="replace").splitlines()
    rows = [_numbers(line) for line in lines]
    told = "\n".join(line for line, row in zip(lines, rows, strict=True) if not row)
    table = [row for row in rows if len(row) >= 3]
    if not table:
        if any(len(row) == 2 for row in rows):
            raise InputError(f"{path.name} has no errors: give a scattering curve with three columns, q, I and sigma.")
        raise InputError(f"{path.name} holds no line of three numbers: give a scattering curve with q, I and sigma.")
    q, intensity, sigma = np.array([row[:3] for row in table]).T
    notes = []
    usable = (q > 0) & (sigma > 0) & np.isfinite(q + intensity + sigma)
    if not usable.any():
        raise InputError(f"{path.name} has no point with q and sigma above zero: check its columns, q, I and sigma.")
    if not usable.all():
        notes.append(f"{path.name}: {(~usable).sum()} points without a positive q and sigma are left out.")
    q, intensity, sigma = q[usable], intensity[usable], sigma[usable]
    scale, note = _unit(path.name, told, float(q.max()), unit)
    notes += [note] if note else []
    q = scale * q
    if (q > LARGEST_Q).any():
        notes.append(f"{path.name}: {(q > LARGEST_Q).sum()} points beyond q = {LARGEST_Q} 1/A are left out.")
    order = np.argsort(q, kind="stable")
    order = order[q[order] <= LARGEST_Q]
    if len(order) < _FEWEST:
        raise InputError(
            f"{path.name} has {len(order)} usable points with q up to {LARGEST_Q} 1/A, fewer than {_FEWEST}: check the "
            "unit of q (write 'nm' or 'A' after the file) and the columns."
        )
    if not (intensity[order][:_FEWEST].mean() > 0):
        raise InputError(f"{path.name} has no positive intensity at low q: give a curve with the buffer subtracted.")
    return ScatteringCurve(q[order], intensity[order], sigma[order], tuple(notes))


def _numbers(line: str) -> list[float]:
    """Numbers of a line of the table; none if it is text."""
    try:
        return [float(word) for word in re.split(r"[\s,;]+", line.strip()) if word]
    except ValueError:
        return []


def _unit(name: str, told: str, largest: float, unit: str | None) -> tuple[float, str]:
    """Factor to 1/angstrom, and what was assumed."""
    if unit is not None:
        return (0.1 if unit == "nm" else 1.0), ""
    if bool(_NANOMETRE.search(told)) != bool(_ANGSTROM.search(told)):
        return (0.1 if _NANOMETRE.search(told) else 1.0), ""
    found = "nm" if largest > _BEYOND_ANGSTROM else "A"
    return (0.1 if found == "nm" else 1.0), (
        f"{name}: q goes up to {largest:.3g} and is taken to be in 1/{found}; write "
        f"'{'A' if found == 'nm' else 'nm'}' after the file if it is not."
    )
