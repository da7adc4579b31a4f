"""``adp3d dock``: find where models lie in a map, as a whole, by their chains, or by domains of these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..contract.errors import InputError
from ..density.map import DensityMap
from ..density.read import read_map
from ..density.resolution import estimate_resolution
from ..fitting.placement import Place
from ..fitting.rest_search import Docked, RestSearch, on_one_spot
from ..fitting.standing import Standing
from ..job.runtime import choose_device, set_threads
from ..placing.write import check_result_path, write_structure
from ..predictions.aligned_error import AlignedError, read_aligned_error
from ..predictions.domains import SHORTEST_DOMAIN
from ..structure.read import read_structure
from .dock_parts import ModelChain, Part, Residue, domain_parts, errors_of_chains, follow, joined, moved, onto

__all__ = ["NOT_FOUND", "Docking", "dock_files", "dock_models", "dock_paths", "known_resolution"]

_FAR = 25.0
"""Angstrom between the nearest atoms of chains that are not parts of one body: parts of a model lack at most a domain
between them; chains that were never put together lie anywhere."""
NOT_FOUND = "check that the map shows this protein, its hand and its voxel size"
"""What to do when nothing was found."""


@dataclass(frozen=True)
class Docking:
    """What became of models.

    Attributes
    ----------
    structures : tuple of gemmi.Structure
        Copies with everything that was found in its place.
    parts : tuple of Docked
        What was tried, in order.
    places : tuple of Place
        Motions; the first one is none.
    motion : dict of Residue to int
        Which of them each residue has made.
    """

    structures: tuple[gemmi.Structure, ...]
    parts: tuple[Docked, ...]
    places: tuple[Place, ...]
    motion: dict[Residue, int]

    @property
    def plain_places(self) -> list[list[float]]:
        """The motions as twelve numbers each: a rotation by rows, and a shift in angstrom."""
        return [[*place.rotation.ravel().tolist(), *place.shift.tolist()] for place in self.places]

    @property
    def found(self) -> bool:
        """Whether anything was."""
        return any(part.place is not None for part in self.parts)


def dock_files(
    density: str | Path,
    model: str | Path,
    output: str | Path,
    resolution: float | None = None,
    device: str = "auto",
    pae: str | Path | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Docking:
    """Place the model of a file in the map of another and write it.

    Parameters
    ----------
    density, model, output : str or Path
    resolution : float, optional
        Of the map in angstrom; estimated from it by default.
    device : str
        As of jobs.
    pae : str or Path, optional
        File of predicted aligned errors, by which chains are cut into domains.
    told : callable
        Receives a sentence about whatever is found.

    Raises
    ------
    InputError
        If a file cannot be used, or nothing was found; then nothing is written.
    """
    check_result_path(output)
    docking = dock_paths(density, [model], (), resolution, device, pae, told=told)
    if not docking.found:
        raise InputError(f"The model was not found in the map, so nothing was written: {NOT_FOUND}.")
    write_structure(docking.structures[0], output)
    return docking


def dock_paths(
    density: str | Path,
    models: Sequence[str | Path],
    labels: Sequence[str] = (),
    resolution: float | None = None,
    device: str = "auto",
    pae: str | Path | None = None,
    poll: Callable[[], None] = lambda: None,
    told: Callable[[str], None] = lambda text: None,
) -> Docking:
    """Place the models of files in the map of another; nothing is written.

    Parameters
    ----------
    density : str or Path
    models : sequence of str or Path
    labels : sequence of str
        What the models are called, if there are several.
    resolution, device, pae, told
        As `dock_files` takes them.
    poll : callable
        Called every second or so; what it raises ends the search.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    chosen = choose_device(device)
    set_threads()
    structures, volume = [read_structure(model) for model in models], read_map(density)
    for note in volume.notes:
        told(note)
    error = None if pae is None else read_aligned_error(pae)
    known = known_resolution(volume, resolution, told)
    return dock_models(volume, structures, known, chosen, error, labels, poll=poll, told=told)


def known_resolution(
    volume: DensityMap,
    resolution: float | None,
    told: Callable[[str], None],
    half_maps: tuple[str, str] | None = None,
) -> float:
    """Resolution of a map in angstrom, estimated if it is not given, from its half maps if their files are known."""
    if resolution is None:
        halves = None if half_maps is None else (read_map(half_maps[0]), read_map(half_maps[1]))
        estimate = estimate_resolution(volume, halves)
        resolution = estimate.value
        told(f"Resolution estimated from {estimate.method}: {resolution:.1f} A (give 'resolution' if you know it).")
    return resolution


