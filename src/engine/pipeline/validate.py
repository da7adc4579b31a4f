"""Validation of models in files, and of what jobs make of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from ..contract.errors import InputError
from ..density.map import DensityMap
from ..job.events import NullEvents
from ..measurement.whole_map import MapFiles, read_whole_map
from ..structure.read import read_structure
from ..structure.residues import is_protein_residue
from ..validation.model_report import ModelReport
from ..validation.validate import validate_model
from .register import register_figures, register_lines, register_of_model

__all__ = ["JobValidation", "validate_files", "validation_of_job"]

_LISTED = 20
"""Residues, and clashes, that the readable report names; JSON has all of them."""

_IN_REGISTER = "Register: no stretch fits its side-chain density clearly better one or two residues further on or back."

_LARGEST = 2000
"""Residues up to which a job validates its result by itself: some ten seconds with a map."""


@dataclass(frozen=True)
class JobValidation:
    """Validation of the starting model and of the result of a job."""

    before: ModelReport
    after: ModelReport

    def figures(self) -> dict[str, Any]:
        """Figures of both, under ``before`` and ``after``."""
        return {"before": self.before.figures(), "after": self.after.figures()}


def validate_files(
    model: str | Path,
    map: str | Path | None = None,
    resolution: float | None = None,
    half_maps: tuple[str, str] | None = None,
    confidence: str = "none",
) -> dict[str, Any]:
    """Validate a model, alone or in a map.

    Parameters
    ----------
    model, map : path
    resolution : float, optional
        Of the map, in angstrom; estimated from the half maps or the map by default.
    half_maps : pair of paths, optional
    confidence : str
        What the B-factor column says (see `adp3d.contract.specs.model.CONFIDENCES`).

    Returns
    -------
    dict
        Plain values: ``figures`` of the whole model, ``residues``, ``clashes`` (see
        `adp3d.validation.model_report.ModelReport`), ``register``, stretches that look out of register (None without a
        map), and ``lines``, the report in words.

    Raises
    ------
    InputError
        If a file cannot be read, there is no protein, or the model lies outside the map.
    """
    structure = read_structure(model)
    points = np.array([atom.atom.pos.tolist() for atom in structure[0].all()]).reshape(-1, 3)
    whole = None if map is None else read_whole_map(MapFiles(str(map), half_maps, resolution), points, NullEvents())
    density, resolution = (None, None) if whole is None else (whole.stored, whole.resolution)
    report = validate_model(structure, density, resolution, confidence in ("none", "bfactor"))
    if not len(report.rows):
        raise InputError(f"'{model}' contains no protein; there is nothing to validate.")
    in_register = None if whole is None else register_of_model(structure, whole)
    shifts: list[dict[str, Any]] | None = None
    lines = _lines(report)
    if in_register is not None:
        shifts = register_figures(*in_register)
        lines += register_lines(*in_register) or [_IN_REGISTER]
    return {**report.to_dict(), "register": shifts, "lines": lines}


def validation_of_job(
    before: gemmi.Structure,
    result: Path,
    density: DensityMap | None,
    resolution: float | None,
    confidence: str,
) -> JobValidation | None:
    """Validate the starting model and the result of a job.

    Parameters
    ----------
    before : gemmi.Structure
    result : Path
    density : DensityMap, optional
        Map of the job.
    resolution : float, optional
        Of the map, in angstrom.
    confidence : str
        As in `validate_files`; the result has B-factors in any case.

    Returns
    -------
    JobValidation or None
        None where fewer than half of the residues of the result have a side chain, so that there is little to validate,
        or where it would take long (`_LARGEST`).
    """
    after = read_structure(result)
    residues = [r for chain in after[0] for r in chain if is_protein_residue(r) and r.name != "GLY"]
    if not 0 < len(residues) <= _LARGEST or 2 * sum("CB" in residue for residue in residues) < len(residues):
        return None
    own = confidence in ("none", "bfactor")
    return JobValidation(validate_model(before, density, resolution, own), validate_model(after, density, resolution))


def _lines(report: ModelReport) -> list[str]:
    lines = report.lines()
    outliers = report.outliers()
    lines += [f"  {line}" for line in outliers[:_LISTED]]
    if len(outliers) > _LISTED:
        lines.append(f"  and {len(outliers) - _LISTED} more residues")
    clashes = report.clashes()
    if clashes:
        lines.append("Clashes, worst first:")
    lines += [f"  {one['first']} and {one['second']}: {one['overlap']:.2f} A" for one in clashes[:_LISTED]]
    if len(clashes) > _LISTED:
        lines.append(f"  and {len(clashes) - _LISTED} more clashes")
    if report.fit is not None:
        lines += _worst_fits(report)
    return lines


def _worst_fits(report: ModelReport) -> list[str]:
    """The residues whose side chains the map supports least."""
    table = [row for row in report.residues() if row["q_score_side_chain"] is not None]
    worst = sorted(table, key=lambda row: row["q_score_side_chain"])[: _LISTED // 2]
    if not worst:
        return []
    named = (f"{row['chain']} {row['number']} {row['name']} {row['q_score_side_chain']:.2f}" for row in worst)
    return [f"Lowest Q-scores of side chains: {', '.join(named)}."]
