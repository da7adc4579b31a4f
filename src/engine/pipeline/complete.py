"""``adp3d complete``: complete a partial model without a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.kinds import COMPLETE
from ..contract.specification import CompleteSpec
from ..ensemble.confidence import replica_confidence, replica_spread
from ..ensemble.denoising_energy import denoising_energy
from ..ensemble.ranking import SCALES, rank_replicas
from ..job.events import Control, Events, NullEvents
from ..job.folder import JobFolder
from ..job.overall import Overall
from ..job.sampling import Running, Sampling, Stage, Watch
from ..job.sharing import NothingLeft
from ..measurement.figures import described, figures_of, log_likelihoods, residue_figures_of
from ..measurement.obstacles import obstacles_of
from ..prior.evidence import Evidence, KnownAtoms
from ..solver.choose_updates import Pull, choose_updates
from ..solver.completion import complete
from ..solver.pins import HeldAtoms
from ..solver.posterior import Posterior
from ..solver.protocol import Level
from ..solver.regularise import regularise
from ..validation.torsions import linked_residues
from .cost import finishing_runs, job_cost, planned_runs
from .final_model import Movable, Outcome, finish
from .outcome import report_model_job
from .packing_task import SideChainJob
from .problem import Problem, load_problem, nothing_to_compute
from .side_chains import AllAtoms, place_side_chains
from .tugged import tugged_figures

__all__ = ["run"]

_EXACT = 0.02
"""Standard deviation in angstrom of atoms that are to stay where they are."""

_TITLE = "Completed by ADP-3D"

_SECOND_SEED = 7_919
"""Added to the seed of the second descent, which must not repeat the noise of the first."""


def run(spec: CompleteSpec, job: JobFolder, events: Events, control: Control) -> Mapping[str, Any]:
    """Build the missing residues of ``spec.model`` and write the complete model.

    With ``confidence`` ``none`` the known atoms are taken as exact and come back where they were;
    otherwise each moves as far as its uncertainty lets it. Where nothing is missing and nothing may move, the
    result is the model as it was given.

    Parameters
    ----------
    spec : CompleteSpec
    job : JobFolder
    events : Events
    control : Control

    Returns
    -------
    mapping
        Metrics.
    """
    problem = load_problem(spec, events)
    if nothing_to_compute(spec, problem.target):
        return _as_given(spec, job, problem, events, control)
    exact = spec.confidence == "none"
    target = problem.target
    if exact:
        target = replace(target, sigma=np.full_like(target.sigma, _EXACT))
    model = problem.known_atoms(target)
    in_the_way = obstacles_of(problem.scene(NullEvents()), ~problem.known_residues)
    further = (*problem.measurements(spec.further, events), *in_the_way)
    cost = job_cost(spec, problem.target.n_residues, problem.device, further)
    events.message(cost.sentence(spec.replicas))
    pins = problem.pins()
    plan = (*planned_runs(spec), *finishing_runs(spec, target.n_residues, cost))
    sampling = Sampling(job, Running(events, control, batch=cost.batch), pins, plan)
    origin, correlation = problem.origin(), problem.prior.correlation
    held = HeldAtoms(model, pins)
    pull = Pull(held, [measurement.potential for measurement in further])
    updates = choose_updates(spec.update, correlation, pull, origin, sampling.preview)
    posterior = Posterior(problem.prior, updates, origin, Evidence(held))

    def figures_of_replicas(x: Tensor, level: Level) -> dict[str, Tensor]:
        # of exact atoms the RMSD is nothing but noise
        told: dict[str, Tensor] = {} if exact else {"known_rmsd": model.rmsd(x)}
        told |= figures_of(further, x)
        return told if len(x) == 1 else {**told, "missing_spread": _missing_spread(model, x)}

    def figures_of_residues(x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
        return {
            "residue_spread": replica_spread(x, best).double().cpu().numpy(),
            **residue_figures_of(further, x[best]),
        }

    def sample(stage: str, times: NDArray[np.float64], replicas: int, start: Tensor | None) -> Tensor:
        seed = spec.seed if start is None else spec.seed + _SECOND_SEED
        return sampling.run(
            Stage(stage, times, replicas, seed, start),
            posterior,
            Watch(figures_of_replicas, figures_of_residues, COMPLETE.merit),
        )

    found = complete(sample, spec.steps, spec.replicas)
    x = found.x
    judge = sampling.interruptible(problem.prior)
    energy = denoising_energy(judge, x, torch.Generator().manual_seed(spec.seed))
    terms = {"log_likelihood": -0.5 * model.misfit(x), "energy": -energy}
    ranking = rank_replicas(terms, SCALES, log_likelihoods(further, x))
    sampling.conclude(ranking.chosen)
    if exact:
        x = torch.where(model.known[..., None], model.target, x)
    x = pins.impose(x)
    movable = pins.movable(x) & ~model.known if exact else pins.movable(x)
    x = regularise(x, problem.polymer.sequence, linked_residues(problem.polymer), movable)
    ordered = x[list(ranking.order)]
    # the final replicas descend from one structure: the independent ones tell what is uncertain
    votes = found.independent[: spec.replicas if spec.replicas > 1 else 0]
    spread = replica_spread(torch.cat([ordered[:1], votes]), 0)
    confidence = replica_confidence(spread).double().cpu().numpy()
    backbones = pins.impose(ordered.cpu().double()).numpy()
    control.obey()
    told = sampling.overall.counting(events)
    outcome = Outcome(
        backbones,
        confidence,
        ranking.score[list(ranking.order)].double().cpu().numpy(),
        ranking.chosen,
        all_atoms=_side_chains(spec, problem, backbones, told, control),
    )
    anew = _movable(problem) & ~pins.mask.any(1)
    final = finish(spec, problem, outcome, _TITLE, Movable(anew, anew), told, control)
    sampling.overall.finish(events)
    figures = {
        "known_atoms_rmsd": round(float(model.rmsd(ordered[:1])[0]), 4),
        "tugged": tugged_figures(sampling.tugs, problem.target),
        **described(further, torch.from_numpy(final.outcome.replicas[:1]).to(ordered)),
    }
    return report_model_job(job, spec, problem, final, _TITLE, figures, events)


def _side_chains(
    spec: CompleteSpec, problem: Problem, backbones: NDArray[np.float64], events: Events, control: Control
) -> AllAtoms | None:
    """Side chains of replicas (replica, N, 4, 3); those of residues without a known CA are built."""
    job = SideChainJob(spec.side_chains, ~problem.known_residues, None, spec.seed, model=spec.side_chain_model)
    return place_side_chains(job, problem, backbones, events, control)


def _movable(problem: Problem) -> NDArray[np.bool_]:
    """Residues (N,) that a relaxation may move: those of which the model has nothing, and that are not kept."""
    return np.asarray(~problem.target.known.any(-1) & ~problem.kept)


def _as_given(
    spec: CompleteSpec, job: JobFolder, problem: Problem, events: Events, control: Control
) -> Mapping[str, Any]:
    """Result and metrics of a job that has nothing to do.

    Raises
    ------
    NothingLeft
        If it is another process's.
    """
    if job.shared is not None and job.shared.helping:
        raise NothingLeft
    target = problem.target
    renamed = sum(
        source is None or source.name != name for source, name in zip(target.sources, target.names, strict=True)
    )
    events.message(
        "No residue is missing, so there is nothing to build: the backbone of the result is that of the model"
        + (f"; {renamed} residues get the type of the sequence." if renamed else "."),
        "warning",  # so that it is read wherever only what matters is shown
    )
    overall = Overall(finishing_runs(spec, target.n_residues))
    told = overall.counting(events)
    side = _side_chains(spec, problem, target.xyz[None], told, control)
    outcome = Outcome(target.xyz[None], np.full(target.n_residues, 100.0), np.zeros(1), all_atoms=side)
    anew = _movable(problem)
    final = finish(spec, problem, outcome, None, Movable(anew, anew), told, control)
    overall.finish(events)
    return report_model_job(job, spec, problem, final, None, {"known_atoms_rmsd": 0.0}, events)


def _missing_spread(model: KnownAtoms, x: Tensor) -> Tensor:
    r"""How far each replica strays from the others where residues are missing, (replica,), in angstrom.

    :math:`\sqrt{\langle |x_{rn} - \bar x_{-r,n}|^2 \rangle_n}` over the CA atoms that are not known, all if none is
    missing, with the mean of the other replicas; x has shape (replica > 1, N, 4, 3).
    """
    missing = ~model.known[:, 1]
    ca = x[:, missing if bool(missing.any()) else slice(None), 1]
    others = (ca.sum(0) - ca) / (len(ca) - 1)
    return (ca - others).square().sum(-1).mean(-1).sqrt()
