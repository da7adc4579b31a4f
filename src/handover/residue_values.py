"""Figures of the residues of a job, from the table that it has written."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .atoms import Address
from .record import Handover

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["FIGURES", "ResidueValues", "read_residue_values"]

FIGURES = {
    "confidence": "Confidence",
    "fit_after": "Map fit (CC)",
    "displacement": "Displacement (\u00c5)",
}
"""Columns of the table that can be plotted, and what they are called."""


@dataclass(frozen=True, eq=False)
class ResidueValues:
    """Figures of N residues.

    Parameters
    ----------
    addresses : tuple of Address
        Under the names of the user's model, in the order of the job.
    figures : dict of str to ndarray, shape (N,)
        Those of `FIGURES` that there are; NaN where one is not known.
    """

    addresses: tuple[Address, ...]
    figures: dict[str, NDArray[np.float64]]


def read_residue_values(job: Job) -> ResidueValues:
    """Figures of a job's residues.

    Raises
    ------
    UserError
        If the job has no such table, or it was removed or damaged.
    """
    from chimerax.core.errors import UserError

    path = job.paths.get("residues")
    if path is None:
        raise UserError(f"ADP-3D job {job.id} has no figures of its residues; run it again with this version.")
    rename = Handover.of(job.prepared.extra).session_chain
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        addresses = tuple((rename(row["chain"]), int(row["number"]), row["insertion_code"]) for row in rows)
        figures = {name: np.array([float(row[name] or "nan") for row in rows]) for name in FIGURES}
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"'{path}' cannot be read ({error}); run the job again.") from error
    return ResidueValues(addresses, {name: values for name, values in figures.items() if np.isfinite(values).any()})
