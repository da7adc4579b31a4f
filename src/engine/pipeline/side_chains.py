"""Side chains of a result: which residues get them, from what, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from typing import Any

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from ..density.neighbourhood import near
from ..density.score import mask_radius
from ..measurement.density import DensityMeasurement
from ..placing.side_chains import PlacedSideChain
from ..placing.target import Target
from ..placing.write import result_structure
from ..prior.builtin.density_grids import DensityGrids
from ..prior.evidence import DensityEvidence
from ..rotamers.field import MapNoise, MapView, model_density
from ..rotamers.pack import Packed, look_at, pack
from ..rotamers.task import PackingTask
from ..sidechain.build import terminal_oxygen
from ..sidechain.geometry_table import geometry_table
from ..sidechain.network import SideChainModel
from ..sidechain.scene_of_model import atom14_atoms, atom14_of
from ..sidechain.templates import BACKBONE, RESIDUE_NAMES, TEMPLATES, UNKNOWN_TYPE
from ..sidechain.weights_file import load_side_chain_model
from ..structure.force_field_names import force_field_parent
from .export import SideAtoms
from .problem import Problem

__all__ = ["AllAtoms", "SideChainJob", "map_view", "packaged_side_chain_model", "place_side_chains"]

_FIRST = len(BACKBONE)
_ENDS = frozenset({"OXT", "OT", "OT1", "OT2"})
"""Oxygens of C termini that templates do not have."""
_LISTED = 12
"""Residues that a sentence names."""
_MOVED = 0.02
"""Angstrom from which a backbone counts as moved: more than formats round, less than any bond is known to."""


@dataclass(frozen=True)
class SideChainJob:
    """Which side chains a job places, and with what.

    Attributes
    ----------
    mode : str
        One of `adp3d.contract.specs.model.SIDE_CHAINS`.
    rebuilt : ndarray of bool, shape (N,)
        Residues whose backbones were built anew.
    view : MapView or None
        The map, if there is one.
    seed : int
    """

    mode: str
    rebuilt: NDArray[np.bool_]
    view: MapView | None
    seed: int


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


def packaged_side_chain_model() -> SideChainModel | None:
    """The side-chain model of this package; None in a package without one, where rotamer statistics have to do."""
    with as_file(files("adp3d.sidechain") / "weights" / "default.safetensors") as path:
        return load_side_chain_model(path) if path.is_file() else None


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


def place_side_chains(job: SideChainJob, problem: Problem, replicas: NDArray[np.floating]) -> AllAtoms | None:
    """Side chains for the backbones of replicas.

    Parameters
    ----------
    job : SideChainJob
    problem : Problem
        With the model as the user gave it.
    replicas : ndarray, shape (replica, N, 4, 3)
        In angstrom. What the model says of likely side chains is asked once, for the first.

    Returns
    -------
    AllAtoms or None
        None where no side chains are wanted, or no residue can have one.
    """
    if job.mode == "none":
        return None
    began = time.monotonic()
    model = packaged_side_chain_model()
    scenes = [_task(job, problem, x) for x in replicas]
    first = scenes[0]
    views = [] if model is None else look_at(first, model, job.view, job.seed)
    packed = [pack(task, views, job.view, job.seed) for task in scenes]
    return _gathered(job, problem, scenes, packed, time.monotonic() - began)


def _task(job: SideChainJob, problem: Problem, x: NDArray[np.floating]) -> PackingTask:
    """Side chains as today's result has them, carried along with their residues; and which of them are open."""
    target, n = problem.target, problem.target.n_residues
    away = _way(target, x)
    still = problem.kept | (away < _MOVED)
    base = result_structure(problem.structure, target, x, np.full(n, 100.0), None, still)
    residues = _by_label(base[0])
    kinds = [_kind(target, row) for row in range(n)]
    model = problem.structure
    fixed = problem.kept | _bound(model, target) | _branched(model, target) | _strange(model, target, kinds)
    given, present = np.zeros((n, 14, 3)), np.zeros((n, 14), bool)
    obstacles, elements = _obstacles(base[0], target, kinds)
    is_open, changeable = np.zeros(n, bool), np.zeros(n, bool)
    for row, kind in enumerate(kinds):
        given[row, :_FIRST], present[row, :_FIRST] = x[row], True
        if kind == UNKNOWN_TYPE:
            continue
        atoms = atom14_of(residues[target.labels[row]], kind)[_FIRST:]
        there = np.isfinite(atoms).all(-1)
        source = target.sources[row]
        new = source is None or source.name != target.names[row] or (bool(job.rebuilt[row]) and not problem.kept[row])
        anew = new or (job.mode == "rebuild" and not fixed[row])
        if not anew:
            given[row, _FIRST:], present[row, _FIRST:] = np.nan_to_num(atoms), there
        whole = bool((there | ~geometry_table().exists[kind].numpy()).all())
        is_open[row] = anew or (not whole and not fixed[row])
        changeable[row] = not anew and whole and not fixed[row]
    polymer = target.polymer
    return PackingTask(
        backbone=torch.as_tensor(x, dtype=torch.float32),
        aatype=torch.tensor(kinds),
        chain_index=torch.as_tensor(polymer.chain_index),
        residue_index=torch.as_tensor(polymer.residue_index),
        given=torch.as_tensor(given, dtype=torch.float32),
        present=torch.as_tensor(present),
        open=torch.as_tensor(is_open),
        changeable=torch.as_tensor(changeable),
        loose=torch.as_tensor(changeable & ~still),
        obstacles=obstacles,
        obstacle_elements=elements,
    )


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


