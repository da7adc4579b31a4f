"""Whether the result of a job is in register: where it is not, the map was followed with the wrong residues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..placing.target import Target
from ..rotamers.field import MapView
from ..rotamers.register import RegisterShift, find_shifts, score_register
from ..structure.other_atoms import other_atoms
from .problem import Problem

__all__ = ["check_register", "register_figures", "register_lines"]


def check_register(problem: Problem, x: NDArray[np.floating], view: MapView) -> list[RegisterShift]:
    """Stretches of a backbone whose side-chain density fits the sequence better one or two residues on or back.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (N, 4, 3)
        In angstrom.
    view : MapView

    Returns
    -------
    list of RegisterShift
        Rows are residues of the job; best first.
    """
    target = problem.target
    types, chain = target.polymer.aatype, target.polymer.chain_index
    others = other_atoms(problem.structure, target.labels, np.zeros(target.n_residues, bool))
    backbone = torch.as_tensor(x, dtype=torch.float32)
    with torch.no_grad():
        # which elements these are matters little where only their density is taken off
        fit = score_register(backbone, types, view, others, ["C"] * len(others))
    left_out = np.zeros(len(types), np.int64) if target.left_out is None else target.left_out
    found: list[RegisterShift] = []
    for number in range(len(target.polymer.chain_ids)):
        rows = np.flatnonzero(chain == number)
        if not len(rows):
            continue
        at = np.arange(len(rows)) + np.cumsum(left_out[rows])
        sequence = np.full(int(at[-1]) + 1, 20)
        sequence[at] = types[rows]
        for one in find_shifts(fit[rows], sequence, at):
            first, last = int(rows[one.first]), int(rows[one.last])
            found.append(RegisterShift(first, last, one.shift, one.better, one.good))
    return sorted(found, key=lambda one: -one.better)


def register_figures(found: Sequence[RegisterShift], target: Target) -> list[dict[str, Any]]:
    """Plain values for the metrics."""
    return [
        {
            "chain": target.labels[one.first][0],
            "first": _number(target, one.first),
            "last": _number(target, one.last),
            "shift": one.shift,
            "better_by_nats": round(one.better, 1),
        }
        for one in found
    ]


def register_lines(found: Sequence[RegisterShift], target: Target) -> list[str]:
    """What to tell the user."""
    lines = []
    for one in found:
        on = "further on" if one.shift > 0 else "back"
        count = "one residue" if abs(one.shift) == 1 else f"{abs(one.shift)} residues"
        lines.append(
            f"Residues {_number(target, one.first)} to {_number(target, one.last)} of chain "
            f"{target.labels[one.first][0]} look like those {count} {on} along the sequence (by {one.better:.0f} "
            "nats): they may be out of register; look for a residue too many or too few at the ends of this stretch."
        )
    return lines


def _number(target: Target, row: int) -> str:
    return f"{target.labels[row][1]}{target.labels[row][2]}".strip()
