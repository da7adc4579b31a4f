"""Final coordinates and confidence of a job, from the files that it has written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..handover.confidence import read_confidence
from .backbone import ATOMS_PER_RESIDUE

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from ..jobs.state import Layout

__all__ = ["layout_of", "read_backbones", "read_result"]

_ATOM_INDEX = {"N": 0, "CA": 1, "C": 2, "O": 3}
_BOND_REACH = 2.0
"""Longest C-N distance in angstrom that is taken for a peptide bond."""


def read_result(
    session: Session, layout: Layout, result: Path, ensemble: Path | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Backbones of all replicas, best first, (replica, N, 4, 3) in angstrom, and confidence (N,).

    Parameters
    ----------
    session : Session
    layout : Layout
        Residues to look for.
    result : Path
        Model with a confidence for each residue.
    ensemble : Path, optional
        All replicas, best first; without it there is one.

    Raises
    ------
    chimerax.core.errors.UserError
        If a file cannot be read or lacks residues.
    """
    from chimerax.core.errors import UserError

    everyone = None if ensemble is None or not ensemble.is_file() else read_backbones(session, ensemble, layout)
    # what a result leaves out its replicas have nevertheless
    replicas = read_backbones(session, result, layout, None if everyone is None else everyone[0])
    try:
        stated = read_confidence(result)
    except (ValueError, OSError) as error:
        raise UserError(f"'{result}' cannot be read ({error}); run the job again.") from error
    if everyone is not None:
        replicas = np.concatenate([replicas, everyone[1:]])
    return replicas, np.array([stated.get(label, np.nan) for label in _labels(layout)])


def read_backbones(
    session: Session, path: Path, layout: Layout, instead: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Coordinates (model, N, 4, 3) of the job's residues in a file; ``instead`` (N, 4, 3) of those that it lacks.

    Raises
    ------
    chimerax.core.errors.UserError
        If the file cannot be read or a backbone atom is missing.
    """
    from chimerax.core.errors import UserError

    structures = _open(session, path)
    try:
        read = [_backbone_of(structure, layout) for structure in structures]
    finally:
        for structure in structures:
            structure.delete()
    if not read:
        raise UserError(f"'{path}' holds no model.")
    coordinates = np.stack(read)
    if instead is not None:
        coordinates = np.where(np.isnan(coordinates).any((2, 3), keepdims=True), instead, coordinates)
    missing = int(np.isnan(coordinates).any((0, 2, 3)).sum())
    if missing:
        raise UserError(f"'{path}' lacks {missing} of the {layout.n_residues} residues of the job.")
    return coordinates


def _labels(layout: Layout) -> list[tuple[str, int, str]]:
    codes = (code.strip() for code in layout.insertion_codes)
    return list(zip(layout.chains, map(int, layout.numbers), codes, strict=True))


def layout_of(session: Session, path: Path) -> Layout:
    """Layout of a finished job from a file that has its backbone only, such as ``ensemble.cif``.

    Raises
    ------
    chimerax.core.errors.UserError
        If the file cannot be read.
    """
    from ..jobs.state import Layout

    structures = _open(session, path)
    try:
        residues = structures[0].residues
        n = len(residues)
        unplaced = Layout(
            chains=tuple(str(value) for value in residues.chain_ids),
            numbers=tuple(int(value) for value in residues.numbers),
            insertion_codes=tuple(str(value).strip() for value in residues.insertion_codes),
            names=tuple(str(value) for value in residues.names),
            known=(True,) * n,
            links=(False,) * n,
            coordinates=np.zeros((n, ATOMS_PER_RESIDUE, 3)),
        )
        coordinates = _backbone_of(structures[0], unplaced)
    finally:
        for structure in structures:
            structure.delete()
    gaps = np.linalg.norm(coordinates[1:, 0] - coordinates[:-1, 2], axis=-1)
    same_chain = [first == second for first, second in zip(unplaced.chains, unplaced.chains[1:], strict=False)]
    links = (*((gaps < _BOND_REACH) & np.array(same_chain, dtype=bool)).tolist(), False)
    return replace(unplaced, links=links, coordinates=np.nan_to_num(coordinates))


def _open(session: Session, path: Path) -> list[AtomicStructure]:
    from chimerax.core.errors import UserError
    from chimerax.mmcif import open_mmcif

    if not path.is_file():
        raise UserError(f"The file '{path}' of the job is missing; it was moved or deleted.")
    structures, _ = open_mmcif(session, str(path), auto_style=False, log_info=False)
    return list(structures)


def _backbone_of(structure: AtomicStructure, layout: Layout) -> NDArray[np.float64]:
    """Coordinates (N, 4, 3), NaN where there is no such atom."""
    places = {label: i for i, label in enumerate(_labels(layout))}
    coordinates = np.full((layout.n_residues, ATOMS_PER_RESIDUE, 3), np.nan)
    atoms = structure.atoms
    residues = atoms.residues
    found = [
        (places.get((chain, int(number), code.strip()), -1), _ATOM_INDEX.get(name, -1))
        for chain, number, code, name in zip(
            residues.chain_ids, residues.numbers, residues.insertion_codes, atoms.names, strict=True
        )
    ]
    rows, columns = np.array(found, dtype=np.int64).reshape(-1, 2).T
    ours = (rows >= 0) & (columns >= 0)
    coordinates[rows[ours], columns[ours]] = atoms.coords[ours]
    return coordinates
