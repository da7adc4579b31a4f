"""Which residue of one model is which of another: by chain and number, else by sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .atoms import Address
from .attributes import CONFIDENCE_ATTRIBUTE
from .part import ModelPart, residue_address

if TYPE_CHECKING:
    from chimerax.atomic import Atom, Chain, Residue

__all__ = ["ChainTrace", "Pairing", "error_curve", "pair_traces", "read_traces", "superpose"]

Array = NDArray[np.float64]

_SAME_NAMES = 0.5
_SAME_LETTERS = 0.5


@dataclass(frozen=True, eq=False)
class ChainTrace:
    """CA atoms of a protein chain.

    Parameters
    ----------
    chain_id : str
    length : int
        Residues of its sequence, with and without structure; of a part, those named and missing ones between them.
    numbers : tuple of (int, str)
        Number and insertion code.
    letters : str
    ca : ndarray, shape (n, 3)
        Scene coordinates in angstrom.
    confidence : ndarray, shape (n,)
    """

    chain_id: str
    length: int
    numbers: tuple[tuple[int, str], ...]
    letters: str
    ca: Array
    confidence: Array


@dataclass(frozen=True, eq=False)
class Pairing:
    """Residues that two models have in common.

    Parameters
    ----------
    first, second : ndarray, shape (n, 3)
        Their CA atoms.
    confidence : ndarray, shape (n,)
        That of the first model's residues.
    total : int
        Residues of the second model's chains.
    chains : tuple of (str, str)
        Chains paired.
    residues : tuple of str
        Specifiers of the second model's residues, such as ``/A:45``.
    """

    first: Array
    second: Array
    confidence: Array
    total: int
    chains: tuple[tuple[str, str], ...]
    residues: tuple[str, ...]


def read_traces(part: ModelPart) -> list[ChainTrace]:
    """CA atoms of the protein chains of an open model, or of a part of it."""
    from chimerax.atomic import Residue
    from chimerax.atomic import Sequence as AtomicSequence

    traces = []
    wanted = part.addresses()
    for chain in part.model.chains:
        if chain.polymer_type != Residue.PT_AMINO:
            continue
        chosen = [r for r in chain.existing_residues if wanted is None or residue_address(r) in wanted]
        pairs = [(r, r.find_atom("CA")) for r in chosen]
        shown = [(r, atom) for r, atom in pairs if atom is not None]
        if shown:
            traces.append(
                ChainTrace(
                    chain.chain_id,
                    chain.num_residues if len(chosen) == chain.num_existing_residues else _length(chain, wanted),
                    tuple(residue_address(r)[1:] for r, _ in shown),
                    "".join(AtomicSequence.rname3to1(r.name) for r, _ in shown),
                    np.array([atom.scene_coord for _, atom in shown], dtype=np.float64),
                    _confidence(shown),
                )
            )
    return traces


def _confidence(shown: Sequence[tuple[Residue, Atom]]) -> Array:
    """Confidence of residues, by their attribute; of models without one by the B-factor of the CA."""
    stated = [getattr(residue, CONFIDENCE_ATTRIBUTE, None) for residue, _ in shown]
    if all(value is None for value in stated):
        return np.array([atom.bfactor for _, atom in shown], dtype=np.float64)
    return np.array([0.0 if value is None else value for value in stated], dtype=np.float64)


def _length(chain: Chain, wanted: frozenset[Address] | None) -> int:
    """Residues of a chain that are wanted, and missing ones with wanted ones on both sides."""
    count, gap, inside = 0, 0, False
    for residue in chain.residues:
        if residue is None:
            gap += 1
            continue
        named = wanted is None or residue_address(residue) in wanted
        count += named * (1 + gap * inside)
        gap, inside = 0, named
    return count


def pair_traces(first: Sequence[ChainTrace], second: Sequence[ChainTrace]) -> Pairing:
    """Pair chains of the same name whose residues correspond by number, and the others by sequence.

    Of several candidates the one with most residues in common counts; each chain is used once.
    """
    rows: list[tuple[ChainTrace, ChainTrace, list[tuple[int, int]]]] = []
    free = list(second)
    for one in first:
        options = [(two, _correspondence(one, two)) for two in free]
        options = [(two, rows_) for two, rows_ in options if rows_]
        if not options:
            continue
        best = max(options, key=lambda item: (item[0].chain_id == one.chain_id, len(item[1])))
        free = [trace for trace in free if trace is not best[0]]
        rows.append((one, *best))
    if not rows:
        empty = np.zeros((0, 3))
        return Pairing(empty, empty, np.zeros(0), sum(t.length for t in second), (), ())
    return Pairing(
        np.concatenate([one.ca[[i for i, _ in pairs]] for one, _, pairs in rows]),
        np.concatenate([two.ca[[j for _, j in pairs]] for _, two, pairs in rows]),
        np.concatenate([one.confidence[[i for i, _ in pairs]] for one, _, pairs in rows]),
        sum(trace.length for trace in second),
        tuple((one.chain_id, two.chain_id) for one, two, _ in rows),
        tuple(f"/{two.chain_id}:{two.numbers[j][0]}{two.numbers[j][1]}" for _, two, pairs in rows for _, j in pairs),
    )


def _correspondence(one: ChainTrace, two: ChainTrace) -> list[tuple[int, int]]:
    """Rows of the same residue in two chains; empty if the chains are different proteins."""
    place = {number: j for j, number in enumerate(two.numbers)}
    by_number = [(i, place[number]) for i, number in enumerate(one.numbers) if number in place]
    shorter = min(len(one.numbers), len(two.numbers))
    alike = sum(one.letters[i] == two.letters[j] for i, j in by_number)
    if len(by_number) >= _SAME_NAMES * shorter and alike >= 0.8 * len(by_number):
        return by_number
    matcher = SequenceMatcher(None, one.letters, two.letters, autojunk=False)
    by_letters = [(a + k, b + k) for a, b, size in matcher.get_matching_blocks() if size >= 3 for k in range(size)]
    return by_letters if len(by_letters) >= max(3, _SAME_LETTERS * shorter) else []


def superpose(moving: Array, fixed: Array) -> Array:
    """``moving`` (n, 3) turned and shifted onto ``fixed`` with the least RMSD (Kabsch)."""
    a, b = moving - moving.mean(axis=0), fixed - fixed.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(u @ vt))
    rotation = u @ np.diag([1.0, 1.0, sign]) @ vt
    result: Array = a @ rotation + fixed.mean(axis=0)
    return result


def error_curve(errors: Array, ranking: Array, total: int) -> tuple[Array, Array]:
    """RMSD of the k highest ranked residues against completeness k / total.

    Returns
    -------
    completeness, rmsd : ndarray, shape (n,)
        ``rmsd_k = sqrt(1/k sum of the k squared errors)``.
    """
    order = np.argsort(-ranking, kind="stable")
    kept = np.arange(1, len(errors) + 1)
    return kept / max(total, 1), np.sqrt(np.cumsum(errors[order] ** 2) / kept)
