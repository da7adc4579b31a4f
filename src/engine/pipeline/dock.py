"""``adp3d dock``: find where a model lies in a map, as a whole, by its chains, or by their domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..contract.errors import InputError
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.read import read_map
from ..density.resolution import estimate_resolution
from ..fitting.body import Atoms
from ..fitting.placement import Place, find_places
from ..fitting.standing import LEAST_Z, Standing, judge_places
from ..job.runtime import choose_device, set_threads
from ..placing.write import check_result_path, write_structure
from ..predictions.aligned_error import AlignedError, read_aligned_error
from ..predictions.domains import SHORTEST_DOMAIN, domains_by_contacts, domains_by_error
from ..structure.read import read_structure

__all__ = ["Docked", "dock_files", "dock_structure"]

_EXPLAINED_RADIUS = 3.0
"""Angstrom around placed atoms whose density is taken: half the width of a chain with its side chains, as in
`fitting.redock`, and half an angstrom more, since whole bodies have all their atoms."""

Rows = list[tuple[int, int]]
"""Residues as (chain, residue) indices of a `gemmi.Model`."""


@dataclass(frozen=True)
class Docked:
    """What became of one body.

    Attributes
    ----------
    name : str
        Such as ``chains A, B``, ``chain A`` or ``A 146 to 334``.
    residues : int
        Of its polymers.
    place : Place or None
        None if it was not found.
    standing : Standing or None
        How far its place stands out; None if the map had no room for a search.
    shift : float
        Way of its centre in angstrom.
    angle : float
        Turn in degrees.
    """

    name: str
    residues: int
    place: Place | None
    standing: Standing | None
    shift: float = 0.0
    angle: float = 0.0

    def line(self) -> str:
        """Sentence for the user."""
        if self.standing is None:
            return f"{self.name}: nothing is left of the map that it could lie in."
        if self.place is None:
            return (
                f"{self.name}: not found; its best place is {self.standing.z:.1f} standard deviations above others, "
                f"and {LEAST_Z:.0f} are needed."
            )
        return (
            f"{self.name}: moved by {self.shift:.0f} A and {self.angle:.0f} degrees; correlation "
            f"{self.place.correlation:.2f}, the next place has {self.standing.next:.2f} (z = {self.standing.z:.1f})."
        )


def dock_files(
    density: str | Path,
    model: str | Path,
    output: str | Path,
    resolution: float | None = None,
    device: str = "auto",
    pae: str | Path | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> list[Docked]:
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
    chosen = choose_device(device)
    set_threads()
    structure, volume = read_structure(model), read_map(density)
    for note in volume.notes:
        told(note)
    if resolution is None:
        estimate = estimate_resolution(volume)
        resolution = estimate.value
        told(f"Resolution estimated from {estimate.method}: {resolution:.1f} A (give 'resolution' if you know it).")
    error = None if pae is None else read_aligned_error(pae)
    docked, bodies = dock_structure(volume, structure, resolution, chosen, error, told=told)
    if not any(body.place for body in bodies):
        raise InputError(
            "The model was not found in the map, so nothing was written: check that the map shows this protein, its "
            "hand and its voxel size."
        )
    write_structure(docked, output)
    return bodies


def dock_structure(
    density: DensityMap,
    structure: gemmi.Structure,
    resolution: float,
    device: torch.device | None = None,
    error: AlignedError | None = None,
    poll: Callable[[], None] = lambda: None,
    told: Callable[[str], None] = lambda text: None,
) -> tuple[gemmi.Structure, list[Docked]]:
    """Place the first model of a structure in a map.

    The whole model is tried first, then its chains, the largest first, and of a chain that is not found its domains,
    each in what the others leave of the density. Ligands, waters and nucleic acids go with the protein chain nearest
    to them. Domains that are not found go with the largest one of their chain that is.

    Parameters
    ----------
    density : DensityMap
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it.
    resolution : float
        Of the map in angstrom.
    device : torch.device, optional
    error : AlignedError, optional
        Predicted aligned errors of the model, which tell its domains; without them contacts do.
    poll : callable
        Called every second or so; what it raises ends the search.
    told : callable
        Receives a sentence for each body when it was tried.

    Returns
    -------
    structure : gemmi.Structure
        A copy with everything that was found in its place.
    bodies : list of Docked
        What was tried, in order. Nothing was found if none has a place.

    Raises
    ------
    InputError
        If the model has no protein, the map is flat, or the errors are of another model.
    """
    model = structure[0]
    protein = {i: _protein(chain, i) for i, chain in enumerate(model)}
    chains = {i: rows for i, rows in protein.items() if len(rows) >= SHORTEST_DOMAIN}
    errors = None if error is None else _errors(model, protein, error)
    if not chains:
        raise InputError(f"The model has no protein chain of at least {SHORTEST_DOMAIN} residues that could be docked.")
    search = _Search(density, model, resolution, device, poll, told)
    moves: dict[tuple[int, int], Place] = {}
    everything = [row for rows in chains.values() for row in rows]
    names = ", ".join(model[i].name for i in chains)
    if len(chains) == 1 or not (place := search.place(f"chains {names}", everything)):
        for index in sorted(chains, key=lambda i: -len(chains[i])):
            moves.update(_dock_chain(search, chains[index], None if errors is None else errors[index]))
    else:
        moves = dict.fromkeys(everything, place)
    result = structure.clone()
    _move(result[0], moves)
    return result, search.tried


class _Search:
    """Searches one after the other, each in the density that those before left over."""

    def __init__(
        self,
        density: DensityMap,
        model: gemmi.Model,
        resolution: float,
        device: torch.device | None,
        poll: Callable[[], None],
        told: Callable[[str], None],
    ) -> None:
        self.model = model
        self.tried: list[Docked] = []
        self._density, self._resolution, self._device = density, resolution, device
        self._poll, self._told = poll, told

    def place(self, name: str, rows: Rows) -> Place | None:
        """Place of a body; its density is taken from the map."""
        atoms = _atoms(self.model, rows)
        docked = self._find(name, len(rows), atoms)
        self.tried.append(docked)
        self._told(docked.line())
        if docked.place is not None:
            taken = near(self._density, docked.place.apply(atoms.xyz), _EXPLAINED_RADIUS)
            values = np.where(taken, np.median(self._density.values), self._density.values)
            self._density = self._density.with_values(values)
        return docked.place

    def _find(self, name: str, residues: int, atoms: Atoms) -> Docked:
        if float(self._density.values.std()) == 0.0 and self.tried:
            return Docked(name, residues, None, None)
        places = find_places(self._density, atoms, self._resolution, device=self._device, poll=self._poll)
        if len(places) < 4:
            return Docked(name, residues, None, None)
        standing = judge_places([place.correlation for place in places])
        if not standing.found:
            return Docked(name, residues, None, standing)
        best = places[0]
        shift = float(np.linalg.norm(best.apply(atoms.centre) - atoms.centre))
        angle = float(np.degrees(Rotation.from_matrix(best.rotation).magnitude()))
        return Docked(name, residues, best, standing, shift, angle)


def _errors(model: gemmi.Model, protein: Mapping[int, Rows], error: AlignedError) -> dict[int, NDArray[np.float32]]:
    """Aligned errors within each chain; the file is for all of them together."""
    everything = [row for rows in protein.values() for row in rows]
    values = error.of([(model[c].name, model[c][r].seqid.num or 0) for c, r in everything])
    ends = np.cumsum([len(rows) for rows in protein.values()])
    return {
        index: values[end - len(rows) : end, end - len(rows) : end]
        for (index, rows), end in zip(protein.items(), ends.tolist(), strict=True)
    }


def _dock_chain(search: _Search, rows: Rows, error: NDArray[np.float32] | None) -> dict[tuple[int, int], Place]:
    """Places of a chain's residues: as one body, or as its domains."""
    name = search.model[rows[0][0]].name
    whole = search.place(f"chain {name}", rows)
    if whole is not None:
        return dict.fromkeys(rows, whole)
    domain = (domains_by_contacts(_ca(search.model, rows)) if error is None else domains_by_error(error)).tolist()
    if max(domain) < 1:
        return {}
    found: dict[int, Place] = {}
    for number in range(max(domain) + 1):
        members = [row for row, own in zip(rows, domain, strict=True) if own == number]
        place = search.place(f"{name} {_stretches(search.model, members)}", members)
        if place is not None:
            found[number] = place
    if not found:
        return {}
    largest = found[min(found)]
    return {row: found.get(own, largest) for row, own in zip(rows, domain, strict=True)}


