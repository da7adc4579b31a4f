"""Placing the residues of a model on a sequence, gaps falling where the chain is broken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..structure.observed import ObservedChain
from ..structure.polymer import UNKNOWN

__all__ = ["Alignment", "align_chain", "chance_log10", "comparable_codes"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MATCH, MISMATCH = 3.0, -2.0
BONDED_GAP, BONDED_HINT_GAP = -30.0, -15.0
BREAK_GAP, BREAK_CLOSED, GAP_PER_RESIDUE = -2.0, -1.0, -0.01
TOO_SHORT = -6.0
OFF_OPEN_BONDED, OFF_OPEN_BREAK, OFF_PER_RESIDUE = -20.0, -4.0, -2.0
NUMBER_BONUS = 0.25

CA_STEP = 3.9  # angstrom per residue of a fully extended chain
STEP_TOLERANCE = 2.0  # angstrom of slack, for errors of the model
_CHANCE_MATCH = 0.08  # probability that two unrelated residues are of one type


@dataclass(frozen=True)
class Alignment:
    """Where each residue of a chain stands on a sequence.

    Parameters
    ----------
    positions : ndarray of int64, shape (n,)
        0-based sequence positions, increasing; -1 for residues that are not on the sequence.
    score : float
        Higher is better; see `align_chain`.
    matches, typed : int
        Placed residues of the same type as the sequence, and placed residues whose type is known on both.
    log10_chance : float
        log10 of the number of placements at least as good expected in an unrelated sequence.
    """

    positions: Ints
    score: float
    matches: int
    typed: int
    log10_chance: float

    @property
    def placed(self) -> int:
        """Number of residues placed."""
        return int((self.positions >= 0).sum())

    @property
    def identity(self) -> float:
        """Fraction of the typed residues that match; 0 without typed residues."""
        return self.matches / self.typed if self.typed else 0.0


def comparable_codes(chain: ObservedChain) -> str:
    """Residue codes that carry evidence: stretches built as poly-alanine or poly-glycine become ``X``.

    Between two breaks, at least six residues of which 80 % are alanine (or glycine, or unknown) tell nothing
    about the sequence. Rare types are compared as their common relatives (U as C, O as K).
    """
    codes = list(chain.codes.translate(str.maketrans("UO", "CK")))
    bounds = [0, *(np.flatnonzero(~chain.bonded) + 1).tolist(), len(codes)]
    for start, end in pairwise(bounds):
        stretch = codes[start:end]
        for filler in "AG":
            plain = [code in (filler, UNKNOWN) for code in stretch]
            if len(stretch) >= 6 and sum(plain) >= 0.8 * len(stretch):
                codes[start:end] = [UNKNOWN if p else code for code, p in zip(stretch, plain, strict=True)]
    return "".join(codes)


def align_chain(chain: ObservedChain, sequence: str, numbers: Ints | None = None) -> Alignment:
    """Global placement of a chain on a sequence by dynamic programming (affine, Needleman-Wunsch style).

    Maximises the sum of type scores (match 3, mismatch -2, unknown 0) and link scores. A link between two
    successive residues that are bonded costs nothing when they are neighbours on the sequence and 30
    otherwise (15 if the residue numbers ask for that gap). Across a break, the gap that the numbers ask for
    is free, any other costs 2, none at all 1, and gaps too short to span the CA-CA distance 6 more.
    Residues may stay off the sequence for 2 each plus 4 (at a break) or 20. Residues numbered by sequence
    position get a bonus of 0.25. Time and memory are proportional to n L.

    Afterwards, pieces between two breaks that were left off although the neighbours leave just their letters open
    are put there, and stretches of at least eight typed residues that match less than a quarter and whose numbers
    disagree with the rest of the chain are taken off the sequence again.

    Parameters
    ----------
    chain : ObservedChain
        The n residues, in file order.
    sequence : str
        L one-letter codes.
    numbers : ndarray of int64, shape (n,), optional
        Numbers to use as a hint; the chain's residue numbers by default.

    Returns
    -------
    Alignment
        The best placement.
    """
    codes = comparable_codes(chain)
    target = sequence.translate(str.maketrans("UO", "CK"))
    if numbers is None:
        numbers = np.array([number for number, _ in chain.numbers], dtype=np.int64)
    scores = _type_scores(codes, target)
    scores += NUMBER_BONUS * (numbers[:, None] - 1 == np.arange(len(target))[None, :])
    positions, score = _best_path(scores, chain, numbers)
    positions = _with_islands(positions, codes, target)
    positions = _without_misfits(positions, codes, target, chain, numbers)
    return _summarise(positions, score, codes, target, chain, numbers)


def _type_scores(codes: str, target: str) -> Floats:
    """Table (n, L) of match, mismatch and unknown scores."""
    a = np.frombuffer(codes.encode("ascii"), dtype=np.uint8)[:, None]
    b = np.frombuffer(target.encode("ascii"), dtype=np.uint8)[None, :]
    unknown = (a == ord(UNKNOWN)) | (b == ord(UNKNOWN))
    return np.where(unknown, 0.0, np.where(a == b, MATCH, MISMATCH))


@dataclass(frozen=True)
class _Link:
    """Costs of the step from one residue to the next."""

    closed: float
    gap: float
    hinted: int  # residues missing according to the numbers, -1 without a hint
    hint: float
    shortest: int  # residues missing at least, from the distance
    off: float


def _links(chain: ObservedChain, numbers: Ints) -> list[_Link]:
    bonded, distance, step = chain.bonded, chain.ca_steps, np.diff(numbers)
    links = []
    for i in range(len(chain) - 1):
        hinted = int(step[i]) - 1 if step[i] >= 1 else -1
        if bonded[i]:
            links.append(_Link(0.0, BONDED_GAP, hinted, BONDED_HINT_GAP, 0, OFF_OPEN_BONDED))
            continue
        reach = distance[i] - STEP_TOLERANCE if np.isfinite(distance[i]) else 0.0
        shortest = max(0, math.ceil(reach / CA_STEP) - 1)
        closed = BREAK_CLOSED + (TOO_SHORT if shortest else 0.0)
        hint = TOO_SHORT if 0 <= hinted < shortest else 0.0
        links.append(_Link(closed, BREAK_GAP, hinted, hint, shortest, OFF_OPEN_BREAK))
    return links


def _best_path(scores: Floats, chain: ObservedChain, numbers: Ints) -> tuple[Ints, float]:
    """Dynamic programme over P[i, j] (residue i at position j) and U[i, k] (i off, k positions used up)."""
    n, length = scores.shape
    links = _links(chain, numbers)
    # Pointers: previous state as +(j + 1) for P[i-1, j], -(k + 1) for U[i-1, k], 0 for the start.
    from_p = np.zeros((n, length), dtype=np.int32)
    from_u = np.zeros((n, length + 1), dtype=np.int32)
    p = scores[0].copy()
    u = np.full(length + 1, OFF_OPEN_BREAK + OFF_PER_RESIDUE - 2.0)
    for i in range(1, n):
        link = links[i - 1]
        new_p, from_p[i] = _place(p, u, link)
        opened = np.concatenate([[-np.inf], p]) + link.off
        stay = u >= opened
        from_u[i] = np.where(stay, -np.arange(1, length + 2), np.arange(length + 1))
        u = np.maximum(u, opened) + OFF_PER_RESIDUE
        p = new_p + scores[i]
    j, k = int(np.argmax(p)), int(np.argmax(u))
    positions = np.full(n, -1, dtype=np.int64)
    state, score = (j + 1, float(p[j])) if p[j] >= u[k] else (-(k + 1), float(u[k]))
    for i in range(n - 1, -1, -1):
        if state > 0:
            positions[i] = state - 1
            state = int(from_p[i, state - 1])
        else:
            state = int(from_u[i, -state - 1])
    return positions, score


def _place(p: Floats, u: Floats, link: _Link) -> tuple[Floats, NDArray[np.int32]]:
    """Best way to reach each position from the row before, with pointers."""
    length = len(p)
    best = np.full(length, -np.inf)
    origin = np.zeros(length, dtype=np.int32)
    index = np.arange(length)

    def offer(values: Floats, sources: NDArray[np.integer], first: int) -> None:
        """Compare candidates for positions ``first`` onwards with the best so far."""
        room = length - first
        if room <= 0:
            return
        better = values[:room] > best[first:]
        best[first:] = np.where(better, values[:room], best[first:])
        origin[first:] = np.where(better, sources[:room], origin[first:])

    offer(p + link.closed, index + 1, 1)
    if link.hinted >= 1:
        offer(p + link.hint, index + 1, 1 + link.hinted)
    elif link.hinted == 0 and link.hint > link.closed:
        offer(p + link.hint, index + 1, 1)
    top, where = _running_best(p)
    if link.shortest > 1:
        offer(top + GAP_PER_RESIDUE * index + link.gap + TOO_SHORT, where + 1, 2)
    feasible = max(2, 1 + link.shortest)
    offer(top + GAP_PER_RESIDUE * index + link.gap, where + 1, feasible)
    # Back from residues off the sequence: k positions are used up, so position k comes next.
    offer(u[:length].copy(), -(index + 1), 0)
    top, where = _running_best(u[:length])
    offer(top + GAP_PER_RESIDUE * index + link.gap, -(where + 1), 1)
    return best, origin


def _running_best(values: Floats) -> tuple[Floats, Ints]:
    """Best value up to each index, less the price of the distance (taken back by the caller), and where."""
    index = np.arange(len(values))
    shifted = values - GAP_PER_RESIDUE * index
    top = np.maximum.accumulate(shifted)
    where = np.maximum.accumulate(np.where(shifted == top, index, 0))
    return top, where


def _with_islands(positions: Ints, codes: str, target: str) -> Ints:
    """Place pieces left off that fill what their neighbours on the sequence leave open, letter by letter.

    Two breaks that the sequence does not know of cost a short piece more than its letters are worth.
    """
    result: Ints = positions.copy()
    for run in np.split(np.arange(len(positions)), np.flatnonzero(np.diff(positions < 0)) + 1):
        first, after = int(run[0]), int(run[-1]) + 1
        if positions[first] >= 0 or first == 0 or after == len(positions):
            continue
        start, end = int(positions[first - 1]) + 1, int(positions[after])
        fits = end - start == len(run) and all(
            a in (b, UNKNOWN) or b == UNKNOWN for a, b in zip(codes[first:after], target[start:end], strict=True)
        )
        if fits:
            result[run] = np.arange(start, end)
    return result


def _without_misfits(positions: Ints, codes: str, target: str, chain: ObservedChain, numbers: Ints) -> Ints:
    """Take stretches off the sequence that match nothing and that the numbers do not support."""
    placed = positions >= 0
    good = placed & np.array([p >= 0 and codes[i] == target[p] for i, p in enumerate(positions)])
    if not good.any():
        return positions
    offset = int(np.median(numbers[good] - positions[good]))
    result: Ints = positions.copy()
    bounds = [0, *(np.flatnonzero(~chain.bonded) + 1).tolist(), len(codes)]
    for start, end in pairwise(bounds):
        rows = [i for i in range(start, end) if positions[i] >= 0]
        typed = [i for i in rows if UNKNOWN not in (codes[i], target[positions[i]])]
        matches = sum(bool(good[i]) for i in typed)
        supported = all(numbers[i] - positions[i] == offset for i in rows)
        if len(typed) >= 8 and matches < 0.25 * len(typed) and not supported:
            result[rows] = -1
    return result


def _summarise(
    positions: Ints, score: float, codes: str, target: str, chain: ObservedChain, numbers: Ints
) -> Alignment:
    rows = np.flatnonzero(positions >= 0)
    pairs = [(codes[i], target[positions[i]]) for i in rows]
    typed = sum(UNKNOWN not in pair for pair in pairs)
    matches = sum(a == b != UNKNOWN for a, b in pairs)
    by_number = len(rows) > 0 and bool((numbers[rows] - 1 == positions[rows]).all())
    # Each stretch between breaks may choose its place, in order: binomial(L + s, s) ways. Numbers that equal
    # positions leave no choice.
    s, length = 1 + int((~chain.bonded).sum()), len(target)
    ways = math.lgamma(length + s + 1) - math.lgamma(s + 1) - math.lgamma(length + 1)
    choices = 0.0 if by_number else ways / math.log(10)
    return Alignment(positions, score, matches, typed, choices + chance_log10(matches, typed))


def chance_log10(matches: int, typed: int, probability: float = _CHANCE_MATCH) -> float:
    """log10 of the binomial tail P(at least ``matches`` of ``typed`` residues agree by chance).

    Parameters
    ----------
    matches, typed : int
        Agreeing residues and residues compared.
    probability : float
        Chance that two unrelated residues agree.

    Returns
    -------
    float
        0 where no match is needed, negative otherwise.
    """
    if matches <= 0:
        return 0.0
    logs = [
        math.lgamma(typed + 1)
        - math.lgamma(k + 1)
        - math.lgamma(typed - k + 1)
        + k * math.log(probability)
        + (typed - k) * math.log1p(-probability)
        for k in range(matches, typed + 1)
    ]
    top = max(logs)
    return min(0.0, (top + math.log(sum(math.exp(value - top) for value in logs))) / math.log(10))
