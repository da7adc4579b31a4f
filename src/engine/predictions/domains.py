"""Domains of a prediction: parts that are rigid in themselves, by its aligned errors or by its contacts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import squareform

__all__ = ["domains_by_contacts", "domains_by_error"]

_RIGID = 6.0
"""Angstrom: mean aligned error below which two groups of residues are one domain. Within domains AlphaFold gives 1 to
4, between domains that move against each other 10 to 30."""
SHORTEST_DOMAIN = 30
"""Residues: smaller ones have too little density of their own to be found in a map, and stay with a neighbour."""
_CONTACT = 8.0
"""Angstrom between CA atoms in contact."""
_CONDUCTANCE = 0.2
"""Part of a side's contacts that lead across a cut, times the cube root of the residues (globules of all sizes alike),
below which the two sides are domains. Two proteins of two domains gave 0.01 and 0.13; their domains in turn, ferritin
and two other compact proteins 0.27 to 0.61."""
_SHORTEST_STRETCH = 6
"""Residues: shorter stretches between two of one other domain belong to it."""


def domains_by_error(error: NDArray[np.floating], shortest: int = SHORTEST_DOMAIN) -> NDArray[np.int64]:
    """Group residues whose places relative to each other are certain.

    Average linkage of the larger of the two errors between each pair; groups that are too small join the one to which
    their error is least, if it is below twice the limit, else they belong to none.

    Parameters
    ----------
    error : ndarray, shape (n, n)
        Predicted aligned errors in angstrom.
    shortest : int
        Residues.

    Returns
    -------
    ndarray of int64, shape (n,)
        Domain of each residue, the largest being 0; -1 for none.
    """
    n = len(error)
    if n < 2:
        return np.zeros(n, np.int64)
    distance = np.maximum(error, error.T).astype(float)
    np.fill_diagonal(distance, 0.0)
    groups = fcluster(linkage(squareform(distance, checks=False), "average"), _RIGID, "distance").astype(np.int64) - 1
    return _without_small(groups, distance, shortest)


def _without_small(groups: NDArray[np.int64], distance: NDArray[np.float64], shortest: int) -> NDArray[np.int64]:
    """Small groups given to large ones; numbered by size."""
    sizes = np.bincount(groups)
    large = np.flatnonzero(sizes >= shortest)
    result = np.full(len(groups), -1, np.int64)
    order = large[np.argsort(-sizes[large], kind="stable")]
    for number, group in enumerate(order):
        result[groups == group] = number
    if not len(large):
        return result
    fixed = result.copy()
    for group in np.flatnonzero(sizes < shortest):
        rows = np.flatnonzero(groups == group)
        means = [distance[np.ix_(rows, np.flatnonzero(fixed == number))].mean() for number in range(len(order))]
        best = int(np.argmin(means))
        if means[best] < 2 * _RIGID:
            result[rows] = best
    return result


def domains_by_contacts(ca: NDArray[np.float64], shortest: int = SHORTEST_DOMAIN) -> NDArray[np.int64]:
    """Cut a chain into compact parts that touch each other little.

    Parts may consist of several stretches of the chain: a cut follows the second eigenvector of the graph of contacts
    (Fiedler vector), at the place of least conductance (contacts across over contacts of the smaller side; Shi & Malik,
    IEEE PAMI 22, 2000).

    Parameters
    ----------
    ca : ndarray, shape (n, 3)
        In angstrom; rows with NaN belong to the domain of the residue before them.
    shortest : int
        Residues.

    Returns
    -------
    ndarray of int64, shape (n,)
        Domain of each residue, the largest being 0.
    """
    shown = np.flatnonzero(np.isfinite(ca).all(axis=1))
    if not len(shown):
        return np.zeros(len(ca), np.int64)
    parts = _cut(_contacts(ca[shown]), np.arange(len(shown)), shortest)
    of_shown = np.zeros(len(shown), np.int64)
    for number, part in enumerate(parts):
        of_shown[part] = number
    of_shown = _without_flickers(of_shown)
    names, sizes = np.unique(of_shown, return_counts=True)
    rank = np.empty(len(names), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(names))
    of_shown = rank[np.searchsorted(names, of_shown)]
    nearest = np.clip(np.searchsorted(shown, np.arange(len(ca)), side="right") - 1, 0, None)
    return np.asarray(of_shown[nearest])


def _without_flickers(domain: NDArray[np.int64]) -> NDArray[np.int64]:
    """Short stretches inside another domain made part of it."""
    edges = np.flatnonzero(np.diff(domain)) + 1
    result = domain.copy()
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if last - first < _SHORTEST_STRETCH and result[first - 1] == domain[last]:
            result[first:last] = domain[last]
    return result


def _contacts(ca: NDArray[np.float64]) -> csr_matrix:
    pairs = cKDTree(ca).query_pairs(_CONTACT, output_type="ndarray")
    # neighbours along the chain touch in any case
    pairs = pairs[np.abs(pairs[:, 0] - pairs[:, 1]) > 2]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(len(ca), len(ca)))


def _cut(contacts: csr_matrix, rows: NDArray[np.int64], shortest: int) -> list[NDArray[np.int64]]:
    """Parts of the residues ``rows``, which are not cut further."""
    n = len(rows)
    if n < 2 * shortest:
        return [rows]
    graph = contacts[rows][:, rows]
    order = _order(graph)
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    i, j = graph.nonzero()
    opened = np.bincount(np.minimum(place[i], place[j]), minlength=n)
    closed = np.bincount(np.maximum(place[i], place[j]), minlength=n)
    across = np.cumsum(opened - closed) / 2  # after each place of the order; each contact is listed twice
    volume = np.cumsum(np.asarray(graph.sum(axis=1)).ravel()[order])
    conductance = across / np.maximum(np.minimum(volume, volume[-1] - volume), 1.0)
    best = int(conductance[shortest - 1 : n - shortest].argmin()) + shortest - 1
    if conductance[best] * n ** (1 / 3) >= _CONDUCTANCE:
        return [rows]
    first, second = rows[np.sort(order[: best + 1])], rows[np.sort(order[best + 1 :])]
    return [*_cut(contacts, first, shortest), *_cut(contacts, second, shortest)]


def _order(graph: csr_matrix) -> NDArray[np.int64]:
    """Residues along the second eigenvector of the graph's normalised Laplacian, weakly held along the chain."""
    n = graph.shape[0]
    chain = csr_matrix((np.full(n - 1, 0.5), (np.arange(n - 1), np.arange(1, n))), shape=(n, n))
    held = graph + chain + chain.T
    count, group = connected_components(held, directed=False)
    if count > 1:
        return np.argsort(group, kind="stable")
    degree = np.asarray(held.sum(axis=1)).ravel()
    scale = 1.0 / np.sqrt(degree)
    laplacian = np.eye(n) - scale[:, None] * held.toarray() * scale[None, :]
    _, vectors = np.linalg.eigh(laplacian)
    return np.argsort(vectors[:, 1] * scale, kind="stable")
