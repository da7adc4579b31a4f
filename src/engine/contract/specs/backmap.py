"""Backmapping: what it is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..domains import File, Flag, Integer, ModelFile, Optional
from ..errors import InputError
from ..kinds import BACKMAP
from ..settings import INPUT, OUTPUT, SAMPLING, Setting, declare, rows
from .common import JobSpec
from .model import ModelSpec

__all__ = ["BackmapSpec"]

_SHARED = {row.name: row.setting for row in rows(ModelSpec)}
_FILES = (".cif", ".mmcif", ".pdb", ".ent")


@dataclass(frozen=True, kw_only=True)
class BackmapSpec(JobSpec):
    """All atoms from CA traces, beads, backbones or incomplete models."""

    kind: ClassVar[str] = BACKMAP.name

    model: str = declare(
        Setting(
            File(),
            "CA trace, coarse-grained model, backbone or incomplete model, of one or many frames: mmCIF, PDB, DCD or "
            "XTC.",
            INPUT,
            argument=1,
            metavar="TRACE",
            keyword=None,
        )
    )
    topology: str | None = declare(
        Setting(
            Optional(ModelFile()),
            "Model with the atoms of a DCD or XTC trajectory, in the same order.",
            INPUT,
            metavar="MODEL",
            keyword=None,
            unchecked=True,
            meaning="model with the atoms of a DCD or XTC trajectory",
        ),
        None,
    )
    # the same rows as of jobs that start from a model
    sequence: str | None = declare(_SHARED["sequence"], None)
    chains: tuple[str, ...] | None = declare(_SHARED["chains"], None)
    rebuild: tuple[str, ...] | None = declare(_SHARED["rebuild"], None)
    samples: int = declare(
        Setting(
            Integer(1, 1000),
            "Structures drawn for each frame.",
            SAMPLING,
            flags=("--samples", "-k"),
            unchecked=True,
            meaning="structures drawn for each frame",
        ),
        1,
    )
    pdb: bool = declare(
        Setting(
            Flag(),
            "Write result.pdb, too; done in any case where the input is a PDB file.",
            OUTPUT,
            keyword=None,
            meaning="`result.pdb` as well; done in any case where the input is a PDB file",
        ),
        False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output.lower().endswith(_FILES):
            raise InputError(
                f"The output '{self.output}' is a job folder; give it a name without the ending of a file: "
                "result.cif and result.pdb are in it."
            )
