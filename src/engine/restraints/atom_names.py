"""From the atom names of restraint files to backbone atoms: wildcards, pseudo-atoms, old names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from ..structure.atom_aliases import standard_name
from ..structure.residues import three_letter
from .reach import Reach, known_atoms
from .restraint import Wildcards

__all__ = ["Anchor", "anchors"]

_DIGITS = "[0-9]+"


@dataclass(frozen=True)
class Anchor:
    """A backbone atom that stands for one or several named atoms.

    Parameters
    ----------
    atom : int
        0 to 3 for N, CA, C, O; 4 for the ideal CB.
    padding : float
        Largest distance in A from it to any of the named atoms.
    count : int
        Named atoms that act at once (3 for a methyl group), which the r^-6 sum adds up.
    """

    atom: int
    padding: float
    count: int


@lru_cache(maxsize=4096)
def anchors(residue: str, name: str, wildcards: Wildcards) -> tuple[Anchor, ...]:
    """Backbone atoms for an atom name of a residue type; empty if the name means nothing there.

    Understood, in this order: PDB names; CHARMM and old PDB names (``HN``, ``HT1``, ``HB1`` for ``HB3``,
    ``CD`` of isoleucine); pseudo-atoms ``Q...``, ``QQ...``, ``QR`` and ``M...``, which are one point
    among their protons; wildcards. In NEF ``%`` stands for digits, ``*`` for anything and a final ``x``
    or ``y`` (also before ``%``) for one of two digits whose assignment is open. In XPLOR ``%`` is one
    character, ``#`` digits, ``+`` one digit and ``*`` anything; ``%`` is read as digits where one
    character matches nothing.

    Parameters
    ----------
    residue : str
        One-letter code.
    name : str
        Upper case.
    wildcards : Wildcards
        Convention of the file.

    Returns
    -------
    tuple of Anchor
        One per backbone atom; several only for names that span parts of the residue, such as ``*``.
    """
    atoms = known_atoms(residue)
    exact = _exact(residue, name)
    if exact is not None:
        return (Anchor(exact.anchor, exact.distance, 1),)
    pseudo = _pseudo_pattern(name)
    if pseudo:
        return _grouped([(atom, reach) for atom, reach in atoms.items() if re.fullmatch(pseudo, atom)], 1)
    for pattern in _patterns(name, wildcards):
        fits = {atom: match for atom in atoms if (match := re.fullmatch(pattern, atom))}
        if fits:
            # Of the two groups that x and y may mean only one acts.
            branches = Counter(match.groups() for match in fits.values())
            return _grouped([(atom, atoms[atom]) for atom in fits], max(branches.values()))
    return ()


def _exact(residue: str, name: str) -> Reach | None:
    """Reach of an atom under its PDB name or an older one."""
    atoms = known_atoms(residue)
    if name in atoms:
        return atoms[name]
    other = standard_name(three_letter(residue), name)
    if other != name:
        return atoms.get(other)
    if name.endswith("1") and name[:-1] + "2" in atoms and name[:-1] + "3" in atoms:
        return atoms[name[:-1] + "3"]
    return None


def _pseudo_pattern(name: str) -> str | None:
    if name == "QR":
        return "H[DEZ][0-9]*"
    match = re.fullmatch(r"(?:QQ?|M)([ABGDEZH]?[0-9]?)", name)
    return f"H{match.group(1)}{_DIGITS}" if match else None


def _patterns(name: str, wildcards: Wildcards) -> list[str]:
    """Regular expressions to try in turn."""
    if wildcards is Wildcards.XPLOR:
        strict = {"%": ".", "#": _DIGITS, "+": "[0-9]", "*": ".*"}
        loose = {**strict, "%": _DIGITS}
        return ["".join(table.get(c, re.escape(c)) for c in name) for table in (strict, loose)]
    open_branch = re.fullmatch(r"(.+)[XY](%?)", name)
    if open_branch:
        name = f"{open_branch.group(1)}\0{open_branch.group(2)}"
    table = {"%": _DIGITS, "*": ".*", "\0": "([0-9])"}
    return ["".join(table.get(c, re.escape(c)) for c in name)]


def _grouped(matches: list[tuple[str, Reach]], at_once: int) -> tuple[Anchor, ...]:
    """One anchor per backbone atom, padded for the farthest of its atoms."""
    found: dict[int, list[float]] = {}
    for _, reach in matches:
        found.setdefault(reach.anchor, []).append(reach.distance)
    return tuple(Anchor(atom, max(distances), min(at_once, len(distances))) for atom, distances in found.items())
