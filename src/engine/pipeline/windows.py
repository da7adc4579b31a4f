"""A refinement in windows: of a large model only what is to be built, and what is around it, is sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.specification import RefineSpec
from ..ensemble.recombination import missing_segments
from ..fitting.displaced import SHIFTS, displaced_residues, lies_beside
from ..fitting.window import cut_ends, window_around
from ..job.events import Events
from ..job.sampled_part import SampledPart
from ..measurement.folds import Fold, folds_of
from ..measurement.part_of_map import part_of_map
from ..placing.part_of_target import part_of_target
from ..placing.stretch import own_addresses
from ..prior.registry import load_prior
from ..solver.pins import Pins
from .built import Built
from .other_register import freed
from .prepared import Prepared
from .problem import Problem

__all__ = ["Windows", "find_windows"]

_LEAST = 500
"""Residues from which a job is large: smaller ones take minutes, and all of them is refined."""
_MOST = 0.75
"""Share of the residues of a large job up to which windows are worth what they leave out."""


@dataclass(frozen=True)
class Windows:
    """The part of a job that is sampled, all its windows together.

    Attributes
    ----------
    whole : Prepared
        All N residues.
    rows : ndarray of int64, shape (K,)
        Those that are sampled, ascending.
    part : Prepared
        These alone: those at cut ends are kept, and the others have explained their density.
    """

    whole: Prepared
    rows: NDArray[np.int64]
    part: Prepared

    @property
    def elsewhere(self) -> NDArray[np.bool_]:
        """Residues (N,) that stay as they are, those at cut ends among them."""
        stay = np.ones(self.whole.problem.target.n_residues, bool)
        stay[self.rows[~self._cut]] = False
        return stay

    @property
    def sampled(self) -> SampledPart:
        """For live frames and held residues."""
        return SampledPart(self.rows, self.whole.problem.start().cpu().numpy())

    def pins(self, own: Pins) -> Pins:
        """Everything of the N residues that stays in place, with what is pinned of the K."""
        target = self.whole.problem.target
        atoms, xyz = target.known.copy(), np.nan_to_num(target.xyz)
        atoms[self.rows], xyz[self.rows] = own.mask, own.xyz
        pins = Pins(target.n_residues)
        pins.hold(atoms, xyz)
        return pins

    def after(self, part: Prepared) -> Windows:
        """The same once some of the K residues are not known any more."""
        touched = np.zeros(self.whole.problem.target.n_residues, bool)
        touched[self.rows] = self.part.support.trusted & ~part.support.trusted
        return replace(self, whole=freed(self.whole, touched), part=part) if touched.any() else self

    def of(self, x: Tensor) -> Tensor:
        """The K residues of (..., N, 4, 3)."""
        return x[..., torch.as_tensor(self.rows, device=x.device), :, :]

    def within(self, x: Tensor) -> Tensor:
        """All N residues, those that are not in x (replica, K, 4, 3) where the model has them."""
        out = self.whole.problem.start().to(x).expand(len(x), -1, -1, -1).clone()
        out[:, torch.as_tensor(self.rows, device=x.device)] = x
        return out

    def built_within(self, built: Built) -> Built:
        """What was built of the K residues, among all N."""
        n = self.whole.problem.target.n_residues
        segments = [slice(int(self.rows[one.start]), int(self.rows[one.stop - 1]) + 1) for one in built.segments]
        returned = np.zeros(n, bool)
        returned[self.rows] = built.returned
        return Built(self.within(built.x[None])[0], segments, returned)

    def folds(self) -> tuple[Fold, ...]:
        """Parts of the data for cross-validation, for the K residues."""
        xyz = self.whole.problem.target.xyz
        return tuple(
            replace(fold, work=part_of_map(fold.work, xyz, self.rows), free=part_of_map(fold.free, xyz, self.rows))
            for fold in folds_of(self.whole.density)
        )

    def sentence(self) -> str:
        """For the log."""
        problem = self.whole.problem
        sampled = np.zeros(problem.target.n_residues, bool)
        sampled[self.rows] = True
        gaps = missing_segments(self.whole.support.trusted, problem.polymer.chain_index)
        built = sum(gap.stop - gap.start for gap in gaps)
        return (
            f"{len(self.rows)} of {len(sampled)} residues are sampled: {built} to be built (gaps: {len(gaps)}) and "
            "those around them. All others fit the map and stay exactly where they are; with 'region' all, everything "
            "is sampled."
        )

    @property
    def _cut(self) -> NDArray[np.bool_]:
        return self.part.problem.kept & ~self.whole.problem.kept[self.rows]


def find_windows(spec: RefineSpec, prepared: Prepared, events: Events) -> Windows | None:
    """The windows in which a job is sampled; None where all of its residues are.

    Windows are for large jobs of which enough can be left out, or for those of users who ask for them. In any case they
    need something to be built, of which it is known where, and a model that may stay where it is: not one that lies
    beside its density, and nothing that binds distant residues to each other.

    Parameters
    ----------
    spec : RefineSpec
    prepared : Prepared
        Before anything was sampled.
    events : Events
    """
    if spec.region == "all" or (spec.region == "auto" and prepared.problem.target.n_residues < _LEAST):
        return None
    chosen = _chosen(prepared)
    if spec.region == "auto" and chosen is not None and chosen.mean() > _MOST:
        return None
    reason = _why_all(spec, prepared, chosen)
    if chosen is None or reason:
        asked = spec.region == "windows"
        if asked or chosen is not None:
            events.message(f"All residues are sampled: {reason}.", "warning" if asked else "info")
        return None
    prepared = prepared.settled(events)
    problem = prepared.problem
    rows = np.flatnonzero(chosen)
    kept = (problem.kept | cut_ends(chosen, problem.polymer.chain_index))[rows]
    return Windows(prepared, rows, _part_of(prepared, rows, kept))


def _chosen(prepared: Prepared) -> NDArray[np.bool_] | None:
    """Residues (N,) to be built and those around them; None if there are none, or they may be anywhere."""
    problem, target = prepared.problem, prepared.problem.target
    whole = target.known.all(1)
    open_ = ~whole | (~prepared.support.trusted & ~problem.kept)
    if not open_.any():
        return None
    return window_around(target.xyz[:, 1], open_ | (_renamed(problem) & ~problem.kept), target.polymer.chain_index)


def _why_all(spec: RefineSpec, prepared: Prepared, chosen: NDArray[np.bool_] | None) -> str:
    """Why windows would not do; empty if they do."""
    problem, target = prepared.problem, prepared.problem.target
    if problem.symmetric is not None or spec.further or spec.pae is not None or target.relative.any():
        return "symmetry, predictions and further measurements bind distant residues to each other"
    if not problem.prior.sees_density:
        return "the prior does not see the map"
    if chosen is None:
        return "nothing is to be built, or a chain of which nothing is known"
    if prepared.unmoved is not None or not prepared.density.fits or _beside_density(prepared):
        return "parts of the model would fit the map better elsewhere"
    # what is not the job's is told by the numbers of residues
    if any(
        source is not None and label != address
        for source, label, address in zip(
            target.sources, target.labels, own_addresses(problem.structure, target), strict=True
        )
    ):
        return "the result gets other residue numbers than the model has"
    return ""


def _renamed(problem: Problem) -> NDArray[np.bool_]:
    """Residues (N,) that get another type than the model has."""
    target = problem.target
    return np.array(
        [source is not None and source.name != name for source, name in zip(target.sources, target.names, strict=True)]
    )


def _beside_density(prepared: Prepared) -> bool:
    """Whether parts of the model lie beside their density."""
    density, start = prepared.density, prepared.problem.start()[None]
    if prepared.problem.kept.all():
        return False
    shifted = np.stack([density.start_fit(start + torch.as_tensor(shift).to(start)) for shift in SHIFTS])
    chains = prepared.problem.polymer.chain_index
    displaced = displaced_residues(density.start_fit(start), shifted, prepared.support, chains)
    return lies_beside(displaced & ~prepared.problem.kept, chains)


def _part_of(prepared: Prepared, rows: NDArray[np.int64], kept: NDArray[np.bool_]) -> Prepared:
    problem, support = prepared.problem, prepared.support
    target = part_of_target(problem.target, rows)
    part = replace(
        problem,
        target=target,
        prior=load_prior(problem.prior_name, target.polymer, problem.device),
        reference=None if problem.reference is None else problem.reference[rows],
        kept=kept,
    )
    verdict = replace(support, fit=support.fit[rows], trusted=support.trusted[rows], in_body=support.in_body[rows])
    return replace(
        prepared,
        problem=part,
        density=part_of_map(prepared.density, problem.target.xyz, rows),
        support=verdict,
        asked=prepared.asked[rows],
        elsewhere=prepared.equal_chains.sampling(rows),
    )
