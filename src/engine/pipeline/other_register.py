"""Stretches that look out of register, built again with their residues further on or back; better ones are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.specification import RefineSpec
from ..ensemble.recombination import missing_segments
from ..job.events import Control, Events, NullEvents
from ..placing.target import Target
from ..rotamers.field import MapView
from ..rotamers.register import RegisterShift
from ..sidechain.templates import BACKBONE, UNKNOWN_TYPE
from ..solver.regularise import regularise
from ..validation.q_score import q_scores
from ..validation.torsions import linked_residues
from .built import Built
from .cost import run_in_register
from .course import Course
from .packing_task import SideChainJob
from .prepared import Prepared
from .problem import Problem
from .refiner import ACCEPTED_SIGMA, Refiner
from .register import register_fit, shift_words, shifts_of, stretch_of, stretch_words
from .side_chains import map_view, place_side_chains

__all__ = ["Attempt", "Evidence", "InRegister", "Reseated", "freed", "reseat", "try_registers"]

_FLANK = 4
"""Residues on either side of the ends of a stretch that are built anew: as exactly as these ends are found."""
_CORE = 4
"""Residues of a stretch that take the places of others in any case; flanks of short ones are shorter."""
_TRIES = 2
"""Stretches of one job that are tried: each takes as long as a round of building."""
_SEED = 32_452_843
"""Added to the seed of each try, once and twice: none repeats the noise of another stage."""
_SHARE = 0.5
"""Share of the nats by which a stretch fits the other register that must have been gained when it is there: the
residues at its ends, which are built, may lose the rest."""
_STEP = (2.7, 4.3)
"""Angstrom between CA atoms of neighbours, of cis and of extended trans peptides, with half an angstrom for strain."""


@dataclass(frozen=True)
class Evidence:
    """What the map says of a stretch.

    Attributes
    ----------
    nats : float
        Log odds of the types of its residues at their places, in all.
    correlation : float
        Of the map with all atoms of the model, around these.
    q_score : float
        Mean over the atoms of its side chains.
    """

    nats: float
    correlation: float
    q_score: float

    def better_than(self, other: Evidence, least: float) -> bool:
        """Whether all three are better, the first by at least so many nats."""
        return self.nats >= other.nats + least and self.correlation > other.correlation and self.q_score > other.q_score

    def figures(self) -> dict[str, float]:
        """Plain values for the metrics."""
        return {
            "nats": round(self.nats, 1),
            "correlation": round(self.correlation, 4),
            "q_score_side_chains": round(self.q_score, 3),
        }


@dataclass(frozen=True)
class Attempt:
    """A stretch that looked out of register, and what came of building it again.

    Attributes
    ----------
    shift : RegisterShift
    taken : bool
    before, after : Evidence or None
        None where it was not tried.
    reason : str
        Why it was not tried, or why the new trace is out of the question; else empty.
    """

    shift: RegisterShift
    taken: bool
    before: Evidence | None = None
    after: Evidence | None = None
    reason: str = ""

    def figures(self, target: Target) -> dict[str, Any]:
        """Plain values for the metrics."""
        return {
            **stretch_of(self.shift, target),
            "taken": self.taken,
            "before": None if self.before is None else self.before.figures(),
            "after": None if self.after is None else self.after.figures(),
            "reason": self.reason,
        }

    def line(self, target: Target) -> str:
        """What to tell the user."""
        looks = f"{stretch_words(self.shift, target)} looked like those {shift_words(self.shift)} along the sequence"
        if self.before is None or self.after is None:
            return f"{looks}, which was not tried: {self.reason}."
        was, now = self.before, self.after
        compared = (
            f"side chains fit by {now.nats - was.nats:+.0f} nats, correlation {was.correlation:.3f} before and "
            f"{now.correlation:.3f} after, Q-score of side chains {was.q_score:.2f} before and {now.q_score:.2f} after"
        )
        if self.taken:
            return f"{looks} and were built again in that register: {compared}."
        why = self.reason or "which is not better"
        return f"{looks}; they were built again in that register, {why} ({compared}), and stay as they were."


@dataclass(frozen=True)
class Reseated:
    """A backbone with a stretch in another register.

    Attributes
    ----------
    x : ndarray, shape (N, 4, 3)
        In angstrom; NaN for what is to be built.
    built : ndarray of bool, shape (N,)
        Residues to be built: the ends of the stretch and what is around them.
    touched : ndarray of bool, shape (N,)
        These, and residues that are in the places of others.
    """

    x: NDArray[np.float64]
    built: NDArray[np.bool_]
    touched: NDArray[np.bool_]


@dataclass(frozen=True)
class InRegister:
    """A composite after stretches were tried in another register.

    Attributes
    ----------
    prepared : Prepared
        Residues that were built again are no longer known.
    firm : ndarray of bool, shape (N,)
        Residues whose side chains are where the user's model has them.
    built : Built
    attempts : tuple of Attempt
    """

    prepared: Prepared
    firm: NDArray[np.bool_]
    built: Built
    attempts: tuple[Attempt, ...] = ()


def reseat(x: NDArray[np.floating], shift: RegisterShift, chain_index: NDArray[np.int64]) -> Reseated:
    """Put residues of a stretch where their neighbours are.

    The side chains at rows ``first`` to ``last`` look like those of the residues ``shift`` further along: so these get
    their backbones. Around both ends residues are left to be built, a few more or less than there were on each side.

    Parameters
    ----------
    x : ndarray, shape (N, 4, 3)
        In angstrom.
    shift : RegisterShift
    chain_index : ndarray of int64, shape (N,)
    """
    first, last, step = shift.first, shift.last, shift.shift
    chain = np.flatnonzero(chain_index == chain_index[first])
    flank = max(1, min(_FLANK, (last - first + 1 - _CORE) // 2))
    low, high = int(chain[0]), int(chain[-1])
    # the last residue before the stretch that stays, and the first one behind it
    before, behind = min(first, first + step) - 1, max(last, last + step) + 1
    built = np.zeros(len(x), bool)
    built[max(before - flank + 1, low) : min(first + step + flank, high + 1)] = True
    built[max(last + step - flank + 1, low) : min(behind + flank, high + 1)] = True
    touched = built.copy()
    touched[max(first + step, low) : min(last + step, high) + 1] = True
    out = np.array(x, np.float64)
    out[first + step : last + step + 1] = x[first : last + 1]
    out[built] = np.nan
    return Reseated(out, built, touched)


def try_registers(
    course: Course,
    now: InRegister,
    reported: Problem,
    events: Events,
    control: Control,
) -> InRegister:
    """Build stretches of a composite again that look out of register, and keep what is better.

    Better is a trace of which the side-chain density fits the types, all atoms correlate with the map and the side
    chains have Q-scores better than before, all three. Where nothing looks out of register, nothing is sampled.

    Parameters
    ----------
    course : Course
    now : InRegister
        The composite as it was built.
    reported : Problem
        The job with the user's model where the user has it.
    events : Events
    control : Control
        Asked between stages.
    """
    for number in range(1, _TRIES + 1):
        view = map_view(now.prepared.density, None)
        fit = register_fit(reported.structure, reported.target, now.built.x.double().cpu().numpy(), view)
        control.obey()
        everywhere = np.ones(len(fit), bool)
        found = [one for one in shifts_of(reported.target, fit, everywhere) if not _seen_before(one, now.attempts)]
        if not found:
            break
        now = _tried(course, now, reported, found[0], number, control)
        events.message(now.attempts[-1].line(reported.target), "info" if now.attempts[-1].taken else "warning")
    return now


def _seen_before(shift: RegisterShift, attempts: Sequence[Attempt]) -> bool:
    return any(shift.last >= one.shift.first and shift.first <= one.shift.last for one in attempts)


def _tried(
    course: Course,
    now: InRegister,
    reported: Problem,
    shift: RegisterShift,
    number: int,
    control: Control,
) -> InRegister:
    problem = now.prepared.problem
    reason = _against(course, problem, shift)
    old = now.built.x
    reseated = reseat(old.double().cpu().numpy(), shift, problem.polymer.chain_index)
    if not reason and (reseated.touched & (problem.kept | course.pins.mask.any(1))).any():
        reason = "some of them are to stay where they are"
    if reason:
        return replace(now, attempts=(*now.attempts, Attempt(shift, False, reason=reason)))
    touched = reseated.touched
    free, firm = freed(now.prepared, touched), now.firm & ~touched
    seated = Refiner(course, _seated(free, reseated), firm)
    x = seated.build_once(run_in_register(course.spec, number), number * _SEED)
    control.obey()
    linked = linked_residues(free.problem.polymer)
    movable = torch.as_tensor(touched, device=x.device)[:, None].expand(-1, len(BACKBONE))
    x = regularise(x[None], free.problem.polymer.sequence, linked, movable)[0]
    x = torch.where(movable[..., None], x, old)
    mask = touched.copy()
    for segment in now.built.segments:
        mask[segment] = True
    view = map_view(now.prepared.density, Refiner(course, now.prepared, now.firm).starting_density())
    before, after = _evidence(torch.stack([old, x]), reported, touched, mask, view, course.spec, control)
    reason = "which tears the chain" if _torn(x, linked, touched) else ""
    taken = not reason and after.better_than(before, _SHARE * shift.better)
    attempts = (*now.attempts, Attempt(shift, taken, before, after, reason))
    if not taken:
        return replace(now, attempts=attempts)
    segments = missing_segments(~mask, free.problem.polymer.chain_index)
    return InRegister(free, firm, Built(x, segments, now.built.returned & ~touched), attempts)


def _against(course: Course, problem: Problem, shift: RegisterShift) -> str:
    """Why a stretch cannot be tried, if it cannot."""
    target = problem.target
    rows = slice(max(shift.first + min(shift.shift, 0), 0), shift.last + max(shift.shift, 0) + 1)
    if target.left_out is not None and target.left_out[rows][1:].any():
        return "residues of the sequence are left out there"
    if np.isin(target.aside, np.arange(rows.start, rows.stop)).any():
        return "a chromophore is part of it"
    return ""


def freed(prepared: Prepared, touched: NDArray[np.bool_]) -> Prepared:
    """The job without what the model says of some residues, whose chain is not broken any more where they are."""
    problem, support = prepared.problem, prepared.support
    target = replace(problem.target, known=problem.target.known & ~touched[:, None])
    verdict = replace(support, fit=np.where(touched, np.nan, support.fit), trusted=support.trusted & ~touched)
    freed = replace(problem, target=target).with_breaks_between(verdict.trusted)
    return replace(prepared, problem=freed, support=verdict)


def _seated(prepared: Prepared, reseated: Reseated) -> Prepared:
    """The job with a composite as its model, of which nothing is to be built but the ends of the stretch."""
    target, support = prepared.problem.target, prepared.support
    own, there = target.known, np.asarray(np.isfinite(reseated.x).all(-1))
    placed = replace(
        target,
        xyz=np.where((own & support.trusted[:, None])[..., None], target.xyz, reseated.x),
        known=there,
        sigma=np.where(own & support.trusted[:, None], target.sigma, ACCEPTED_SIGMA),
    )
    # what was built fits as well as anything: it is not judged again
    fit = np.where(there[:, 1] & ~support.trusted, support.typical, support.fit)
    verdict = replace(
        support, fit=np.where(there[:, 1], fit, np.nan), trusted=there[:, 1], in_body=np.zeros_like(support.in_body)
    )
    return replace(prepared, problem=replace(prepared.problem, target=placed), support=verdict)


def _evidence(
    x: Tensor,
    reported: Problem,
    touched: NDArray[np.bool_],
    anew: NDArray[np.bool_],
    view: MapView,
    spec: RefineSpec,
    control: Control,
) -> tuple[Evidence, Evidence]:
    """What the map says of two traces (2, N, 4, 3), with side chains placed alike."""
    traces = x.double().cpu().numpy()
    job = SideChainJob("auto", anew | ~reported.known_residues, view, spec.seed, model=spec.side_chain_model)
    all_atoms = place_side_chains(job, reported, traces, NullEvents(), control)
    assert all_atoms is not None  # the mode asks for them
    types = reported.polymer.aatype
    rows = np.flatnonzero(touched & (types < UNKNOWN_TYPE))
    correlations = all_atoms.correlations(view)
    row, slot = np.nonzero(all_atoms.present)
    side = touched[row] & (slot >= len(BACKBONE))
    found = []
    for number, trace in enumerate(traces):
        fit = register_fit(reported.structure, reported.target, trace, view)
        scores = q_scores(view.map, all_atoms.atoms[number, row, slot])[side]
        found.append(
            Evidence(
                float(fit[rows, types[rows]].sum()),
                float(correlations[number]),
                float(scores.mean()) if len(scores) else 0.0,
            )
        )
        control.obey()
    before, after = found
    return before, after


def _torn(x: Tensor, linked: NDArray[np.bool_], touched: NDArray[np.bool_]) -> bool:
    """Whether neighbours of a backbone (N, 4, 3), one of them touched, lie too far apart or in each other."""
    step = (x[1:, 1] - x[:-1, 1]).norm(dim=-1).double().cpu().numpy()
    near = linked & (touched[1:] | touched[:-1])
    return bool((near & ((step < _STEP[0]) | (step > _STEP[1]))).any())