def _protein(chain: gemmi.Chain, index: int) -> Rows:
    return [
        (index, i)
        for i, residue in enumerate(chain)
        if residue.find_atom("CA", "*", gemmi.Element("C")) is not None and residue.find_atom("C", "*") is not None
    ]


def _atoms(model: gemmi.Model, rows: Rows) -> Atoms:
    """Heavy atoms, one conformer of each residue, weighted by atomic number and occupancy."""
    xyz: list[list[float]] = []
    weight: list[float] = []
    for chain, residue in rows:
        for atom in model[chain][residue].first_conformer():
            if not atom.is_hydrogen():
                xyz.append(atom.pos.tolist())
                weight.append(atom.element.atomic_number)
    return Atoms(np.array(xyz), np.array(weight, dtype=float))


def _ca(model: gemmi.Model, rows: Rows) -> NDArray[np.float64]:
    atoms = [model[c][r].find_atom("CA", "*", gemmi.Element("C")) for c, r in rows]
    return np.array([atom.pos.tolist() for atom in atoms if atom is not None])


def _stretches(model: gemmi.Model, rows: Rows) -> str:
    """Residue numbers of a domain, such as ``1 to 145, 335 to 397``."""
    texts = []
    first = rows[0]
    for row, after in zip(rows, [*rows[1:], (-1, -1)], strict=True):
        if after != (row[0], row[1] + 1):
            a, b = (model[c][r].seqid for c, r in (first, row))
            texts.append(f"{a} to {b}")
            first = after
    return ", ".join(texts)


