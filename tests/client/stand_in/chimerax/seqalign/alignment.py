"""seqalign/src/alignment.py: aligned sequences; how chains are matched with them is not imitated."""

from __future__ import annotations

from collections.abc import Iterable

from chimerax.atomic import Chain, Sequence


class Alignment:
    """Aligned sequences, and the chains that they belong to."""

    def __init__(self, seqs: Iterable[Sequence], ident: str) -> None:
        self._seqs = list(seqs)
        self.ident = ident
        self.associations: dict[Chain, Sequence] = {}

    @property
    def seqs(self) -> list[Sequence]:
        return self._seqs[:]

    def associate(self, models: Iterable[Chain], seq: Sequence | None = None) -> None:
        # the sequence is given in the tests; ChimeraX looks for the best one otherwise
        if seq is None:
            raise NotImplementedError("which sequence a chain belongs to is not found here")
        self.associations.update({chain: seq for chain in models})
