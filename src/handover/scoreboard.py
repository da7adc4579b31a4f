"""The latest scores of a session, for whoever shows them."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from .scoring import ScoredPart

__all__ = ["SCORED", "ScoreRow", "Scoreboard", "scoreboard"]

SCORED = "scored"
"""Trigger of `Scoreboard.triggers`: there are other scores. Its data is the scoreboard."""

_ATTRIBUTE = "_adp3d_scoreboard"


@dataclass(frozen=True, eq=False)
class ScoreRow:
    """Score of one model.

    Parameters
    ----------
    reference : weakref to AtomicStructure
    name : str
        Of the model.
    group : int
        Models of one group are the same molecule; only their energies can be compared.
    residues : int
    energy, above_lowest : float
        In nats; above the lowest of the group.
    standard_error : float or None
    ca_rmsd : float or None
        To the reference, in angstrom.
    """

    reference: weakref.ref[AtomicStructure]
    name: str
    group: int
    residues: int
    energy: float
    above_lowest: float
    standard_error: float | None
    ca_rmsd: float | None

    @property
    def model(self) -> AtomicStructure | None:
        """The model; None if it is closed."""
        model = self.reference()
        return None if model is None or model.deleted else model

    @property
    def specifier(self) -> str:
        """Its present number; empty if it is closed."""
        model = self.model
        return "" if model is None else f"#{model.id_string}"


class Scoreboard:
    """Scores that were computed last.

    Attributes
    ----------
    rows : tuple of ScoreRow
        In the order in which the models were named.
    title : str
        What the energies are.
    triggers : TriggerSet
        See `SCORED`.
    """

    def __init__(self) -> None:
        from chimerax.core.triggerset import TriggerSet

        self.rows: tuple[ScoreRow, ...] = ()
        self.title = ""
        self.triggers = TriggerSet()
        self.triggers.add_trigger(SCORED)

    def show(self, scored: Sequence[ScoredPart], title: str) -> None:
        """Replace the scores."""
        self.rows = tuple(_row(part.model, part.told) for part in scored)
        self.title = title
        self.triggers.activate_trigger(SCORED, self)


def scoreboard(session: Session) -> Scoreboard:
    """The scoreboard of a session, made at its first use."""
    board: Scoreboard | None = getattr(session, _ATTRIBUTE, None)
    if board is None:
        board = Scoreboard()
        setattr(session, _ATTRIBUTE, board)
    return board


def _row(model: AtomicStructure, told: Mapping[str, Any]) -> ScoreRow:
    return ScoreRow(
        weakref.ref(model),
        str(model.name),
        int(told["group"]),
        int(told["residues"]),
        float(told["energy"]),
        float(told["above_lowest"]),
        told["standard_error"],
        told["ca_rmsd"],
    )
