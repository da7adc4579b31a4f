"""Side chains of a result: which residues get them, from what, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.steering import PLACING
from ..density.neighbourhood import near
from ..density.score import mask_radius
from ..job.events import Control, Events, NullEvents
from ..measurement.density import DensityMeasurement
from ..placing.side_chains import PlacedSideChain
from ..placing.target import Target
from ..prior.builtin.density_grids import DensityGrids
from ..prior.evidence import DensityEvidence
from ..rotamers.field import MapNoise, MapView, model_density
from ..rotamers.pack import Packed, pack
from ..rotamers.task import PackingTask
from ..sidechain.build import terminal_oxygen
from ..sidechain.geometry_table import geometry_table
from ..sidechain.templates import BACKBONE, RESIDUE_NAMES, TEMPLATES
from .export import SideAtoms
from .packing_task import SideChainJob, packing_task
from .problem import Problem
from .side_chain_views import side_chain_views

__all__ = ["AllAtoms", "map_view", "place_side_chains"]

_FIRST = len(BACKBONE)
_LISTED = 12
"""Residues that a sentence names."""


@dataclass(frozen=True)
class AllAtoms:
    """Side chains of several replicas.

    Attributes
    ----------
    atoms : ndarray, shape (replica, N, 14, 3)
        In angstrom, atom14 order.
    present : ndarray of bool, shape (N, 14)
        Atoms that all replicas have.
    names : tuple of str, length N
        Residue types whose atoms these are; UNK for what has none of its own here.
    built, completed, kept : ndarray of bool, shape (replica, N)
        Residues that got a side chain, that got what theirs lacked, and that have theirs as it was.
    changed : ndarray of bool, shape (replica, N)
        Residues that had another one.
    moved : ndarray of bool, shape (replica, N)
        Those among the kept ones whose torsions followed the map, as their backbones have moved.
    terminal : ndarray of bool, shape (N,)
        True C termini that were built.
    mode : str
    seconds : float
        Spent on it.
    """

    atoms: NDArray[np.float64]
    present: NDArray[np.bool_]
    names: tuple[str, ...]
    built: NDArray[np.bool_]
    completed: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    moved: NDArray[np.bool_]
    terminal: NDArray[np.bool_]
    mode: str
    seconds: float

    def ordered(self, order: Sequence[int]) -> AllAtoms:
        """The same with the replicas in another order."""
        rows = list(order)
        return replace(
            self, atoms=self.atoms[rows], built=self.built[rows], completed=self.completed[rows], kept=self.kept[rows],
            changed=self.changed[rows], moved=self.moved[rows],
        )  # fmt: skip

    def placed(self, replica: int = 0) -> tuple[PlacedSideChain | None, ...]:
        """What the residues of one replica get, for `adp3d.placing.write.result_structure`."""
        whole = self.built[replica] | self.changed[replica] | self.moved[replica]
        touched = whole | self.completed[replica] | self.terminal
        ends = terminal_oxygen(torch.as_tensor(self.atoms[replica, :, :_FIRST])).numpy()
        found: list[PlacedSideChain | None] = []
        for row, name in enumerate(self.names):
            if not touched[row]:
                found.append(None)
                continue
            template = TEMPLATES[name]
            slots = [slot for slot in range(_FIRST, len(template.names)) if self.present[row, slot]]
            found.append(
                PlacedSideChain(
                    tuple(template.names[slot] for slot in slots),
                    tuple(template.elements[slot] for slot in slots),
                    self.atoms[replica, row, slots],
                    bool(whole[row]),
                    ends[row] if self.terminal[row] else None,
                    bool(not (self.built[replica, row] or self.changed[replica, row])),
                )
            )
        return tuple(found)

    def correlations(self, view: MapView) -> NDArray[np.float64]:
        """Correlation (replica,) of the map with all atoms, over the voxels near any atom of any replica."""
        row, slot = np.nonzero(self.present)
        elements = [TEMPLATES[self.names[i]].elements[k] for i, k in zip(row.tolist(), slot.tolist(), strict=True)]
        points = self.atoms[:, row, slot]
        here = near(view.map, points.reshape(-1, 3), mask_radius(view.noise.resolution))
        values = view.map.values[here].astype(np.float64)
        found = []
        for own in points:
            density = model_density(view.map, own, elements, view.noise.b_factor)[here]
            both = np.corrcoef(density, values)[0, 1] if here.any() else 0.0
            found.append(float(np.nan_to_num(both)))
        return np.array(found)

    def side_atoms(self) -> SideAtoms:
        """Side chains of all replicas, for `adp3d.pipeline.export.write_models`."""
        slots = [np.flatnonzero(row[_FIRST:]) + _FIRST for row in self.present]
        templates = [TEMPLATES[name] for name in self.names]
        return SideAtoms(
            self.names,
            [[template.names[k] for k in own] for template, own in zip(templates, slots, strict=True)],
            [[template.elements[k] for k in own] for template, own in zip(templates, slots, strict=True)],
            [self.atoms[:, row, own] for row, own in enumerate(slots)],
        )

    def figures(self, target: Target) -> dict[str, Any]:
        """Figures of the best replica, for the metrics."""
        return {
            "mode": self.mode,
            "built": int(self.built[0].sum()),
            "completed": int(self.completed[0].sum()),
            "kept": int(self.kept[0].sum()),
            "changed": [_called(target, row) for row in np.flatnonzero(self.changed[0]).tolist()],
            "seconds": round(self.seconds, 1),
        }

    def lines(self, target: Target) -> list[str]:
        """What became of the side chains, in words."""
        built, completed = int(self.built[0].sum()), int(self.completed[0].sum())
        lines = [f"Side chains: {built} built, {completed} completed, {int(self.kept[0].sum())} kept."]
        changed = [_called(target, row) for row in np.flatnonzero(self.changed[0]).tolist()]
        if changed:
            more = f" and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
            lines.append(
                f"The map contradicts {len(changed)} side chains of the model, which were changed: "
                f"{', '.join(changed[:_LISTED])}{more}."
            )
        return lines


def map_view(density: DensityMeasurement, evidence: DensityEvidence | None) -> MapView:
    """The map of a job for the choice of rotamers, and as the side-chain model sees it: nothing of it explained."""
    level = density.likelihood.levels[0]
    noise = MapNoise(level.variance, level.independent_fraction, density.b_factor, density.resolution)
    grids = None
    if evidence is not None:
        seen = replace(
            evidence,
            levels=evidence.levels.cpu(),
            taken=torch.zeros_like(evidence.taken, device="cpu"),
            origin=evidence.origin.cpu(),
        )
        grids = DensityGrids.of([seen], [0], 1)
    return MapView(level.as_map(), noise, grids)


def place_side_chains(
    job: SideChainJob, problem: Problem, replicas: NDArray[np.floating], events: Events, control: Control
) -> AllAtoms | None:
    """Side chains for the backbones of replicas.

    Parameters
    ----------
    job : SideChainJob
    problem : Problem
        With the model as the user gave it.
    replicas : ndarray, shape (replica, N, 4, 3)
        In angstrom. What the network says of likely side chains is asked once, for the first.
    events : Events
    control : Control
        Asked again and again, a second or so apart.

    Returns
    -------
    AllAtoms or None
        None where no side chains are wanted, or no residue can have one.
    """
    if job.mode == "none":
        return None
    began = time.monotonic()
    scenes = [packing_task(job, problem, x) for x in replicas]
    first = scenes[0]
    total = len(scenes) + 1
    if not bool((first.open | (first.changeable if job.view is not None else False)).any()):
        events = NullEvents()  # a stage with nothing to do is none
    events.progress(PLACING, 0, total)
    views = side_chain_views(job.model, first, job.view, job.seed, control.obey)
    packed = []
    for done, task in enumerate(scenes, 1):
        events.progress(PLACING, done, total)
        packed.append(pack(task, views, job.view, job.seed, control.obey))
    events.progress(PLACING, total, total)
    return _gathered(job, problem, scenes, packed, time.monotonic() - began)


def _gathered(
    job: SideChainJob, problem: Problem, tasks: list[PackingTask], packed: list[Packed], seconds: float
) -> AllAtoms:
    target = problem.target
    open_ = np.stack([task.open.numpy() for task in tasks])
    had = np.stack([task.present[:, _FIRST:].any(-1).numpy() for task in tasks])
    built = np.stack([one.built.numpy() for one in packed])
    changed = np.stack([one.changed.numpy() for one in packed])
    has = geometry_table().exists[tasks[0].aatype].any(-1).numpy()
    fitted = np.stack([(task.loose & ~one.changed).numpy() for task, one in zip(tasks, packed, strict=True)])
    return AllAtoms(
        atoms=np.stack([one.atoms.double().numpy() for one in packed]),
        present=np.all([one.present.numpy() for one in packed], 0),
        names=tuple(RESIDUE_NAMES[kind] for kind in tasks[0].aatype.tolist()),
        built=built & ~had & has,
        completed=built & had,
        kept=has & ~open_ & ~changed,
        changed=changed,
        moved=fitted if job.view is not None else np.zeros_like(fitted),
        terminal=_true_ends(target, job.rebuilt),
        mode=job.mode,
        seconds=seconds,
    )


def _true_ends(target: Target, rebuilt: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """C termini (N,) that were built: the last residues of chains that the job has completely."""
    unbuilt = target.unbuilt
    if target.left_out is not None and unbuilt is None:  # it does not say what it leaves out behind the last one
        return np.zeros(target.n_residues, bool)
    chain = target.polymer.chain_index
    ends = np.append(chain[1:] != chain[:-1], True) & rebuilt
    if unbuilt is not None:
        ends &= np.array([target.polymer.chain_ids[i] not in unbuilt.behind for i in chain.tolist()])
    return np.asarray(ends)


def _called(target: Target, row: int) -> str:
    chain, number, icode = target.labels[row]
    return f"{chain} {number}{icode} {target.names[row]}"
