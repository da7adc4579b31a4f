"""Preflight: what a job would find in its input and what it would cost, without running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.specification import BackmapSpec, CommonSpec, CompleteSpec, DistancesSpec, RefineSpec, Spec
from ..density.crop import NoOverlapError, Overlap, check_overlap
from ..density.misfit import examine_placement
from ..density.read import read_map
from ..density.sample import sample
from ..density.shift_search import ShiftSearch
from ..job.events import NullEvents
from ..job.memory import Estimate, available_memory
from ..job.runtime import choose_device, set_threads, usable_devices
from ..measurement.density import DensityMeasurement, bind_map, load_density
from ..measurement.distances import load_restraints
from ..measurement.protocol import Measurement, Scene
from ..measurement.registry import load_measurements
from ..measurement.whole_map import MapFiles, read_whole_map, voxels_too_coarse
from ..placing.report import ChainPlacement
from ..placing.target import Target
from ..predictions.aligned_error import read_aligned_error
from ..prior.registry import load_prior
from ..structure.polymer import UNKNOWN, Polymer
from ..structure.read import read_structure
from ..structure.sequences import parse_sequence_argument
from .cost import job_cost, planned_runs, runs_in_windows
from .distances import polymer_of_sequences
from .dock_first import DockPlan, plan_docking
from .dock_parts import ModelChain, errors_of_chains
from .prepared import judged
from .problem import load_problem, nothing_to_compute, place_model, reference_ca
from .side_chain_views import require_side_chain_network
from .symmetric import before_docking, prepare_symmetry, symmetry_note
from .windows import Windows, find_windows

__all__ = ["check"]

_LEAST_INSIDE = 0.9
_NOISE_LEVELS = 2.0
_LEAST_IDENTITY = 0.9
_LONG_SEGMENT = 60
_LONG_TIME = 2 * 3600


def check(spec: Spec, poll: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Examine a job; nothing is changed and no folder made.

    Parameters
    ----------
    spec : Spec
        Its ``output`` is not looked at.
    poll : callable
        Called between the parts; what it raises ends the check.

    Returns
    -------
    dict
        Plain values. ``ok``: whether the job could run and would make sense; ``problems``: sentences that say why
        it could not; ``advice``: why it makes no sense, what may go wrong or could be better; ``lines``: everything
        found, readable.
        ``residues``, ``known``, ``missing``, ``kept``: counts; ``chains``: placement of each chain, with
        ``matches``, ``mismatches``, ``identity`` and the missing ``unmodelled`` segments. ``map`` (refine only):
        ``inside`` and ``above_noise`` (fractions of the known atoms), ``mean_z``, ``correlation`` (of the known
        residues with the map around them), ``resolution`` in angstrom, ``resolution_given``, ``b_factor``,
        ``noise`` with ``noise_method``, ``shape`` and ``voxel_size`` of the part used; None of a model that does not
        lie in the map yet. ``dock``: a sentence on what will be docked first; empty if nothing is. ``symmetry``: the
        group that a symmetric job uses; None without, and where the model is docked first: counts and cost are those of
        one chain of each sequence then. ``restraints`` (distances only): their number.
        ``cost``: ``seconds``, ``peak_bytes``, ``available_bytes``, ``batch`` of ``replicas`` at once, ``device``;
        ``seconds_on``: seconds by device of this computer.
        Parts that a problem hides, or that the job does not need, are ``None``.
    """
    findings = _Findings()
    report: dict[str, Any] = {
        "kind": spec.kind,
        "map": None,
        "cost": None,
        "restraints": None,
        "chains": None,
        "dock": "",
        "symmetry": None,
    }
    try:
        device = choose_device(spec.device)
    except InputError as error:
        findings.problems.append(str(error))
        device = torch.device("cpu")
    set_threads()
    try:
        if isinstance(spec, DistancesSpec):
            _examine_distances(spec, device, report, findings)
        elif isinstance(spec, CompleteSpec | RefineSpec):
            _examine_model(spec, device, report, findings, poll)
        elif isinstance(spec, BackmapSpec):
            raise InputError("A job of this kind is quick and needs no check: run it.")
        else:
            raise LookupError(f"nothing is known to examine of a job of the kind '{spec.kind}'")
    except InputError as error:
        findings.problems.append(str(error))
    lines = [
        *findings.lines,
        *(f"Problem: {text}" for text in findings.problems),
        *(f"Advice: {text}" for text in findings.advice),
    ]
    ok = not findings.problems and not findings.in_vain
    if ok:
        lines.append("The job can run.")
    elif not findings.problems:
        lines.append("The job would run in vain like this: see the advice.")
    return {
        **report,
        "ok": ok,
        "problems": findings.problems,
        "advice": findings.advice,
        "lines": lines,
    }


