"""What a job must remember of the session to bring its result back: frames, names, models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .frames import IDENTITY

__all__ = ["Handover"]

_KEY = "handover"
_TEXTS = ("model_id", "model_name", "map_id", "map_name", "staging")


@dataclass(frozen=True)
class Handover:
    """How the files of a job correspond to the session.

    Parameters
    ----------
    model_to_frame : tuple of 3 tuples of 4 floats
        From the model's own coordinates to those in the job's files.
    model_id, model_name : str
        Of the starting model; '' without one.
    map_id, map_name : str
        Of the map; '' without one.
    chain_names : dict of str to str
        Names of chains in the files, by the model's names, where they differ.
    staging : str
        Folder of the temporary inputs; removed when the job has ended.
    open_result : bool
        Whether the result is opened as a model when the job has finished.
    """

    model_to_frame: tuple[tuple[float, ...], ...] = tuple(map(tuple, IDENTITY.tolist()))
    model_id: str = ""
    model_name: str = ""
    map_id: str = ""
    map_name: str = ""
    chain_names: dict[str, str] = field(default_factory=dict)
    staging: str = ""
    open_result: bool = True

    @property
    def matrix(self) -> NDArray[np.float64]:
        """`model_to_frame` as an array of shape (3, 4)."""
        return np.array(self.model_to_frame, dtype=np.float64)

    def session_chain(self, name: str) -> str:
        """Chain name in the session for one in the files."""
        return {theirs: mine for mine, theirs in self.chain_names.items()}.get(name, name)

    def to_extra(self) -> dict[str, Any]:
        """Plain values to be kept with the job."""
        values = asdict(self)
        values["model_to_frame"] = [list(row) for row in self.model_to_frame]
        return {_KEY: values}

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> Handover:
        """Record kept with a job; the default one if it has none that can be used.

        Jobs of the command line have none, and one read from a folder may hold anything.
        """
        values = extra.get(_KEY)
        if not isinstance(values, Mapping):
            return cls()
        try:
            rows = np.array(values.get("model_to_frame", IDENTITY), dtype=np.float64)
        except (TypeError, ValueError):
            return cls()
        names = values.get("chain_names", {})
        texts = {name: values.get(name, "") for name in _TEXTS}
        usable = rows.shape == (3, 4) and bool(np.isfinite(rows).all()) and isinstance(names, Mapping)
        if not usable or not all(isinstance(text, str) for text in (*texts.values(), *names, *names.values())):
            return cls()
        matrix = tuple(tuple(row) for row in rows.tolist())
        return cls(matrix, chain_names=dict(names), open_result=bool(values.get("open_result", True)), **texts)