def dock_models(
    density: DensityMap,
    structures: Sequence[gemmi.Structure],
    resolution: float,
    device: torch.device | None = None,
    error: AlignedError | None = None,
    labels: Sequence[str] = (),
    staying: Collection[tuple[int, str]] = (),
    only: Collection[tuple[int, str]] | None = None,
    poll: Callable[[], None] = lambda: None,
    told: Callable[[str], None] = lambda text: None,
) -> Docking:
    """Place the first models of structures in a map.

    All of them together are tried first, unless they lie in each other or far apart, then each model, then its
    chains, the largest first, and of a chain that is not found its domains, each in what the others leave of the
    density. Copies of a body share one search. What is not protein goes with what is nearest to it (`follow`). Domains
    that are not found go with the largest one of their chain that is.

    Parameters
    ----------
    density : DensityMap
    structures : sequence of gemmi.Structure
        As `adp3d.structure.read.read_structure` returns them.
    resolution : float
        Of the map in angstrom.
    device : torch.device, optional
    error : AlignedError, optional
        Predicted aligned errors of the models, which tell domains; without them contacts do.
    labels : sequence of str
        What the models are called, if there are several.
    staying : collection of (int, str)
        Chains, by number of the model and name, that lie in their place.
    only : collection of (int, str), optional
        Chains that may move, likewise, their ligands included; all by default. All others stay
        where they are, and take no density unless they are among ``staying``.
    poll : callable
        Called every second or so; what it raises ends the search.
    told : callable
        Receives a sentence for each body when it was tried.

    Raises
    ------
    InputError
        If the models have no protein to be docked, the map is flat, or the errors are of other models.
    """
    every = ModelChain.of(structures, labels)
    errors = [None] * len(every) if error is None else errors_of_chains(every, error)
    tree = _Tree(RestSearch(density, resolution, device, poll, told), dict(zip(every, errors, strict=True)))
    chains = []
    for chain in every:
        if (chain.number, chain.observed.chain_id) in staying:
            tree.stay(chain)
        elif only is not None and (chain.number, chain.observed.chain_id) not in only:
            tree.leave(chain)
        elif len(chain) >= SHORTEST_DOMAIN:
            chains.append(chain)
    if not chains:
        raise InputError(f"The model has no protein chain of at least {SHORTEST_DOMAIN} residues that could be docked.")
    tree.dock([chains])
    motion = follow(structures, tree.motion)
    if only is not None:
        motion = {row: which for row, which in motion.items() if (row[0], structures[row[0]][0][row[1]].name) in only}
    return Docking(tuple(moved(structures, motion, tree.places)), tuple(tree.search.tried), tuple(tree.places), motion)


class _Tree:
    """From everything together to domains, as far as is needed."""

    def __init__(self, search: RestSearch, errors: dict[ModelChain, NDArray[np.float32] | None]) -> None:
        self.search = search
        self.places = [Place(np.eye(3), np.zeros(3), 1.0)]
        self.motion: dict[Residue, int] = {}
        self._errors = errors
        self._missed: list[tuple[Part, Standing | None]] = []

    def stay(self, chain: ModelChain) -> None:
        """Take the density of a chain that lies in its place."""
        self.search.take(chain.part.atoms.xyz)
        self.leave(chain)

    def leave(self, chain: ModelChain) -> None:
        """Leave a chain where it is, wherever that may be."""
        self.motion |= dict.fromkeys(chain.rows, 0)

    def dock(self, units: Sequence[Sequence[ModelChain]]) -> None:
        """Place units of one or more chains, the largest first; those that are not found by what they consist of."""
        waiting = sorted(units, key=lambda unit: -sum(map(len, unit)))
        while waiting:
            unit = waiting.pop(0)
            part = joined(unit)
            if not (_belong_together(unit) and self._place(part)):
                self._by_pieces(unit)
                continue
            for other in list(waiting):
                if self._place_copy(joined(other), part):
                    waiting.remove(other)

    def _place(self, part: Part) -> bool:
        """Place a part; whether it was found."""
        for twin, standing in self._missed:
            if onto(part, twin) is not None:
                self.search.miss(part.name, len(part), standing)
                return False
        docked = self.search.place(part.name, len(part), part.atoms)
        if docked.place is None:
            self._missed.append((part, docked.standing))
            return False
        self._note(part, docked)
        return True

    def _place_copy(self, copy: Part, part: Part) -> bool:
        """Place a copy of the part that was found last where that could have lain as well; whether there was room."""
        motion = onto(copy, part) if self.search.spare else None
        if motion is None:
            return False
        standing = self.search.tried[-1].standing
        while self.search.spare:
            place = self.search.spare.pop(0).after(*motion)
            if self.search.free(place.apply(copy.atoms.xyz)):
                self._note(copy, self.search.put(copy.name, len(copy), copy.atoms, place, standing))
                return True
        return False

    def _note(self, part: Part, docked: Docked) -> None:
        assert docked.place is not None
        self.places.append(docked.place)
        self.motion |= dict.fromkeys(part.rows, len(self.places) - 1)

    def _by_pieces(self, unit: Sequence[ModelChain]) -> None:
        by_model: dict[int, list[ModelChain]] = {}
        for chain in unit:
            by_model.setdefault(chain.number, []).append(chain)
        if len(by_model) > 1:
            self.dock(list(by_model.values()))
        elif len(unit) > 1:
            self.dock([[chain] for chain in unit])
        else:
            self._by_domains(unit[0])

    def _by_domains(self, chain: ModelChain) -> None:
        parts = domain_parts(chain, self._errors[chain])
        found = [part for part in parts if self._place(part)]
        # what no domain could be told of, or was not found, goes with the largest that was; else all stays
        rest = self.motion[found[0].rows[0]] if found else 0
        for row in chain.rows:
            self.motion.setdefault(row, rest)


def _belong_together(unit: Sequence[ModelChain]) -> bool:
    """Whether chains may be one body as they are: none in another one's place, none far from all others."""
    if len(unit) == 1:
        return True
    atoms = [chain.part.atoms.xyz for chain in unit]
    if any(on_one_spot(own, atoms[:i] + atoms[i + 1 :]) for i, own in enumerate(atoms)):
        return False
    trees = [cKDTree(own) for own in atoms]
    near = [[one.count_neighbors(other, _FAR) > 0 for other in trees] for one in trees]
    count, _ = connected_components(csr_matrix(np.array(near)), directed=False)
    return bool(count == 1)
