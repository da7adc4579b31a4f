"""Scores for a client that has the models open: files in, energies of their residues out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..contract.domains import Names
from ..contract.errors import InputError
from ..contract.settings import rows
from ..contract.specs.score import ScoreSettings
from .score import Score, read_models, score_with
from .score_report import remarks, rows_of

__all__ = ["score_request"]

_MODELS = Names("a list of model files")
_LABELS = Names("a list of names")


def score_request(given: Mapping[str, object], poll: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Energies of models; nothing is written.

    Parameters
    ----------
    given : mapping
        ``models``: list of paths, of one model each; ``labels``: what to call them, as many; and what there is to be
        said of `ScoreSettings`.
    poll : callable
        Called between the evaluations of the network; what it raises ends the work.

    Returns
    -------
    dict
        Plain values. ``lines``: what else the user should know; ``models``: for each of them what
        `adp3d.pipeline.score_report.rows_of` tells, and ``chains``, ``numbers``, ``insertion_codes`` and
        ``energies`` of its residues, in nats.

    Raises
    ------
    InputError
        If something cannot be used.
    """
    paths = _MODELS.check("models", given.get("models"))
    labels = _LABELS.check("labels", given.get("labels"))
    if len(labels) != len(paths):
        raise InputError("Each model to be scored needs a name of its own.")
    said = {name: value for name, value in given.items() if name not in ("models", "labels")}
    known = {row.name for row in rows(ScoreSettings)}
    for name in said:
        if name not in known:
            raise InputError(f"There is nothing called '{name}' to be said of scoring.")
    settings = ScoreSettings(**said)  # type: ignore[arg-type]  # which it checks
    models = [read_models(path, label)[0] for path, label in zip(paths, labels, strict=True)]
    scores = score_with(models, settings, lambda done, total: poll())
    listed = [row | _residues(score) for row, score in zip(rows_of(scores), scores, strict=True)]
    return {"lines": remarks(scores, settings.reference is not None), "models": listed}


def _residues(score: Score) -> dict[str, list[Any]]:
    names = ("chains", "numbers", "insertion_codes")
    columns: dict[str, list[Any]] = {name: [label[i] for label in score.model.labels] for i, name in enumerate(names)}
    return columns | {"energies": score.per_residue.tolist()}
