"""Before a refinement: whether its model lies in the map, and if not, where it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.specification import RefineSpec
from ..density.crop import NoOverlapError, check_overlap
from ..density.map import DensityMap
from ..density.misfit import DOUBTFUL_Z, examine_placement, lies_in
from ..density.read import read_map
from ..fitting.placement import Place
from ..job.events import Control, Events, NullEvents
from ..job.folder import JobFolder
from ..job.runtime import choose_device, set_threads
from ..job.storage import plain_values, write_text
from ..measurement.density import load_density
from ..measurement.protocol import Scene
from ..measurement.whole_map import MapFiles
from ..predictions.aligned_error import read_aligned_error
from ..predictions.domains import SHORTEST_DOMAIN
from ..structure.read import read_structure
from ..structure.sequences import parse_sequence_argument
from .dock import NOT_FOUND, Docking, dock_models, known_resolution
from .dock_parts import ModelChain, Residue, errors_of_chains, moved
from .problem import place_model

__all__ = ["DockPlan", "Start", "dock_first", "plan_docking"]

_SEARCHED = "searched everywhere in the map, as a whole, then by chains and their domains"


@dataclass(frozen=True)
class DockPlan:
    """What is to be done before a model can be refined.

    Attributes
    ----------
    reason : str
        Why it is docked, as a sentence's beginning; empty if it is not.
    staying : tuple of str
        Chains of the job that lie in their place.
    outside : tuple of str
        Chains of the job that lie outside of the map although the model lies in it, and stay there.
    """

    reason: str = ""
    staying: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether anything is docked."""
        return bool(self.reason)

    def line(self) -> str:
        """Sentence for the user; empty if there is nothing to say."""
        if self.outside:
            lies, stays = ("lies", "stays") if len(self.outside) == 1 else ("lie", "stay")
            return (
                f"{_chains(self.outside)} {lies} outside of the map and {stays} there; with 'dock' always all chains "
                "are searched in the map."
            )
        if not self.needed:
            return ""
        stays = f"; chain {', '.join(self.staying)} stays where it is" if self.staying else ""
        return f"{self.reason} and will be docked first: {_SEARCHED}{stays}."


@dataclass(frozen=True)
class Start:
    """Model that a refinement starts from.

    Attributes
    ----------
    structure : gemmi.Structure
    parts : list of dict
        What was docked, as `adp3d.fitting.rest_search.Docked.to_dict` tells it.
    spec : RefineSpec
        What is left to do: without the chains that were not found.
    """

    structure: gemmi.Structure
    parts: list[dict[str, Any]]
    spec: RefineSpec


def dock_first(spec: RefineSpec, job: JobFolder, events: Events, control: Control) -> Start:
    """Read the model of a refinement, and place it in the map if it is to be placed.

    What was found is kept in the job's folder: a job that is resumed goes on from the same coordinates. Chains that
    are not the job's never move.

    Raises
    ------
    InputError
        If a file cannot be used, or no chain of the job was found.
    """
    structure = read_structure(spec.model)
    stored = _restore(job, structure, spec)
    if stored is not None:
        return stored
    set_threads()
    chains = ModelChain.of([structure])
    error = None if spec.pae is None else read_aligned_error(spec.pae)
    if error is not None:
        errors_of_chains(chains, error)  # refused at once if it is of another model
    if not _may_be_docked(spec):
        return Start(structure, [], spec)
    density = read_map(spec.map)
    plan = plan_docking(spec, structure, density)
    if not plan.needed:
        if plan.line():
            events.message(plan.line())
        return Start(structure, [], spec)
    events.message(plan.line())
    control.obey()
    own = [chain for chain in chains if _is_of_job(spec, chain)]
    beside = [chain.name for chain in chains if chain not in own and _lies_in(density, chain.observed.xyz)]
    docking = dock_models(
        density,
        [structure],
        known_resolution(density, spec.resolution, events.message, spec.half_maps),
        choose_device(spec.device),
        error,
        staying=[(0, name) for name in (*plan.staying, *beside)],
        only=None if spec.chains is None else [(0, name) for name in spec.chains],
        poll=control.obey,
        told=events.message,
    )
    if not docking.found and not plan.staying:
        kept = "'dock' auto leaves it where it is if it lies in density" if spec.dock == "always" else ""
        kept = kept or "'dock' never builds on it where it is"
        raise InputError(f"The model was not found in the map, so nothing was built: {NOT_FOUND}; {kept}.")
    missed = _missed(own, plan, docking)
    if missed:
        was, stays, it = ("was", "it stays", "it") if len(missed) == 1 else ("were", "they stay", "them")
        events.message(
            f"{_chains(missed)} {was} not found in the map: {stays} as in the model given, and nothing is built on "
            f"{it}.",
            "warning",
        )
    rest = _without(spec, own, missed)
    _store(job, docking, rest)
    return Start(docking.structures[0], [part.to_dict() for part in docking.parts], rest)


