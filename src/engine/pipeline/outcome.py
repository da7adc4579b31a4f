"""What every job leaves behind: the result, the figures and the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.segments import summary, to_text
from ..contract.specification import CompleteSpec, RefineSpec
from ..ensemble.confidence import ONE_REPLICA
from ..job.events import Events
from ..job.folder import JobFolder
from ..job.log import read_history
from ..job.trajectory import read_trajectory
from ..measurement.density import DensityMeasurement
from ..placing.confidence_records import confidence_attribute
from ..structure.polymer import Polymer
from ..validation.clashes import backbone_clashes
from ..validation.completeness import ca_rmsd, rmsd_against_completeness
from ..validation.geometry import backbone_geometry
from ..validation.lddt import ca_lddt
from ..validation.ramachandran import ramachandran
from ..validation.tm import tm_score
from ..validation.torsions import linked_residues
from .export import write_models, write_trajectory
from .final_model import FinalModel, Outcome
from .movement import Movement, find_movement, residue_table
from .plots import plot_confidence, plot_convergence, plot_displacement, plot_rmsd_completeness
from .problem import Problem
from .segments import find_segments, judge_replicas
from .validate import validation_of_job

__all__ = ["CONVERGENCE", "Whole", "describe_geometry", "likeness", "report_model_job", "show_trajectory"]

CONVERGENCE = (
    ("correlation", "Map-model correlation"),
    ("log_likelihood", "Log-likelihood"),
    ("known_rmsd", "RMSD of known atoms (\u00c5)"),
    ("missing_spread", "Spread of missing residues (\u00c5)"),
    ("noise_level", "Noise scale \u03c3"),
)


@dataclass(frozen=True)
class Whole:
    """All N residues of a job whose result leaves some out.

    Attributes
    ----------
    problem : Problem
    replicas : ndarray, shape (replica, N, 4, 3)
        In angstrom, best first; what is left out as the solver had it.
    rows : ndarray of int64, shape (K,)
        Residues that the result has.
    """

    problem: Problem
    replicas: NDArray[np.float64]
    rows: NDArray[np.int64]


def report_model_job(
    job: JobFolder,
    spec: CompleteSpec | RefineSpec,
    problem: Problem,
    final: FinalModel,
    title: str | None,
    figures: Mapping[str, Any],
    events: Events,
    error: NDArray[np.floating] | None = None,
    density: DensityMeasurement | None = None,
    whole: Whole | None = None,
) -> dict[str, Any]:
    """Write result, ensemble, table and pictures, tell what moved; return the metrics.

    Parameters
    ----------
    job : JobFolder
    spec : CompleteSpec or RefineSpec
    problem : Problem
    final : FinalModel
    title : str or None
        Title of the ensemble; None for a model that is as it was given.
    figures : mapping
        Further metrics of this kind of job.
    events : Events
    error : ndarray, shape (N, N), optional
        Predicted aligned errors of the model, by which its domains are told.
    density : DensityMeasurement, optional
        The map, for the validation.
    whole : Whole, optional
        The job with what its result leaves out: trajectory and ensemble have all residues of a job.
    """
    target, polymer, outcome = problem.target, problem.polymer, final.outcome
    best, side = outcome.replicas[0], outcome.all_atoms
    final.write(job.result, target)
    if side is not None:
        for line in side.lines(target):
            events.message(line)
    job.write_confidence(confidence_attribute(final.stated(target)))
    if spec.replicas == 1 and title is not None:
        events.message(ONE_REPLICA, "warning")
    everything = Whole(problem, outcome.replicas, np.arange(target.n_residues)) if whole is None else whole
    sequence, labels = everything.problem.polymer.sequence, everything.problem.target.labels
    write_models(
        job.path / "ensemble.cif",
        everything.replicas,
        sequence,
        labels,
        title or "The model as it was given",
        None if side is None else side.side_atoms().among(everything.rows, everything.problem.target.names),
    )
    show_trajectory(job, everything.problem.polymer, labels, outcome.chosen)
    known = problem.known_residues
    movement = find_movement(problem, best[:, 1], error)
    job.write_residues(residue_table(movement, target.names, outcome.confidence, outcome.fit, outcome.start_fit))
    for line in movement.lines():
        events.message(line)
    validated = validation_of_job(
        problem.structure,
        job.result,
        None if density is None else density.whole.density,
        None if density is None else density.resolution,
        spec.confidence,
    )
    replicas = judge_replicas(problem, outcome.replicas, spec.seed, density)
    report = None if validated is None else validated.after
    segments = find_segments(problem, outcome, movement.ways.distance, figures, report, replicas)
    job.write_segments(to_text(segments))
    events.message(summary(segments))
    metrics: dict[str, Any] = {
        "residues": len(labels),
        "completeness_before": 100.0 * float(known.sum()) / len(labels),
        "completeness_after": 100.0 * float(np.isfinite(best).all((1, 2)).sum()) / len(labels),
        "placement": target.report.to_dict(),
        "replicas": len(outcome.replicas),
        "chosen_replica": int(outcome.chosen),
        "replica_scores": [round(float(s), 4) for s in outcome.score],
        "mean_confidence": round(float(outcome.confidence.mean()), 2),
        "geometry": describe_geometry(best, polymer),
        "validation": None if validated is None else validated.figures(),
        "side_chains": None if side is None else side.figures(target),
        "relaxation": final.relaxation,
        "displacement": movement.figures(),
        **_against_reference(job, problem, outcome),
        **figures,
    }
    plot_convergence(read_history(job.events_log), job.path / "convergence.png", CONVERGENCE)
    plot_confidence(outcome.confidence, known, job.path / "confidence.png", target.labels)
    if movement.any:
        _plot_movement(job, movement, outcome)
    return metrics


def _plot_movement(job: JobFolder, movement: Movement, outcome: Outcome) -> None:
    fits = None
    if outcome.fit is not None and outcome.start_fit is not None:
        fits = np.where(np.isfinite(movement.ways.distance), outcome.start_fit, np.nan), outcome.fit
    ways = movement.ways
    path = job.path / "displacement.png"
    plot_displacement((ways.distance, ways.internal), movement.domain, path, movement.labels, fits)


def show_trajectory(job: JobFolder, polymer: Polymer, labels: Sequence[tuple[str, int, str]], replica: int) -> None:
    """Write ``trajectory.cif``, the course of one replica as models, if the job stored any frames."""
    if not job.trajectory.is_file():
        return
    write_trajectory(read_trajectory(job.trajectory), job.path / "trajectory.cif", polymer.sequence, labels, replica)


def describe_geometry(x: NDArray[np.floating], polymer: Polymer) -> dict[str, Any]:
    """Backbone geometry of a result (N, 4, 3): bonds, angles, Ramachandran, chain breaks, clashes."""
    linked = linked_residues(polymer)
    geometry = backbone_geometry(x, polymer.sequence, linked)
    plot = ramachandran(x, polymer.sequence, linked)
    return {
        "bond_rmsz": round(geometry.rmsz_bonds, 3),
        "angle_rmsz": round(geometry.rmsz_angles, 3),
        "ca_breaks": len(geometry.breaks),
        "clashes_per_1000_atoms": round(backbone_clashes(x, linked).per_1000_atoms, 2),
        "cis_not_proline": len(geometry.cis_other),
        "twisted_peptides": len(geometry.twisted),
        "ramachandran_favoured_percent": round(100 * float(plot.favoured), 2),
        "ramachandran_outliers_percent": round(100 * float(plot.outliers), 2),
    }


def likeness(ca: NDArray[np.floating], reference: NDArray[np.floating]) -> dict[str, Any]:
    """Likeness of a CA trace (N, 3) to a reference, NaN where it has no residue, that one bad segment cannot rule."""
    return {
        "ca_lddt": _rounded(float(ca_lddt(ca, reference).overall)),
        "tm_score": _rounded(tm_score(ca, reference)),
    }


def _against_reference(job: JobFolder, problem: Problem, outcome: Outcome) -> dict[str, Any]:
    if problem.reference is None:
        return {"ca_rmsd_all": None, "ca_rmsd_known": None, "ca_rmsd_missing": None, "ca_lddt": None, "tm_score": None}
    known, reference = problem.known_residues, problem.reference
    per_replica = [ca_rmsd(x[:, 1], reference, known) for x in outcome.replicas]
    chosen = per_replica[0]
    start = problem.target.xyz[:, 1]
    curves = {
        "starting model": rmsd_against_completeness(start, reference),
        "result": rmsd_against_completeness(outcome.replicas[0][:, 1], reference, outcome.confidence),
    }
    plot_rmsd_completeness(
        {name: (100 * curve.completeness, curve.rmsd) for name, curve in curves.items()},
        job.path / "rmsd_completeness.png",
    )
    return {
        "ca_rmsd_all": _rounded(chosen.all),
        "ca_rmsd_known": _rounded(chosen.known),
        "ca_rmsd_missing": _rounded(chosen.missing),
        "ca_rmsd_missing_by_replica": [_rounded(one.missing) for one in per_replica],
        "ca_rmsd_start": _rounded(ca_rmsd(start, reference, known).known),
        **likeness(outcome.replicas[0][:, 1], reference),
    }


def _rounded(value: float, digits: int = 4) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
