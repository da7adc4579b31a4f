"""seqalign/src/manager.py: open alignments; viewers are not imitated."""

from __future__ import annotations

from collections.abc import Iterable

from chimerax.atomic import Sequence

from .alignment import Alignment


class AlignmentsManager:
    """Open alignments by their names; `session.alignments`."""

    def __init__(self) -> None:
        self._alignments: dict[str, Alignment] = {}

    @property
    def alignments(self) -> list[Alignment]:
        return list(self._alignments.values())

    def new_alignment(self, seqs: Iterable[Sequence], identify_as: str, viewer: bool = True) -> Alignment:
        ident = identify_as.replace(":", "/")
        self._alignments[ident] = Alignment(seqs, ident)
        return self._alignments[ident]

    def destroy_alignment(self, alignment: Alignment) -> None:
        del self._alignments[alignment.ident]
