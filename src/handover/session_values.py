"""Values of settings in the session as the engine takes them: models and maps as files, residues as ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract.domains import (
    Domain,
    File,
    MapFile,
    ModelFile,
    Names,
    Requests,
    Residues,
    SequenceText,
    TwoFiles,
    TwoMaps,
    bare,
)
from ..engine.contract.requests import parse_request
from ..engine.contract.settings import Row
from ..engine.contract.symmetry import OF_MAP, SymmetryText, operators_text
from . import frames
from .map_export import Region, write_map
from .model_export import file_chain_names, read_open_model, write_cif
from .part import ModelPart, Stretch, Work, numbered_runs, residue_address
from .sequences import resolve_sequence

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.atomic import Residues as SessionResidues
    from chimerax.core.session import Session
    from chimerax.map import Volume

    from .atoms import ModelAtoms

__all__ = ["Surroundings", "range_label", "value_for_engine", "write_model"]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a job's values refer to.

    Parameters
    ----------
    session : Session
    staging : Path
        Where files are written.
    model : AtomicStructure or None
        Starting model.
    volume, region : Volume and Region, or None
        Map, and what of it is handed over.
    work : Work or None
        What of the model is worked on.
    names : mapping
        Names of chains in the job's files.
    """

    session: Session
    staging: Path
    model: AtomicStructure | None = None
    volume: Volume | None = None
    region: Region | None = None
    work: Work | None = None
    names: Mapping[str, str] | None = None


def value_for_engine(row: Row, value: Any, around: Surroundings) -> Any:
    """Value of a setting for the specification; what has to be a file is written.

    Raises
    ------
    UserError
        If it cannot be used.
    """
    return _handed_over(bare(row.setting.domain), row, value, around)


@singledispatch
def _handed_over(domain: Domain, row: Row, value: Any, around: Surroundings) -> Any:
    """By default as it is."""
    return value


@_handed_over.register
def _(domain: Names, row: Row, value: Any, around: Surroundings) -> Any:
    return tuple(value)


@_handed_over.register
def _(domain: SequenceText, row: Row, value: Any, around: Surroundings) -> Any:
    return resolve_sequence(around.session, value)


@_handed_over.register
def _(domain: File, row: Row, value: Any, around: Surroundings) -> Any:
    return _absolute(value)


@_handed_over.register
def _(domain: TwoFiles, row: Row, value: Any, around: Surroundings) -> Any:
    return tuple(map(_absolute, value))


@_handed_over.register
def _(domain: Requests, row: Row, value: Any, around: Surroundings) -> Any:
    requests = map(parse_request, value)
    return tuple(str(r if r.file is None else replace(r, file=_absolute(r.file))) for r in requests)


@_handed_over.register
def _(domain: SymmetryText, row: Row, value: Any, around: Surroundings) -> Any:
    return _symmetry_of_map(around.volume) if str(value).strip().lower() == OF_MAP else value


@_handed_over.register
def _(domain: ModelFile, row: Row, value: Any, around: Surroundings) -> Any:
    return str(_write_in_frame(value, around, around.staging / f"{row.name}.cif"))


@_handed_over.register
def _(domain: MapFile, row: Row, value: Any, around: Surroundings) -> Any:
    return _write_map(row, value, around, around.staging / f"{row.name}.mrc")


@_handed_over.register
def _(domain: TwoMaps, row: Row, value: Any, around: Surroundings) -> Any:
    return tuple(_write_map(row, one, around, around.staging / f"{row.name}_{i}.mrc") for i, one in enumerate(value, 1))


@_handed_over.register
def _(domain: Residues, row: Row, value: Any, around: Surroundings) -> Any:
    return _labels(row, value, around)


def write_model(atoms: ModelAtoms, path: Path, names: Mapping[str, str], title: str) -> Path:
    """Write atoms as a job's model.

    Raises
    ------
    UserError
        If the disk refuses.
    """
    from chimerax.core.errors import UserError

    try:
        write_cif(atoms, path, names, title)
    except OSError as error:
        raise UserError(f"The model could not be written to '{path.parent}': {error.strerror or error}.") from error
    return path


def range_label(run: Stretch, names: Mapping[str, str]) -> str:
    """Residues as the engine writes them."""
    (chain, first, code), (_, last, last_code) = run
    start = f"{names.get(chain, chain)}:{first}{code}"
    return start if run[0] == run[1] else f"{start}-{last}{last_code}"


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def _write_in_frame(part: ModelPart, around: Surroundings, path: Path) -> Path:
    """Write a further model in the frame of the job."""
    atoms = part.of(read_open_model(part.model))
    base = around.volume if around.volume is not None else around.model
    if base is not None:
        own, frame = (frames.scene_matrix(item, f"#{item.id_string}") for item in (part.model, base))
        atoms = atoms.moved(frames.between(own, frame))
    names = file_chain_names(residue.address[0] for residue in atoms.residues)
    return write_model(atoms, path, names, str(part.model.name))


def _write_map(row: Row, volume: Volume, around: Surroundings, path: Path) -> str:
    """Write a map in the region of the job's map."""
    from chimerax.core.errors import UserError

    if around.region is None:
        raise UserError(f"'{row.keyword}' concerns a map; name the map with 'inMap', or leave it out.")
    write_map(volume, around.region, path, like=None if volume is around.volume else around.volume)
    return str(path)


def _symmetry_of_map(volume: Volume | None) -> str:
    """Operators of an open map, in its own frame, which is that of the job."""
    from chimerax.core.errors import UserError

    if volume is None:
        raise UserError("'symmetry map' concerns a map; name the map with 'inMap', or leave it out.")
    # places in the coordinates of the map's file
    operators = [place.matrix.ravel().tolist() for place in volume.data.symmetries or ()]
    if len(operators) < 2:
        name = f"#{volume.id_string}"
        raise UserError(
            f"ChimeraX knows no symmetry of {name}: find it with 'measure symmetry {name}', or set it with "
            f"'volume {name} symmetry C3' (or whatever it is)."
        )
    return operators_text(operators)


def _labels(row: Row, residues: SessionResidues, around: Surroundings) -> tuple[str, ...] | None:
    """Residues as ``A:12-40`` in the names of the job's files; ranges hold nothing but the residues given.

    Those of chains that are not worked on stay without being named.
    """
    from chimerax.core.errors import UserError

    if around.model is None or around.work is None:
        raise UserError(f"'{row.keyword}' concerns a model; leave it out.")
    model, work = around.model, around.work
    addresses = {residue_address(r) for r in residues if r.structure is model and r.find_atom("CA") is not None}
    if not addresses:
        raise UserError(f"'{row.keyword}' specifies no protein residue of #{model.id_string}.")
    both = [address for address in addresses if work.rebuilds(address)]
    if both:
        chain, number, code = min(both)
        raise UserError(
            f"'{row.keyword}' names residues that are to be built anew (such as {chain} {number}{code}); leave them "
            "out of one."
        )
    if work.chains is not None:
        addresses = {address for address in addresses if address[0] in work.chains}
    return tuple(range_label(run, around.names or {}) for run in numbered_runs(addresses)) or None
