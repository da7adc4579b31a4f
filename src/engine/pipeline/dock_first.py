"""Before a refinement: whether its model lies in the map, and if not, where it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
        Chains that lie in their place.
    """

    reason: str = ""
    staying: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether anything is docked."""
        return bool(self.reason)

    def line(self) -> str:
        """Sentence for the user."""
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
    """

    structure: gemmi.Structure
    parts: list[dict[str, Any]]


def dock_first(spec: RefineSpec, job: JobFolder, events: Events, control: Control) -> Start:
    """Read the model of a refinement, and place it in the map if it is to be placed.

    What was found is kept in the job's folder: a job that is resumed goes on from the same coordinates.

    Raises
    ------
    InputError
        If a file cannot be used, or the model was not found.
    """
    structure = read_structure(spec.model)
    stored = _restore(job, structure)
    if stored is not None:
        return stored
    set_threads()
    error = None if spec.pae is None else read_aligned_error(spec.pae)
    if error is not None:
        errors_of_chains(ModelChain.of([structure]), error)  # refused at once if it is of another model
    density = read_map(spec.map)
    plan = plan_docking(spec, structure, density)
    if not plan.needed:
        return Start(structure, [])
    events.message(plan.line())
    control.obey()
    docking = dock_models(
        density,
        [structure],
        known_resolution(density, spec.resolution, events.message),
        choose_device(spec.device),
        error,
        staying=[(0, name) for name in plan.staying],
        poll=control.obey,
        told=events.message,
    )
    if not docking.found and not plan.staying:
        kept = "'dock' auto leaves it where it is if it lies in density" if spec.dock == "always" else ""
        kept = kept or "'dock' never builds on it where it is"
        raise InputError(f"The model was not found in the map, so nothing was built: {NOT_FOUND}; {kept}.")
    _store(job, docking)
    return Start(docking.structures[0], [part.to_dict() for part in docking.parts])


def plan_docking(spec: RefineSpec, structure: gemmi.Structure, density: DensityMap) -> DockPlan:
    """Whether the model of a refinement has to be docked.

    With ``dock`` auto that is so where the model does not overlap the map, or where a refinement would warn that it
    hardly lies in density (`adp3d.measurement.density.bind_map`: its density less than 0.5 standard deviations above
    the map's mean or a correlation below 0.25, and a correlation at low resolution below 0.2) and neither the sign,
    the hand nor the voxel size of the map explains that. Of such a model, chains that lie in density by themselves
    stay; and of a model that lies in the map, chains are docked that lie outside of it altogether.

    Raises
    ------
    InputError
        If files cannot be used, or residues are to stay where they are in a model that is to be moved.
    """
    if spec.dock == "never":
        return DockPlan()
    if spec.keep is not None or spec.rebuild is not None:
        if spec.dock == "always":
            held = "keep" if spec.keep is not None else "rebuild"
            raise InputError(
                f"With '{held}' residues stay exactly where they are, and 'dock' always moves the model; leave one of "
                "the two out, or dock the model first with 'adp3d dock'."
            )
        return DockPlan()
    chains = [chain for chain in ModelChain.of([structure]) if len(chain) >= SHORTEST_DOMAIN]
    if spec.dock == "always":
        return DockPlan("The model was asked to be docked")
    backbone = {chain.name: chain.observed.xyz for chain in chains}
    if not backbone:
        return DockPlan()
    if _fits(spec, structure, density, np.concatenate(list(backbone.values()))):
        outside = [name for name, xyz in backbone.items() if not _overlaps(density, xyz)]
        if not outside:
            return DockPlan()
        names = f"Chain {outside[0]} lies" if len(outside) == 1 else f"Chains {', '.join(outside)} lie"
        return DockPlan(f"{names} outside of the map", tuple(name for name in backbone if name not in outside))
    points = np.concatenate(list(backbone.values()))
    if not _overlaps(density, points):
        return DockPlan("The model does not lie in the map")
    if examine_placement(density, points).of_map:
        return DockPlan()  # whoever reads the map next says what is wrong with it
    staying = () if len(backbone) == 1 else tuple(name for name, xyz in backbone.items() if lies_in(density, xyz))
    return DockPlan("The model hardly lies in density where it is", staying)


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


def _store(job: JobFolder, docking: Docking) -> None:
    places = [[*place.rotation.ravel().tolist(), *place.shift.tolist()] for place in docking.places]
    motion = [[*row, which] for row, which in docking.motion.items() if which]
    parts = [part.to_dict() for part in docking.parts]
    write_text(job.docking, json.dumps(plain_values({"parts": parts, "places": places, "motion": motion})) + "\n")


def _restore(job: JobFolder, structure: gemmi.Structure) -> Start | None:
    """Model as it was docked when the job began; None if it was not."""
    try:
        stored = json.loads(job.docking.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    motion: dict[Residue, int] = {(n, c, r): which for n, c, r, which in stored["motion"]}
    places = [_place(values) for values in stored["places"]]
    (placed,) = moved([structure], motion, places)
    return Start(placed, stored["parts"])


def _place(values: Sequence[float]) -> Place:
    return Place(np.array(values[:9]).reshape(3, 3), np.array(values[9:]), 1.0)
