"""Folding from distances: what it is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..domains import File, SequenceText
from ..kinds import DISTANCES
from ..settings import Setting, declare
from .common import CommonSpec

__all__ = ["DistancesSpec"]


@dataclass(frozen=True, kw_only=True)
class DistancesSpec(CommonSpec):
    """Fold a sequence from distances between residues."""

    kind: ClassVar[str] = DISTANCES.name

    restraints: str = declare(
        Setting(
            File(),
            "Distances: CSV of residue pairs, NMR-STAR, NEF or XPLOR table.",
            argument=1,
            metavar="RESTRAINTS",
        )
    )
    sequence: str = declare(
        Setting(
            SequenceText(),
            "Sequence: a FASTA file, or the one-letter codes.",
            flags=("--sequence", "-s"),
            metavar="FILE|LETTERS",
            keyword=None,
            meaning="FASTA file, model file, or letters",
        )
    )
