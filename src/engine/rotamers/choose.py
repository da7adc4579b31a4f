"""One candidate for each residue, so that the sum of their own and their pairwise energies is least."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose"]

Array = NDArray[np.float64]
Edges = dict[int, dict[int, Array]]

_LARGEST = 2_000_000
"""Entries of the largest table that exact elimination makes: 16 megabytes."""
_SWEEPS, _STARTS = 80, 4
"""Of the annealing that takes over where tables would be larger, and how often it starts."""
_TEMPERATURES = (6.0, 0.2)
"""Nats, the first and the last."""


def choose(own: list[Array], pairs: Mapping[tuple[int, int], Array], seed: int) -> NDArray[np.int64]:
    """Minimise ``sum_i own_i(c_i) + sum_ij pairs_ij(c_i, c_j)`` over the candidates c.

    Candidates that cannot be part of the optimum are struck out (Goldstein's criterion of dead ends); what is left is
    solved exactly, residue after residue being eliminated, those with the smallest tables first. Only where such a
    table would become too large, simulated annealing decides; it repeats with its seed.

    Parameters
    ----------
    own : list of ndarray, each of shape (K_i,)
        At least one candidate for each of the N residues.
    pairs : mapping of (i, j), i < j, to ndarray of shape (K_i, K_j)
    seed : int
        Of the annealing.

    Returns
    -------
    ndarray of int64, shape (N,)

    References
    ----------
    Goldstein, Biophys. J. 66, 1335 (1994); elimination as in Dechter, Artif. Intell. 113, 41 (1999).
    """
    left = [np.arange(len(each)) for each in own]
    unary = [np.array(each, np.float64) for each in own]
    edges: Edges = {i: {} for i in range(len(own))}
    for (i, j), table in pairs.items():
        if np.any(table):
            edges[i][j] = np.array(table, np.float64)
            edges[j][i] = edges[i][j].T
    _strike_out(unary, edges, left)
    chosen = np.zeros(len(own), np.int64)
    seen: set[int] = set()
    for start in range(len(own)):
        if start in seen:
            continue
        part = _component(start, edges)
        seen.update(part)
        solved = _eliminate(part, unary, edges)
        if solved is None:
            solved = _anneal(part, unary, edges, np.random.default_rng([seed, start]))
        for i, c in solved.items():
            chosen[i] = left[i][c]
    return chosen


def _strike_out(unary: list[Array], edges: Edges, left: list[NDArray[np.int64]]) -> None:
    """Remove candidates that another one of the residue beats whatever the neighbours do; in place."""
    for i in range(len(unary)):
        _settle(i, unary, edges)
    waiting = [i for i in range(len(unary)) if len(unary[i]) > 1]
    while waiting:
        changed: set[int] = set()
        for i in waiting:
            # for each pair of candidates r, t: the least that r costs more than t
            more = unary[i][:, None] - unary[i][None]
            for table in edges[i].values():
                more = more + (table[:, None] - table[None]).min(-1)
            beaten = more > 0
            keep = ~beaten.any(1)
            if keep.all():
                continue
            unary[i], left[i] = unary[i][keep], left[i][keep]
            for j in edges[i]:
                edges[i][j] = edges[i][j][keep]
                edges[j][i] = edges[i][j].T
            changed |= {i, *edges[i]}
        for i in changed:
            _settle(i, unary, edges)
        waiting = sorted(i for i in changed if len(unary[i]) > 1)


def _settle(i: int, unary: list[Array], edges: Edges) -> None:
    """Make what a decided residue says to its neighbours part of their own energies; in place."""
    if len(unary[i]) == 1:
        for j in list(edges[i]):
            unary[j] = unary[j] + edges[i][j][0]
            del edges[i][j], edges[j][i]


def _component(start: int, edges: Edges) -> list[int]:
    found, waiting = {start}, [start]
    while waiting:
        for j in edges[waiting.pop()]:
            if j not in found:
                found.add(j)
                waiting.append(j)
    return sorted(found)


def _eliminate(part: list[int], unary: list[Array], edges: Edges) -> dict[int, int] | None:
    """Exact minimum over connected residues; None if a table would be too large."""
    sizes = {i: len(unary[i]) for i in part}
    factors: list[tuple[tuple[int, ...], Array]] = [((i,), unary[i]) for i in part]
    factors += [((i, j), edges[i][j]) for i in part for j in edges[i] if i < j]
    decided: list[tuple[int, tuple[int, ...], NDArray[np.int64]]] = []
    remaining = set(part)
    while remaining:
        scopes: dict[int, set[int]] = {i: {i} for i in remaining}
        for scope, _ in factors:
            for i in scope:
                scopes[i] |= set(scope)
        cost = {i: int(np.prod([float(sizes[j]) for j in sorted(scopes[i])])) for i in sorted(remaining)}
        i = min(cost, key=lambda residue: (cost[residue], residue))
        if cost[i] > _LARGEST:
            return None
        axes = (i, *sorted(scopes[i] - {i}))
        table = np.zeros([sizes[j] for j in axes])
        for scope, values in factors:
            if i in scope:
                table = table + _spread(values, scope, axes)
        factors = [factor for factor in factors if i not in factor[0]]
        decided.append((i, axes[1:], table.argmin(0)))
        if axes[1:]:
            factors.append((axes[1:], table.min(0)))
        remaining.remove(i)
    chosen: dict[int, int] = {}
    for i, others, best in reversed(decided):
        chosen[i] = int(best[tuple(chosen[j] for j in others)])
    return chosen


def _spread(values: Array, scope: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """A table over ``scope`` with the axes of a table over ``axes``, of length one where it has none."""
    order = sorted(range(len(scope)), key=lambda k: axes.index(scope[k]))
    shape = [values.shape[scope.index(j)] if j in scope else 1 for j in axes]
    return values.transpose(order).reshape(shape)


def _anneal(part: list[int], unary: list[Array], edges: Edges, rng: np.random.Generator) -> dict[int, int]:
    """Simulated annealing by heat baths over connected residues; the best state that was seen."""
    state = {i: int(unary[i].argmin()) for i in part}

    def costs(i: int) -> Array:
        return unary[i] + sum((edges[i][j][:, state[j]] for j in edges[i]), np.zeros(len(unary[i])))

    def total() -> float:
        both = sum(edges[i][j][state[i], state[j]] for i in part for j in edges[i] if i < j)
        return float(sum(unary[i][state[i]] for i in part) + both)

    best, least = dict(state), total()
    for temperature in np.tile(np.geomspace(*_TEMPERATURES, _SWEEPS), _STARTS):
        for i in rng.permutation(part).tolist():
            cost = costs(i)
            weight = np.exp(-(cost - cost.min()) / temperature)
            state[i] = int(rng.choice(len(cost), p=weight / weight.sum()))
        cold = dict(state)
        for i in part:
            state[i] = int(costs(i).argmin())
        if (now := total()) < least:
            best, least = dict(state), now
        state = cold
    return best
