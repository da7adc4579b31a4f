"""``adp3d complete``: complete a partial model without a map."""

from __future__ import annotations

from collections.abc import Mapping
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
from ..job.events import Control, Events
from ..job.folder import JobFolder
from ..job.interruptible import InterruptiblePrior
from ..job.sampling import Sampling, Stage
from ..measurement.figures import described, figures_of, residue_figures_of
from ..physics.masking import MaskedModel
from ..prior.evidence import Evidence, KnownAtoms
from ..solver.completion import complete
from ..solver.protocol import Level, Update
from ..solver.regularise import regularise
from ..solver.updates import ProximalUpdate
from ..validation.torsions import linked_residues
from .cost import job_cost, planned_runs
from .outcome import Outcome, report_model_job
from .problem import Problem, load_problem, nothing_to_compute
from .updates import gradient_updates

__all__ = ["run"]

_EXACT = 0.02
"""Standard deviation in angstrom of atoms that are to stay where they are."""

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
        return _as_given(spec, job, problem, events)
    exact = spec.confidence == "none"
    sigma = np.full_like(problem.target.sigma, _EXACT) if exact else problem.target.sigma
    model = problem.masked_model(sigma)
    further = problem.measurements(spec.measure, events)
    potentials = [measurement.potential for measurement in further]
    cost = job_cost(spec, problem.target.n_residues, problem.device)
    events.message(cost.sentence(spec.replicas))
    pins = problem.pins()
    sampling = Sampling(job, events, control, lambda settings: None, pins, planned_runs(spec))
    origin = problem.origin()
    correlation = problem.prior.correlation
    updates: list[Update] = (
        gradient_updates(correlation, model, potentials, origin, {}, pins)
        if spec.update == "gradient"
        else [ProximalUpdate(correlation, model, potentials, pins=pins, preview=sampling.preview)]
    )

    def watch(x: Tensor, level: Level) -> dict[str, Tensor]:
        # of exact atoms the RMSD is nothing but noise
        told: dict[str, Tensor] = {} if exact else {"known_rmsd": _known_rmsd(model, x)}
        told |= figures_of(further, x)
        return told if len(x) == 1 else {**told, "missing_spread": _missing_spread(model, x)}

    def watch_residues(x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
        return {
            "residue_spread": replica_spread(x, best).double().cpu().numpy(),
            **residue_figures_of(further, x[best]),
        }

    evidence = Evidence(KnownAtoms(model.target, model.weights))

    def sample(stage: str, times: NDArray[np.float64], replicas: int, start: Tensor | None) -> Tensor:
        seed = spec.seed if start is None else spec.seed + _SECOND_SEED
        settings = Stage(stage, times, replicas, seed, cost.batch, merit=COMPLETE.merit)
        return sampling.run(settings, problem.prior, updates, origin, watch, start, watch_residues, evidence)

    found = complete(sample, spec.steps, spec.replicas)
    x = found.x
    energy = denoising_energy(
        InterruptiblePrior(problem.prior, control.obey), x, torch.Generator().manual_seed(spec.seed)
    )
    misfit = (model.weights * (x - model.target).square().sum(-1)).sum((1, 2))
    ranking = rank_replicas(
        {"log_likelihood": -0.5 * misfit, "energy": -energy},
        {},
        SCALES,
    )
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
    outcome = Outcome(
        pins.impose(ordered.cpu().double()).numpy(),
        confidence,
        ranking.score[list(ranking.order)].double().cpu().numpy(),
        ranking.chosen,
    )
    figures = {
        "known_atoms_rmsd": round(float(_known_rmsd(model, ordered[:1])[0]), 4),
        **described(further, ordered[:1]),
    }
    return report_model_job(job, spec, problem, outcome, "Completed by ADP-3D", figures)


def _as_given(spec: CompleteSpec, job: JobFolder, problem: Problem, events: Events) -> Mapping[str, Any]:
    """Result and metrics of a job that has nothing to do."""
    target = problem.target
    renamed = sum(
        source is None or source.name != name for source, name in zip(target.sources, target.names, strict=True)
    )
    events.message(
        "No residue is missing, so there is nothing to build: the result is the model as it is"
        + (f", but for {renamed} residues that get the type of the sequence." if renamed else "."),
        "warning",  # so that it is read wherever only what matters is shown
    )
    outcome = Outcome(target.xyz[None], np.full(target.n_residues, 100.0), np.zeros(1))
    return report_model_job(job, spec, problem, outcome, None, {"known_atoms_rmsd": 0.0})


def _missing_spread(model: MaskedModel, x: Tensor) -> Tensor:
    r"""How far each replica strays from the others where residues are missing, (replica,), in angstrom.

    :math:`\sqrt{\langle |x_{rn} - \bar x_{-r,n}|^2 \rangle_n}` over the CA atoms that are not known, all if none is
    missing, with the mean of the other replicas; x has shape (replica > 1, N, 4, 3).
    """
    missing = ~model.known[:, 1]
    ca = x[:, missing if bool(missing.any()) else slice(None), 1]
    others = (ca.sum(0) - ca) / (len(ca) - 1)
    return (ca - others).square().sum(-1).mean(-1).sqrt()


def _known_rmsd(model: MaskedModel, x: Tensor) -> Tensor:
    """RMSD of the known atoms, (replica,), in angstrom."""
    gap = model.observe(x) - model.observe(model.coordinates)
    return gap.square().sum(-1).mean(-1).sqrt()
