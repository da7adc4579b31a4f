"""Writing results: the user's structure with the job's chains updated, as mmCIF or PDB, all or nothing."""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..contract.errors import InputError
from ..structure.carried_records import add_carried
from ..structure.deposit_names import with_deposit_names
from ..structure.read import READ_NOTE
from .b_factors import AtomB, b_factor_column
from .confidence_records import add_confidence
from .result_model import Address, assemble_model
from .result_records import update_records
from .side_chains import PlacedSideChain, put_side_chains
from .target import Target

__all__ = ["check_result_path", "result_structure", "write_result", "write_structure"]

_CIF = (".cif", ".mmcif")
_PDB = (".pdb", ".ent")


def write_result(
    template: gemmi.Structure,
    target: Target,
    xyz: NDArray[np.floating],
    confidence: NDArray[np.floating],
    path: str | Path,
    title: str | None = None,
    kept: NDArray[np.bool_] | None = None,
    b_of: AtomB | None = None,
    side_chains: Sequence[PlacedSideChain | None] | None = None,
) -> None:
    """Write the result of a job; see `result_structure` for its content, `with_deposit_names` for its labels.

    mmCIF files have the confidence of each residue of the job in records of its own
    (`adp3d.placing.confidence_records`), whatever the B-factor column holds.

    Parameters
    ----------
    template : gemmi.Structure
        The structure that the target was built from; not changed.
    target : Target
        The job's residues.
    xyz : ndarray, shape (N, 4, 3)
        N, CA, C, O in angstrom.
    confidence : ndarray, shape (N,)
        0 to 100.
    path : str or Path
        ``.cif``/``.mmcif`` or ``.pdb``/``.ent``, optionally with ``.gz``. Written under a temporary name in
        the same folder and renamed, so that no partial file is ever seen.
    title : str, optional
        Replaces the title of the template.
    kept : ndarray of bool, shape (N,), optional
        Residues whose atoms stay as they are, side chains and conformers included.
    b_of : AtomB, optional
        Values of the B-factor column (`adp3d.placing.b_factors`); plausible B-factors by default.
    side_chains : sequence of PlacedSideChain or None, length N, optional
        Side chains that residues get; None leaves one as `result_structure` says.

    Raises
    ------
    InputError
        If the path cannot be written or the format cannot hold the structure.
    ValueError
        If array shapes or values are wrong or the template is a different structure.
    """
    structure = with_deposit_names(result_structure(template, target, xyz, confidence, title, kept, b_of, side_chains))
    write_structure(structure, path, dict(zip(target.labels, np.asarray(confidence, float).tolist(), strict=True)))


def result_structure(
    template: gemmi.Structure,
    target: Target,
    xyz: NDArray[np.floating],
    confidence: NDArray[np.floating],
    title: str | None = None,
    kept: NDArray[np.bool_] | None = None,
    b_of: AtomB | None = None,
    side_chains: Sequence[PlacedSideChain | None] | None = None,
) -> gemmi.Structure:
    """Return the template's first model with the job's chains updated and completed.

    Existing residues get the new backbone, and their side chains move rigidly with the frame N, CA, C. New residues
    have N, CA, C, O with occupancy 1, and the side chains that they are given. Ligands, waters, nucleic acids and
    chains outside the job are untouched, as are cell, symmetry, experiment, secondary structure and links (links
    whose atoms are gone are left out, cis peptides of job chains recorded as they are). Entity records hold the
    complete sequences.

    Parameters
    ----------
    template, target, xyz, confidence, title, kept, b_of, side_chains
        As in `write_result`.

    Returns
    -------
    gemmi.Structure
        A new structure with one model.

    Raises
    ------
    ValueError
        If array shapes or values are wrong or the template is a different structure.
    """
    n = target.n_residues
    coordinates = np.asarray(xyz, dtype=np.float64)
    values = np.asarray(confidence, dtype=np.float64)
    if coordinates.shape != (n, 4, 3) or values.shape != (n,):
        raise ValueError(f"expected xyz ({n}, 4, 3) and confidence ({n},), got {coordinates.shape} and {values.shape}")
    if not np.isfinite(coordinates).all() or not np.isfinite(values).all():
        raise ValueError("result coordinates and confidence must be finite")
    if values.min() < 0 or values.max() > 100:
        raise ValueError("confidence must lie between 0 and 100")
    structure = template.clone()
    del structure[1:]
    column = b_of or b_factor_column("plausible", template[0], target, values)
    result = assemble_model(template[0], target, coordinates, column, kept)
    if side_chains is not None:
        put_side_chains(result.model, target.labels, side_chains, column)
    structure[0] = result.model
    update_records(structure, result)
    structure.assign_label_seq_id()  # of chains that the job has in part
    if READ_NOTE in structure.info:
        del structure.info[READ_NOTE]
    if title is not None:
        structure.info["_struct.title"] = title
    _sign(structure)
    return structure


def _sign(structure: gemmi.Structure) -> None:
    """Add this program to the software records, once."""
    software = list(structure.meta.software)
    if any(item.name == "ADP-3D" for item in software):
        return
    item = gemmi.SoftwareItem()
    item.name, item.version = "ADP-3D", __version__
    item.classification = gemmi.SoftwareItem.Classification.ModelBuilding
    structure.meta.software = [*software, item]


def check_result_path(path: str | Path) -> None:
    """Raise early if results could not be written to ``path``.

    Parameters
    ----------
    path : str or Path
        As for `write_result`.

    Raises
    ------
    InputError
        If the extension is unknown or the folder does not exist.
    """
    path = Path(path)
    if _format_suffix(path) not in (*_CIF, *_PDB):
        raise InputError(f"Cannot tell the format of '{path.name}': end the name with .cif or .pdb.")
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; give a file name that ends with .cif or .pdb.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"The folder '{path.absolute().parent}' does not exist.")


def _format_suffix(path: Path) -> str:
    """Extension without .gz, lower case."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def write_structure(
    structure: gemmi.Structure, path: str | Path, confidence: Mapping[Address, float] | None = None
) -> None:
    """Write a structure as mmCIF or PDB by the extension, atomically.

    Parameters
    ----------
    structure : gemmi.Structure
        Anything gemmi can write; serial numbers are assigned anew.
    path : str or Path
        As for `write_result`.
    confidence : mapping of (chain, number, insertion code) to float, optional
        0 to 100, for records of its own; the PDB format has none.

    Raises
    ------
    InputError
        If the path cannot be written or the PDB format cannot hold the structure.
    """
    path = Path(path)
    check_result_path(path)
    if _format_suffix(path) in _PDB:
        text = _pdb_text(structure)
    else:
        document = structure.make_mmcif_document()
        add_confidence(document.sole_block(), structure, confidence or {})
        add_carried(document.sole_block(), structure)
        text = document.as_string()
    content = text.encode("utf-8")
    if path.suffix.lower() == ".gz":
        content = gzip.compress(content, mtime=0)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"Cannot write '{path}': {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _pdb_text(structure: gemmi.Structure) -> str:
    """PDB format, links by CONECT kept."""
    long = [chain.name for model in structure for chain in model if len(chain.name) > 2]
    if long:
        raise InputError(f"The PDB format has no room for the chain name '{long[0]}'; end the result's name with .cif.")
    copy = structure.clone()
    copy.shorten_ccd_codes()
    options = gemmi.PdbWriteOptions()
    options.preserve_serial = True
    options.conect_records = bool(copy.conect_map)
    return copy.make_pdb_string(options)
