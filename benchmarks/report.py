"""Tables that survive a stopped run, and the small figures that all benchmarks take of replicas."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Row", "Table", "column", "replica_figures", "write_table"]

Row = Mapping[str, object]


class Table:
    """Rows that are on disk as soon as they are known.

    Parameters
    ----------
    path : Path
        CSV file to write; an existing one is replaced with the first row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[Row] = []

    def restore(self, text: Sequence[str]) -> None:
        """Take up the rows that the file has, if there is one; columns not named in ``text`` are numbers."""
        if self._path.is_file():
            with self._path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    self.rows.append({key: value if key in text else _number(value) for key, value in row.items()})

    def add(self, row: Row) -> None:
        """Append a row; all rows have the same columns."""
        with self._path.open("a" if self.rows else "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if not self.rows:
                writer.writeheader()
            writer.writerow(_rounded(row))
        self.rows.append(row)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Rows as CSV, all at once."""
    table = Table(path)
    for row in rows:
        table.add(row)


def column(rows: Sequence[Row], name: str) -> np.ndarray:
    """One column as float64, NaN where a cell is empty."""
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)


def replica_figures(values: ArrayLike, chosen: int, name: str) -> dict[str, float]:
    """Mean, standard deviation, smallest and chosen of one value per replica, named after ``name``."""
    array = np.asarray(values, dtype=np.float64)
    return {
        f"{name}_mean": float(array.mean()),
        f"{name}_std": float(array.std(ddof=1)) if array.size > 1 else 0.0,
        f"{name}_best": float(array.min()),
        f"{name}_chosen": float(array[chosen]),
    }


def _number(text: str) -> int | float | None:
    """Number of a cell, whole where it was written so; None of an empty one."""
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _rounded(row: Row) -> dict[str, object]:
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}