@dataclass
class _Findings(NullEvents):
    """Sentences collected on the way; also the listener of what the parts tell."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    in_vain: bool = False

    def message(self, text: str, level: str = "info") -> None:
        """Collect a sentence."""
        (self.advice if level == "warning" else self.lines).append(text)


def _examine_model(
    spec: CompleteSpec | RefineSpec,
    device: torch.device,
    report: dict[str, Any],
    findings: _Findings,
    poll: Callable[[], None],
) -> None:
    structure = read_structure(spec.model)
    sequences = None if spec.sequence is None else parse_sequence_argument(spec.sequence)
    plan = symmetric = None
    if isinstance(spec, RefineSpec) and spec.symmetry is not None:
        plan = plan_docking(spec, structure, read_map(spec.map))  # as the job does, of the model as it was given
        if plan.needed:
            spec = replace(spec, chains=before_docking(spec, structure, sequences))
            findings.lines.append(f"Symmetry {spec.symmetry}: its copies are looked for once the model is docked.")
        else:
            symmetric = prepare_symmetry(spec, structure, sequences)
    if symmetric is not None:
        structure, spec = symmetric.structure, replace(spec, chains=symmetric.chains)
        findings.lines += symmetric.lines()
    target, kept = place_model(spec, structure, sequences)
    if symmetric is not None:
        symmetric.rows(target)
        report["symmetry"] = symmetric.symmetry.name
    elif isinstance(spec, RefineSpec) and spec.symmetry is None:
        findings.lines += filter(None, [symmetry_note(target)])
    placement = target.report.to_dict()
    known = target.known[:, 1]
    report |= {
        "chains": placement["chains"],
        "unplaced": list(placement["unplaced"]),
        "residues": target.n_residues,
        "known": int(known.sum()),
        "missing": int((~known).sum()),
        "kept": int(kept.sum()),
    }
    findings.lines += target.report.lines()
    findings.advice += target.report.warnings()
    if kept.any():
        findings.lines.append(f"{int(kept.sum())} residues stay where they are.")
    _judge_placement(spec, target, findings)
    poll()
    _try(findings, lambda: load_prior(spec.prior, target.polymer, device))
    _try(findings, lambda: require_side_chain_network(spec))
    if spec.reference is not None:
        _try(findings, lambda: reference_ca(spec.reference or "", target.polymer))
    poll()
    scene = Scene(target.polymer, target.labels, target.xyz, structure, device, findings)
    scene = scene if symmetric is None else symmetric.of_copies(scene)
    in_map = _examine_placement(spec, structure, scene, plan, report, findings) if isinstance(spec, RefineSpec) else []
    measurements: list[Measurement] = [*in_map]
    poll()
    _try(findings, lambda: measurements.extend(load_measurements(spec.further, scene)))
    if nothing_to_compute(spec, target):
        return
    poll()
    windows = None
    if isinstance(spec, RefineSpec) and not findings.problems:
        windows = _windows(spec, structure, in_map)
    if windows is not None:
        findings.lines.append(windows.sentence())
        measurements[0] = windows.part.density
    _examine_cost(spec, target.polymer, device, measurements, report, findings, windows)


def _windows(spec: RefineSpec, structure: gemmi.Structure, in_map: Sequence[DensityMeasurement]) -> Windows | None:
    """Windows that the job is sampled in, if the model stays as it lies."""
    if not in_map or spec.symmetry is not None:
        return None
    problem = load_problem(spec, NullEvents(), structure)
    return find_windows(spec, judged(problem, in_map[0]), NullEvents())


def _examine_placement(
    spec: RefineSpec,
    structure: gemmi.Structure,
    scene: Scene,
    plan: DockPlan | None,
    report: dict[str, Any],
    findings: _Findings,
) -> list[DensityMeasurement]:
    """The map of a refinement, as far as it can be used; and whether the model will be docked in it first."""
    maps: list[DensityMeasurement] = []
    files = MapFiles(spec.map, spec.half_maps, spec.resolution)
    whole = read_map(spec.map)
    plan = plan_docking(spec, structure, whole) if plan is None else plan
    if plan.line():
        findings.lines.append(plan.line())
    if plan.needed:
        report["dock"] = plan.line()
        misfit = examine_placement(whole, scene.points)
        if misfit.of_map:
            findings.advice.append(f"It may also be that {misfit.cause}; then the model will not be found.")
        shift = np.array(ShiftSearch(whole, scene.points).fit().shift)
        # only for what the map costs; where the copies will lie is not known yet
        moved = replace(scene, xyz=scene.xyz + shift, events=NullEvents(), symmetry=None)
        _try(findings, lambda: maps.append(bind_map(read_whole_map(files, moved.points, findings), moved)))
    else:
        try:
            density = load_density(files, scene)
        except NoOverlapError:
            misfit = examine_placement(whole, scene.points)
            if misfit.cause:
                findings.advice.append(f"It seems that {misfit.cause}.")
            raise
        maps.append(density)
        report["map"] = _examine_map(spec, density, scene, findings)
    if spec.pae is not None:
        pae = spec.pae
        _try(findings, lambda: errors_of_chains(ModelChain.of([structure]), read_aligned_error(pae)))
    return maps


def _examine_distances(spec: DistancesSpec, device: torch.device, report: dict[str, Any], findings: _Findings) -> None:
    polymer = polymer_of_sequences(parse_sequence_argument(spec.sequence))
    report |= {"residues": polymer.n_residues, "known": 0, "missing": polymer.n_residues, "kept": 0}
    findings.lines.append(f"{polymer.n_residues} residues in {len(polymer.chain_ids)} chains.")
    _try(findings, lambda: load_prior(spec.prior, polymer, device))
    if spec.reference is not None:
        _try(findings, lambda: reference_ca(spec.reference or "", polymer))
    restraints = load_restraints(spec.restraints, polymer, None, findings)
    report["restraints"] = len(restraints)
    if len(restraints) < polymer.n_residues:
        findings.advice.append(
            f"{len(restraints)} distances for {polymer.n_residues} residues are few: expect the fold to be vague."
        )
    _examine_cost(spec, polymer, device, (), report, findings)


def _try(findings: _Findings, what: Callable[[], object]) -> None:
    """Note what is wrong and go on."""
    try:
        what()
    except InputError as error:
        findings.problems.append(str(error))


def _judge_placement(spec: CompleteSpec | RefineSpec, target: Target, findings: _Findings) -> None:
    sequence_given = spec.sequence is not None
    for chain in target.report.chains:
        if chain.identity < _LEAST_IDENTITY and chain.matches + len(chain.mismatches) > 0:
            findings.advice.append(
                f"Only {100 * chain.identity:.0f} % of the residue types of chain {chain.chain_id} match the sequence: "
                "check that it is the right one."
            )
        longest = _longest(chain)
        if longest > _LONG_SEGMENT:
            findings.advice.append(
                f"Chain {chain.chain_id} lacks {longest} residues in a row; segments as long as that are rarely "
                "found, look at their confidence."
            )
    unknown = target.polymer.sequence.count(UNKNOWN)
    no_sequence = any(not chain.sequence_name for chain in target.report.chains)
    if unknown and not sequence_given and not no_sequence:  # without any sequence the report has said so
        findings.advice.append(f"{unknown} residues have no known type: give the sequence.")
    if nothing_to_compute(spec, target):
        findings.advice.append(
            "No residue is missing, so there is nothing to build: the job would give the model back as it is."
        )
    elif target.known.all():
        findings.advice.append("No residue is missing: there is nothing to build.")


def _longest(chain: ChainPlacement) -> int:
    return max((segment.length for segment in chain.unmodelled), default=0)


def _examine_map(spec: RefineSpec, maps: DensityMeasurement, scene: Scene, findings: _Findings) -> dict[str, Any]:
    overlap = check_overlap(maps.source, scene.points)
    noise = float(np.sqrt(maps.likelihood.levels[0].variance))
    above = _above_noise(maps, scene.points, noise)
    correlation = maps.start_correlation(scene.start()[None])
    findings.in_vain = not maps.fits or voxels_too_coarse(maps.source, maps.resolution)
    findings.lines.append(
        f"Model in map: {100 * overlap.inside:.0f} % of the known atoms inside, {100 * above:.0f} % above the noise, "
        f"correlation {correlation:.2f}."
    )
    _judge_map(overlap, findings)
    return {
        "inside": round(overlap.inside, 4),
        "above_noise": round(above, 4),
        "mean_z": round(overlap.mean_z, 3),
        "correlation": round(correlation, 4),
        "resolution": round(maps.resolution, 2),
        "resolution_given": spec.resolution is not None,
        "b_factor": round(maps.b_factor, 1),
        "noise": noise,
        "noise_method": maps.noise_method,
        "shape": list(maps.density.shape),
        "voxel_size": [round(float(v), 4) for v in maps.density.voxel_size],
    }


def _above_noise(maps: DensityMeasurement, points: NDArray[np.float64], noise: float) -> float:
    """Fraction of points whose density stands out from the median of the map by twice the noise."""
    density = sample(maps.source, points, outside=-np.inf)
    return float(np.mean(density > np.median(maps.source.values) + _NOISE_LEVELS * noise))


def _judge_map(overlap: Overlap, findings: _Findings) -> None:
    if overlap.inside < _LEAST_INSIDE:
        findings.advice.append(
            f"{100 * (1 - overlap.inside):.0f} % of the atoms lie outside the map: check that the map was not cut "
            "too closely."
        )


def _seconds_on(cost_on: Callable[[torch.device], Estimate]) -> dict[str, float]:
    """Seconds of a job by device of this computer."""
    found = {}
    for device in usable_devices():
        try:
            found[str(device)] = round(cost_on(device).seconds, 1)
        except RuntimeError:  # a card that another program has for itself does not tell its memory
            continue
    return found


def _examine_cost(
    spec: CommonSpec,
    polymer: Polymer,
    device: torch.device,
    measurements: Sequence[Measurement],
    report: dict[str, Any],
    findings: _Findings,
    windows: Windows | None = None,
) -> None:
    runs, sampled = planned_runs(spec), None
    if isinstance(spec, RefineSpec) and windows is not None:
        runs, sampled = runs_in_windows(spec), len(windows.rows)

    def cost_on(place: torch.device) -> Estimate:
        return job_cost(spec, polymer.n_residues, place, measurements, runs, sampled)

    cost = cost_on(device)
    replicas = max(run.replicas for run in runs)
    available = available_memory(device)
    report["cost"] = {
        "seconds": round(cost.seconds, 1),
        "peak_bytes": cost.peak_bytes,
        "available_bytes": available,
        "batch": cost.batch,
        "replicas": replicas,
        "device": str(device),
        "seconds_on": _seconds_on(cost_on),
    }
    findings.lines.append(f"{cost.sentence(replicas)} {available / 1e9:.1f} GB are free on {device}.")
    if cost.peak_bytes > available:
        findings.problems.append(
            "There is not enough memory for even one replica; close other programs or choose fewer residues (chains)."
        )
    if cost.seconds > _LONG_TIME:
        fewer = "fewer replicas or steps" if device.type != "cpu" else "a GPU, or fewer replicas or steps"
        findings.advice.append(f"The job will take long; {fewer} would shorten it.")