def _move(model: gemmi.Model, moves: dict[tuple[int, int], Place]) -> None:
    """Apply places to residues, and to what is of no body with the residue of a body nearest to it."""
    if not moves:
        return
    rows = list(moves)
    centres = np.array([_centre(model[c][r]) for c, r in rows])
    left = {row for i, chain in enumerate(model) if len(own := _protein(chain, i)) >= SHORTEST_DOMAIN for row in own}
    left -= moves.keys()  # chains that were not found stay where they are
    for i, chain in enumerate(model):
        for j, residue in enumerate(chain):
            if (i, j) in left:
                continue
            gap = np.linalg.norm(centres - _centre(residue), axis=1)
            _apply(residue, moves.get((i, j)) or moves[rows[int(gap.argmin())]])


def _centre(residue: gemmi.Residue) -> NDArray[np.float64]:
    return np.asarray(np.mean([atom.pos.tolist() for atom in residue], axis=0))


def _apply(residue: gemmi.Residue, place: Place) -> None:
    """Move atoms, and turn their anisotropic B-factors along."""
    turn = gemmi.Mat33(place.rotation.tolist())
    motion = gemmi.Transform(turn, gemmi.Vec3(*place.shift.tolist()))
    for atom in residue:
        atom.pos = gemmi.Position(motion.apply(atom.pos))
        if atom.aniso.nonzero():
            atom.aniso = gemmi.SMat33f(*atom.aniso.transformed_by(turn).elements_pdb())
