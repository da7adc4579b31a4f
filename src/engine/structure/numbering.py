"""Residue numbers for residues that the model did not have, next to those that the user gave."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Number", "number_chain"]

Number = tuple[int, str]
"""Residue number and insertion code (empty string for none)."""

_CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def number_chain(given: Sequence[Number | None], taken: frozenset[Number] | set[Number] = frozenset()) -> list[Number]:
    """Give numbers to the residues of one chain that have none, leaving the given ones alone.

    Residues before the first given number count down from it, those after a given number count up from it,
    so the numbers follow the user's offset. Where the next given number leaves no room, the residue before
    the gap (or, while there is room, the last number before the next) gets insertion codes A to Z, a to z,
    0 to 9; beyond 62 of those, numbers continue after the next full thousand above all others in the chain.
    A chain without any given number counts from 1.

    Parameters
    ----------
    given : sequence of (int, str) or None
        The user's numbers in chain order; None where a residue is new.
    taken : set of (int, str)
        Numbers in use in this chain for other things (ligands, waters).

    Returns
    -------
    list of (int, str)
        One distinct number per residue (given numbers are returned as they are, even if they repeat).
    """
    used = {number for number in given if number is not None} | set(taken)
    result: list[Number | None] = list(given)
    known = [i for i, number in enumerate(given) if number is not None]
    highest = max((number for number, _ in used), default=0)
    spill = _Spill((highest // 1000 + 1) * 1000)
    if not known:
        for i in range(len(result)):
            result[i] = _free(i + 1, used, spill)
        return [number for number in result if number is not None]
    first = result[known[0]]
    assert first is not None
    for i in range(known[0] - 1, -1, -1):
        result[i] = _free(first[0] - (known[0] - i), used, spill)
    for here, following in zip(known, [*known[1:], len(result)], strict=True):
        start = result[here]
        assert start is not None
        after = result[following] if following < len(result) else None
        # The numbers strictly between the two neighbours; without a following number there is no end.
        room = following - here - 1 if after is None else max(0, after[0] - start[0] - 1)
        for step in range(1, following - here):
            result[here + step] = _free(start[0] + min(step, room), used, spill)
    return [number for number in result if number is not None]


class _Spill:
    """Numbers after all others, for gaps that even insertion codes cannot fill."""

    def __init__(self, last: int) -> None:
        self.last = last

    def next(self) -> int:
        """Return the next such number."""
        self.last += 1
        return self.last


def _free(number: int, used: set[Number], spill: _Spill) -> Number:
    """Return the number, with the first free insertion code if it is in use; it is then in use too."""
    for code in ("", *_CODES):
        if (number, code) not in used:
            used.add((number, code))
            return (number, code)
    choice = (spill.next(), "")
    used.add(choice)
    return choice