def plan_docking(spec: RefineSpec, structure: gemmi.Structure, density: DensityMap) -> DockPlan:
    """Whether the model of a refinement has to be docked.

    With ``dock`` auto that is so where the chains of the job do not overlap the map, or where a refinement would warn
    that they hardly lie in density (`adp3d.measurement.density.bind_map`: density less than 0.5 standard deviations
    above the map's mean or a correlation below 0.25, and a correlation at low resolution below 0.2) and neither the
    sign, the hand nor the voxel size of the map explains that. Of such a model, chains that lie in density by
    themselves stay. Of a model that lies in the map, nothing is docked: chains outside of it are usual in focused maps.

    Raises
    ------
    InputError
        If files cannot be used, or residues are to stay where they are in a model that is to be moved.
    """
    if not _may_be_docked(spec):
        return DockPlan()
    if spec.dock == "always":
        return DockPlan("The model was asked to be docked")
    chains = [chain for chain in ModelChain.of([structure]) if len(chain) >= SHORTEST_DOMAIN]
    backbone = {chain.name: chain.observed.xyz for chain in chains if _is_of_job(spec, chain)}
    if not backbone:
        return DockPlan()
    points = np.concatenate(list(backbone.values()))
    if _fits(spec, structure, density, points):
        return DockPlan(outside=tuple(name for name, xyz in backbone.items() if not _overlaps(density, xyz)))
    if not _overlaps(density, points):
        return DockPlan("The model does not lie in the map")
    if examine_placement(density, points).of_map:
        return DockPlan()  # whoever reads the map next says what is wrong with it
    staying = () if len(backbone) == 1 else tuple(name for name, xyz in backbone.items() if lies_in(density, xyz))
    return DockPlan("The model hardly lies in density where it is", staying)


def _may_be_docked(spec: RefineSpec) -> bool:
    """Whether a model may have to move, as far as that can be told before its map is read."""
    if spec.dock == "never":
        return False
    if spec.keep is None and spec.rebuild is None:
        return True
    if spec.dock == "always":
        held = "keep" if spec.keep is not None else "rebuild"
        raise InputError(
            f"With '{held}' residues stay exactly where they are, and 'dock' always moves the model; leave one of "
            "the two out, or dock the model first with 'adp3d dock'."
        )
    return False


def _is_of_job(spec: RefineSpec, chain: ModelChain) -> bool:
    return spec.chains is None or chain.name in spec.chains


def _missed(own: Sequence[ModelChain], plan: DockPlan, docking: Docking) -> tuple[str, ...]:
    """Chains of a job that were searched and are nowhere; short ones, which follow others, where all else has moved."""
    searched = [
        chain for chain in own if chain.name not in plan.staying and (len(chain) >= SHORTEST_DOMAIN or not plan.staying)
    ]
    return tuple(chain.name for chain in searched if not any(docking.motion.get(row) for row in chain.rows))


def _without(spec: RefineSpec, own: Sequence[ModelChain], missed: Sequence[str]) -> RefineSpec:
    if not missed:
        return spec
    return replace(spec, chains=tuple(dict.fromkeys(chain.name for chain in own if chain.name not in missed)))


def _chains(names: Sequence[str]) -> str:
    return f"Chain {names[0]}" if len(names) == 1 else f"Chains {', '.join(names)}"


def _fits(spec: RefineSpec, structure: gemmi.Structure, density: DensityMap, points: NDArray[np.float64]) -> bool:
    """Whether a model lies in a map; a close look only where a quick one leaves doubts."""
    try:
        if check_overlap(density, points).mean_z >= DOUBTFUL_Z and lies_in(density, points):
            return True
        sequences = None if spec.sequence is None else parse_sequence_argument(spec.sequence)
        target, _ = place_model(spec, structure, sequences)
        events = NullEvents()
        scene = Scene(target.polymer, target.labels, target.xyz, structure, choose_device(spec.device), events)
        return load_density(MapFiles(spec.map, spec.half_maps, spec.resolution), scene).fits
    except NoOverlapError:
        return False


def _overlaps(density: DensityMap, points: NDArray[np.float64]) -> bool:
    try:
        check_overlap(density, points)
    except NoOverlapError:
        return False
    return True


def _lies_in(density: DensityMap, points: NDArray[np.float64]) -> bool:
    return _overlaps(density, points) and lies_in(density, points)


def _store(job: JobFolder, docking: Docking, rest: RefineSpec) -> None:
    motion = [[*row, which] for row, which in docking.motion.items() if which]
    parts = [part.to_dict() for part in docking.parts]
    kept = {"parts": parts, "places": docking.plain_places, "motion": motion, "chains": rest.chains}
    write_text(job.docking, json.dumps(plain_values(kept)) + "\n")


def _restore(job: JobFolder, structure: gemmi.Structure, spec: RefineSpec) -> Start | None:
    """Model as it was docked when the job began; None if it was not."""
    try:
        stored = json.loads(job.docking.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    motion: dict[Residue, int] = {(n, c, r): which for n, c, r, which in stored["motion"]}
    places = [_place(values) for values in stored["places"]]
    (placed,) = moved([structure], motion, places)
    return Start(placed, stored["parts"], replace(spec, chains=stored["chains"] and tuple(stored["chains"])))


def _place(values: Sequence[float]) -> Place:
    return Place(np.array(values[:9]).reshape(3, 3), np.array(values[9:]), 1.0)
