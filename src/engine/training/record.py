"""Tables that a training run keeps."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

__all__ = ["append_row"]


def append_row(path: Path, row: Mapping[str, float | str]) -> None:
    """Add a row to a CSV file, which begins with the names of its columns."""
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)
