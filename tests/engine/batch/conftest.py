"""A table of tiny jobs: 24 residues of a helix, three of them missing, six steps of the prior without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_structures import Builder, Part

SEQUENCE = Builder.SEQUENCE[:24]
QUICK = {
    "kind": "complete",
    "model": "model.cif",
    "sequence": SEQUENCE,
    "steps": "6",
    "replicas": "1",
    "prior": "gaussian",
    "device": "cpu",
    "relax": "no",
    "side-chains": "none",
}


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """``table(row, row, ...)``: write a table whose rows are `QUICK` with the given cells."""
    structure = Builder.build([Part("A", SEQUENCE, skip=(10, 11, 12))])
    structure.make_mmcif_document().write_file(str(tmp_path / "model.cif"))

    def write(*rows: dict[str, str], name: str = "jobs.csv") -> Path:
        cells = [{**QUICK, **row} for row in rows]
        columns = list(dict.fromkeys(column for row in cells for column in row))
        lines = [",".join(f'"{row.get(column, "")}"' for column in columns) for row in cells]
        path = tmp_path / name
        path.write_text("\n".join([",".join(columns), *lines]) + "\n")
        return path

    return write
