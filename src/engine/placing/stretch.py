"""Jobs on stretches: the chosen residues are built anew, and nothing else of their chains is touched."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from .part_of_target import part_of_target
from .report import ChainPlacement, UnmodelledSegment
from .target import Target

__all__ = ["only_stretches", "outside", "own_addresses", "stretches"]


def own_addresses(structure: gemmi.Structure, target: Target) -> list[tuple[str, int, str]]:
    """Chain, number and insertion code by which the user knows each residue of a job.

    They are those of the model where it shows the residue, and those of the result for residues to be built:
    joining fragments may give residues other numbers in the result.
    """
    addresses = list(target.labels)
    for row, source in enumerate(target.sources):
        if source is not None:
            chain = structure[0][source.chain]
            seqid = chain[source.residue].seqid
            addresses[row] = (chain.name, seqid.num or 0, seqid.icode.strip())
    return addresses


def stretches(target: Target, named: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Residues to build anew, shape (N,): those named, and missing ones between two of them."""
    shown = np.array([source is not None for source in target.sources])
    chosen = named.copy()
    for first, after in _gaps(shown, target.polymer.chain_index):
        chosen[first:after] |= named[first - 1] and named[after]
    return chosen


def outside(target: Target, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Residues, shape (N,), that the model shows in chains with chosen ones, and which are not chosen."""
    shown = np.array([source is not None for source in target.sources])
    return shown & ~chosen & _in_chains_of(target, chosen)


def only_stretches(
    target: Target, chosen: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> tuple[Target, NDArray[np.bool_]]:
    """Target in which the chosen residues are unknown, without the other missing residues of their chains.

    Parameters
    ----------
    target : Target
        Of n residues.
    chosen, kept : ndarray of bool, shape (n,)
        Residues to build anew, and those that stay where they are.

    Returns
    -------
    Target
        Of N <= n residues.
    kept : ndarray of bool, shape (N,)

    Raises
    ------
    InputError
        If nothing would remain known.
    """
    shown = np.array([source is not None for source in target.sources])
    rows = np.flatnonzero(shown | chosen | ~_in_chains_of(target, chosen))
    known = target.known & ~chosen[:, None]
    if not known[rows].any():
        raise InputError("Nothing would remain known if all these residues were rebuilt; choose fewer of them.")
    free = replace(
        target,
        xyz=np.where(known[..., None], target.xyz, np.nan),
        known=known,
        report=replace(target.report, chains=tuple(_chain_reports(target, rows, chosen, known))),
        lddt=None if target.lddt is None else np.where(known[:, 1], target.lddt, np.nan),
    )
    return part_of_target(free, rows), kept[rows]


def _in_chains_of(target: Target, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    chain_index = target.polymer.chain_index
    return np.isin(chain_index, np.unique(chain_index[chosen]))


def _gaps(shown: NDArray[np.bool_], chain_index: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Runs of missing residues that have residues of their chain on both sides: first row, and row after."""
    rows = np.flatnonzero(shown)
    pairs = zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True)
    return [(a + 1, b) for a, b in pairs if b > a + 1 and chain_index[a] == chain_index[b]]


def _chain_reports(
    target: Target, rows: NDArray[np.int64], chosen: NDArray[np.bool_], known: NDArray[np.bool_]
) -> list[ChainPlacement]:
    """Reports of the chains, for the residues that remain."""
    result = []
    for index, placement in enumerate(target.report.chains):
        chain = np.flatnonzero(target.polymer.chain_index == index)
        own = rows[target.polymer.chain_index[rows] == index]
        anew = chain[chosen[chain]]
        if not len(anew):
            result.append(placement)
            continue
        missing = np.array([row for row in own.tolist() if target.sources[row] is None], np.int64)
        runs = np.split(missing, np.flatnonzero(np.diff(missing) != 1) + 1) if len(missing) else []
        ends = [_number(target, int(row)) for row in (anew[0], anew[-1])]
        note = (
            f"{len(anew)} residues ({ends[0]} to {ends[1]}) are built anew; everything else stays as it is, and "
            "gaps elsewhere stay open"
        )
        result.append(
            replace(
                placement,
                length=len(own),
                known=int(known[own, :3].all(axis=-1).sum()),
                unmodelled=tuple(
                    UnmodelledSegment(
                        _number(target, int(run[0])),
                        _number(target, int(run[-1])),
                        len(run),
                        int(np.searchsorted(own, run[0])),
                    )
                    for run in runs
                ),
                notes=(note, *placement.notes),
            )
        )
    return result


def _number(target: Target, row: int) -> str:
    _, number, code = target.labels[row]
    return f"{number}{code}"