def _way(target: Target, x: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far the backbone of each residue has moved at most, (N,), in angstrom; infinitely where none was known."""
    away = np.linalg.norm(np.asarray(x) - target.xyz, axis=-1)
    furthest = np.where(target.known, away, 0.0).max(-1)
    return np.where(target.known.any(-1), furthest, np.inf)


def _kind(target: Target, row: int) -> int:
    """Row of `RESIDUE_NAMES`; unknown for modified residues, whose atoms stay with their backbone as they are."""
    source, name = target.sources[row], target.names[row]
    if source is not None and source.name == name and (source.rigid or source.parts > 1 or source.suffix):
        return UNKNOWN_TYPE
    name = force_field_parent(name) or name
    return RESIDUE_NAMES.index(name) if name in TEMPLATES else UNKNOWN_TYPE


def _bound(structure: gemmi.Structure, target: Target) -> NDArray[np.bool_]:
    """Residues (N,) whose side chains are bonded to something: disulfides, glycans, metals."""
    row_of = {label: row for row, label in enumerate(target.labels)}
    bound = np.zeros(target.n_residues, bool)
    for link in structure.connections:
        if link.type == gemmi.ConnectionType.Hydrog:
            continue
        for end in (link.partner1, link.partner2):
            seqid = end.res_id.seqid
            row = row_of.get((end.chain_name, seqid.num or 0, seqid.icode.strip()))
            if row is not None and end.atom_name not in BACKBONE:
                bound[row] = True
    return bound


def _branched(structure: gemmi.Structure, target: Target) -> NDArray[np.bool_]:
    """Residues (N,) of which the model has several conformations."""
    return np.array(
        [
            source is not None and any(a.has_altloc() for a in structure[0][source.chain][source.residue])
            for source in target.sources
        ]
    )


def _strange(structure: gemmi.Structure, target: Target, kinds: list[int]) -> NDArray[np.bool_]:
    """Residues (N,) with atoms that their types do not have, so that they are something else than their names say."""
    strange = np.zeros(target.n_residues, bool)
    for row, (source, kind) in enumerate(zip(target.sources, kinds, strict=True)):
        if source is None or kind == UNKNOWN_TYPE:
            continue
        residue = structure[0][source.chain][source.residue]
        own = np.isfinite(atom14_of(residue, kind)).all(-1).sum()
        heavy = {atom.name for atom in residue if not atom.is_hydrogen()}
        strange[row] = len(heavy - _ENDS) > own
    return strange


def _by_label(model: gemmi.Model) -> dict[tuple[str, int, str], gemmi.Residue]:
    found: dict[tuple[str, int, str], gemmi.Residue] = {}
    for chain in model:
        for residue in chain:
            if not residue.is_water():
                found.setdefault((chain.name, residue.seqid.num or 0, residue.seqid.icode.strip()), residue)
    return found


def _obstacles(model: gemmi.Model, target: Target, kinds: list[int]) -> tuple[NDArray[np.float64], list[str]]:
    """Heavy atoms that are no atoms of the job's own residues, and their elements; no waters."""
    row_of = {label: row for row, label in enumerate(target.labels)}
    points, elements = [], []
    for chain in model:
        for residue in chain:
            if residue.is_water():
                continue
            row = row_of.get((chain.name, residue.seqid.num or 0, residue.seqid.icode.strip()))
            known = set(BACKBONE)
            if row is not None:  # under whatever name the model has them
                known |= {atom.name for atom in atom14_atoms(residue, kinds[row]).values()}
                known |= set(TEMPLATES[RESIDUE_NAMES[kinds[row]]].names)
            for atom in residue:
                if atom.is_hydrogen() or (row is not None and atom.name in known):
                    continue
                points.append(atom.pos.tolist())
                elements.append(atom.element.name)
    return np.array(points, np.float64).reshape(-1, 3), elements


def _true_ends(target: Target, rebuilt: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """C termini (N,) that were built: the last residues of chains that the job has completely."""
    if target.left_out is not None:  # it does not say what it leaves out behind the last one
        return np.zeros(target.n_residues, bool)
    chain = target.polymer.chain_index
    return np.asarray(np.append(chain[1:] != chain[:-1], True) & rebuilt)


def _called(target: Target, row: int) -> str:
    chain, number, icode = target.labels[row]
    return f"{chain} {number}{icode} {target.names[row]}"
