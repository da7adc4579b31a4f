"""Residues named by the user: ``A:12``, ``A:12-40``, or a whole chain ``A``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError

__all__ = ["chains_named", "select_residues"]

_ITEM = re.compile(r"(?P<chain>[^\s:]+)(:(?P<first>-?\d+)(?P<icode>[A-Za-z]?)(-(?P<last>-?\d+)(?P<end>[A-Za-z]?))?)?")
_AFTER_ALL = "\uffff"


def select_residues(items: Sequence[str], labels: Sequence[tuple[str, int, str]]) -> NDArray[np.bool_]:
    """Residues that are named by any of ``items``, shape (N,).

    Parameters
    ----------
    items : sequence of str
        A range includes both ends, and all insertion codes in between and at an end given without one.
    labels : sequence of (str, int, str)
        Chain name, number and insertion code of each residue.

    Raises
    ------
    InputError
        If an item is not understood or names no residue.
    """
    chosen = np.zeros(len(labels), dtype=bool)
    chains = list(dict.fromkeys(chain for chain, _, _ in labels))
    for item in items:
        match = _ITEM.fullmatch(item)
        if match is None:
            raise InputError(f"'{item}' does not name residues; write A:12, A:12-40, or A for a whole chain.")
        chain = match["chain"]
        if chain not in chains:
            raise InputError(f"'{item}' names a chain that the job does not have; its chains are {', '.join(chains)}.")
        low, high = _ends(match)
        named = [c == chain and low <= (number, code.strip()) <= high for c, number, code in labels]
        if not any(named):
            raise InputError(f"Chain {chain} has no residues '{item}'; check the numbering.")
        chosen |= named
    return chosen


def chains_named(items: Sequence[str]) -> tuple[str, ...]:
    """Chains of residues that are written as for `select_residues`, each once."""
    return tuple(dict.fromkeys(item.split(":", 1)[0] for item in items))


def _ends(match: re.Match[str]) -> tuple[tuple[float, str], tuple[float, str]]:
    if match["first"] is None:
        return (-np.inf, ""), (np.inf, "")
    first = int(match["first"]), match["icode"]
    if match["last"] is None:
        return first, first
    return first, (int(match["last"]), match["end"] or _AFTER_ALL)
