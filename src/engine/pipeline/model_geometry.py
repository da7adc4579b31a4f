"""The internal geometry of a job's model, as one more measurement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..job.events import Events
from ..measurement.internal_geometry import InternalGeometry
from ..placing.stretch import own_addresses
from ..placing.target import Target
from ..predictions.aligned_error import AlignedError
from ..predictions.local_distances import LocalDistances, local_distances, sigma_of_lddt
from ..structure.observed import observe_chains
from .problem import Problem

__all__ = ["aligned_errors", "geometry_of_prediction"]

_SAME_PLDDT = 1.0
"""Points by which pLDDTs of a file and of the column may differ, in the median: files are rounded."""


def geometry_of_prediction(
    problem: Problem, events: Events, error: NDArray[np.floating] | None = None
) -> tuple[InternalGeometry, ...]:
    """What the predicted residues of a job say of each other: one measurement, or none where nothing is predicted.

    Parameters
    ----------
    problem : Problem
        As it was given, before parts of it were moved to where the map wants them: distances that this changed are
        far off then, and let go by themselves.
    events : Events
        Is told how many distances there are.
    error : ndarray, shape (N, N), optional
        Aligned errors of the model (`aligned_errors`), which say how sure distances are, and tell of other chains.
    """
    target = problem.target
    if target.lddt is None:
        if error is not None:
            events.message(
                "The aligned errors only tell the domains of the model here: with 'confidence' plddt they say how sure "
                "the distances between its residues are, too."
            )
        return ()
    sigma = np.where(target.relative, sigma_of_lddt(np.nan_to_num(target.lddt)), np.nan)
    distances = local_distances(_ca(target), target.polymer.chain_index, sigma, error)
    if not len(distances):
        return ()
    said = "their pLDDT" if error is None else "their pLDDT and aligned errors"
    events.message(
        f"{int(target.relative.sum())} predicted residues are held relative to each other, by {len(distances)} "
        f"distances with standard deviations of {distances.sigma.min():.2f} to {distances.sigma.max():.1f} A from "
        f"{said}; their places are left to the map."
    )
    return (_measured(distances, problem),)


def aligned_errors(problem: Problem, error: AlignedError) -> NDArray[np.float32]:
    """Aligned errors between the residues of a job in angstrom, (N, N); NaN for those that the model does not show.

    Where the file names chains and numbers, rows are found by those that the residues have in the model; else in the
    order of the model's protein residues, of the job's sequence, or by the numbers of one chain, whichever fits the
    size of the file.

    Raises
    ------
    InputError
        If the file is another model's.
    """
    target = problem.target
    rows = np.full(target.n_residues, -1, np.int64)
    shown = np.flatnonzero([source is not None for source in target.sources])
    in_model = _order_in_model(problem)
    if not error.named and error.n_residues == len(in_model):
        places = [source.place for source in target.sources if source is not None]
        rows[shown] = [in_model[place] for place in places]
    elif not error.named and error.n_residues == target.n_residues:
        rows[shown] = shown
    else:
        addresses = own_addresses(problem.structure, target)
        rows[shown] = error.rows([addresses[row][:2] for row in shown])
    _same_prediction(error, target, rows)
    values = np.full((target.n_residues, target.n_residues), np.nan, np.float32)
    values[np.ix_(shown, shown)] = error.values[np.ix_(rows[shown], rows[shown])]
    return values


def _order_in_model(problem: Problem) -> dict[tuple[int, int], int]:
    """Which protein residue of the model, counted from 0, stands at each place of it."""
    places = (source.place for chain in observe_chains(problem.structure) for source in chain.sources)
    return {place: number for number, place in enumerate(dict.fromkeys(places))}


def _same_prediction(error: AlignedError, target: Target, rows: NDArray[np.int64]) -> None:
    """Refuse a file whose own pLDDTs are not those of the model: another prediction, or chains in another order."""
    if error.plddt is None or target.lddt is None:
        return
    both = np.flatnonzero((rows >= 0) & np.isfinite(target.lddt))
    gap = np.abs(np.asarray(error.plddt)[rows[both]] - 100 * target.lddt[both])
    if len(both) and float(np.median(gap)) > _SAME_PLDDT:
        raise InputError(
            f"The pLDDTs in {error.name} are not those in the model's B-factor column; give the file that was written "
            "with this model, with all its chains in their order."
        )


def _ca(target: Target) -> NDArray[np.float64]:
    return np.where(target.known[:, 1, None], target.xyz[:, 1], np.nan)


def _measured(distances: LocalDistances, problem: Problem) -> InternalGeometry:
    return InternalGeometry.of_distances(distances.pairs, distances.distance, distances.sigma, problem.device)
