"""What of a model gets side chains, what may change, and what is in the way: the task of packing them."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..contract.specs.model import SIDE_CHAIN_MODELS
from ..placing.target import Target
from ..placing.write import result_structure
from ..rotamers.field import MapView
from ..rotamers.task import PackingTask
from ..sidechain.geometry_table import geometry_table
from ..sidechain.scene_of_model import atom14_atoms, atom14_of
from ..sidechain.templates import BACKBONE, RESIDUE_NAMES, TEMPLATES, UNKNOWN_TYPE
from ..structure.atom_aliases import C_TERMINAL, standard_name
from ..structure.force_field_names import force_field_parent
from ..structure.residues import is_protein_residue
from .problem import Problem

__all__ = ["SideChainJob", "packing_task"]

_FIRST = len(BACKBONE)
_MOVED = 0.02
"""Angstrom from which a backbone counts as moved: more than formats round, less than any bond is known to."""
_METAL_REACH = 2.8
"""Angstrom from a metal within which N, O, S and Se bind it: the longest usual bonds, those of K and Ca to O."""
_BOND = (0.75, 0.3)
"""A bond is no longer than the sum of covalent radii and that many angstrom, and no shorter than that fraction of it:
what is nearer lies on top of each other."""
_BINDING = ("N", "O", "S", "SE")


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
    stay : ndarray of bool, shape (N,), or None
        Residues whose side chains stay where they are whole, whatever the map says.
    model : str
        One of `adp3d.contract.specs.model.SIDE_CHAIN_MODELS`.
    """

    mode: str
    rebuilt: NDArray[np.bool_]
    view: MapView | None
    seed: int
    stay: NDArray[np.bool_] | None = None
    model: str = SIDE_CHAIN_MODELS[0]


def packing_task(job: SideChainJob, problem: Problem, x: NDArray[np.floating]) -> PackingTask:
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
    settled = fixed if job.stay is None else fixed | job.stay
    obstacles, elements, owners = _obstacles(base[0], target, kinds)
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
        changeable[row] = not anew and whole and not settled[row]
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
        obstacle_owners=owners,
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
    """Residues (N,) whose side chains are bonded to something: disulfides, glycans, ligands, metals.

    Records of the file say so, or distances: many models have no such records.
    """
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
    return bound | _near_enough_for_bonds(structure[0], target)


def _near_enough_for_bonds(model: gemmi.Model, target: Target) -> NDArray[np.bool_]:
    """Residues (N,) with a side-chain atom as near to something else as only bonded atoms are.

    Between residues of protein only sulphurs count: what else is that near there is a clash.
    """
    own = {(one.chain, one.residue): row for row, one in enumerate(target.sources) if one is not None}
    mine: list[tuple[int, gemmi.Atom]] = []
    others: list[tuple[int, gemmi.Atom]] = []  # -1 for what is none of the job's
    for i, chain in enumerate(model):
        for j, residue in enumerate(chain):
            row = own.get((i, j), -1)
            if residue.is_water():
                continue
            protein = row >= 0 or is_protein_residue(residue)
            for atom in residue:
                if atom.is_hydrogen():
                    continue
                if row >= 0 and atom.name not in BACKBONE:
                    mine.append((row, atom))
                if not protein or (atom.name == "SG" and residue.name[:2] == "CY"):
                    others.append((row, atom))
    bound = np.zeros(target.n_residues, bool)
    if not mine or not others:
        return bound
    tree = cKDTree([atom.pos.tolist() for _, atom in others])
    near = tree.query_ball_point([atom.pos.tolist() for _, atom in mine], _METAL_REACH)
    for (row, atom), found in zip(mine, near, strict=True):
        for other, partner in (others[k] for k in found):
            bound[row] |= other != row and _bonded(atom, partner) and (partner.name != "SG" or atom.name == "SG")
    return bound


def _bonded(atom: gemmi.Atom, partner: gemmi.Atom) -> bool:
    apart = atom.pos.dist(partner.pos)
    if partner.element.is_metal:
        return atom.element.name.upper() in _BINDING and apart <= _METAL_REACH
    radii = float(atom.element.covalent_r + partner.element.covalent_r)
    return bool(_BOND[0] * radii <= apart <= radii + _BOND[1])


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
        heavy = {standard_name(residue.name, atom.name) for atom in residue if not atom.is_hydrogen()}
        strange[row] = len(heavy - C_TERMINAL) > own
    return strange


def _by_label(model: gemmi.Model) -> dict[tuple[str, int, str], gemmi.Residue]:
    found: dict[tuple[str, int, str], gemmi.Residue] = {}
    for chain in model:
        for residue in chain:
            if not residue.is_water():
                found.setdefault((chain.name, residue.seqid.num or 0, residue.seqid.icode.strip()), residue)
    return found


def _obstacles(
    model: gemmi.Model, target: Target, kinds: list[int]
) -> tuple[NDArray[np.float64], list[str], list[int]]:
    """Heavy atoms that no template of the job's residues has, their elements and residues, -1 for others; no waters."""
    row_of = {label: row for row, label in enumerate(target.labels)}
    points, elements, owners = [], [], []
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
                owners.append(-1 if row is None else row)
    return np.array(points, np.float64).reshape(-1, 3), elements, owners
