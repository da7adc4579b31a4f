"""Whether a model is in register: where it is not, the map was followed with the wrong residues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..job.events import NullEvents
from ..measurement.density import bind_map
from ..measurement.protocol import Scene
from ..measurement.whole_map import WholeMap
from ..placing.target import Target, build_target
from ..rotamers.field import MapView
from ..rotamers.register import LEAST, RegisterShift, find_shifts, score_register
from ..sidechain.templates import UNKNOWN_TYPE
from ..structure.other_atoms import other_atoms
from .side_chains import map_view

__all__ = [
    "check_register",
    "register_figures",
    "register_fit",
    "register_lines",
    "register_of_model",
    "shift_words",
    "shifts_of",
    "stretch_of",
    "stretch_words",
]


def check_register(
    structure: gemmi.Structure, target: Target, x: NDArray[np.floating], view: MapView
) -> list[RegisterShift]:
    """Stretches of a backbone whose side-chain density fits the sequence better one or two residues on or back.

    Parameters
    ----------
    structure : gemmi.Structure
        Model that the target was made of: what it shows beside the residues of the target has density, too.
    target : Target
    x : ndarray, shape (N, 4, 3)
        In angstrom; NaN for residues that are not there.
    view : MapView

    Returns
    -------
    list of RegisterShift
        Rows are residues of the target; best first.
    """
    return shifts_of(target, register_fit(structure, target, x, view), _there(x))


def register_of_model(structure: gemmi.Structure, whole: WholeMap) -> tuple[list[RegisterShift], Target] | None:
    """`check_register` of a model as it is, in a map that it lies in; and its residues.

    Returns
    -------
    (list of RegisterShift, Target) or None
        None where fewer than eight residues have a whole backbone.

    Raises
    ------
    InputError
        If the map and the model have nothing to do with each other.
    """
    device = torch.device("cpu")
    try:
        target = build_target(structure, None, keep_types=True)
    except InputError:  # nothing of the model can be a job's, as where no atom is occupied: it is no chain to shift
        return None
    if _there(target.xyz).sum() < LEAST:
        return None
    scene = Scene(target.polymer, target.labels, target.xyz, structure, device, NullEvents())
    view = map_view(bind_map(whole, scene), None)
    return check_register(structure, target, target.xyz, view), target


def register_fit(
    structure: gemmi.Structure, target: Target, x: NDArray[np.floating], view: MapView
) -> NDArray[np.float64]:
    """Log odds (N, 20), in nats, of types at the places of a backbone; 0 where there is none. See `check_register`."""
    others = other_atoms(structure, target.labels, np.zeros(target.n_residues, bool))
    there = _there(x)
    fit = np.zeros((len(x), UNKNOWN_TYPE))
    with torch.no_grad():
        # which elements these are matters little where only their density is taken off
        fit[there] = score_register(
            torch.as_tensor(x[there], dtype=torch.float32),
            target.polymer.aatype[there],
            view,
            others,
            ["C"] * len(others),
        )
    return fit


def shifts_of(target: Target, fit: NDArray[np.float64], there: NDArray[np.bool_]) -> list[RegisterShift]:
    """Stretches of the residues that are there (N,) that fit another register by log odds (N, 20); best first."""
    types, chain = target.polymer.aatype, target.polymer.chain_index
    left_out = np.zeros(len(types), np.int64) if target.left_out is None else target.left_out
    found: list[RegisterShift] = []
    for number in range(len(target.polymer.chain_ids)):
        rows = np.flatnonzero(chain == number)
        if not len(rows):
            continue
        at = np.arange(len(rows)) + np.cumsum(left_out[rows])
        sequence = np.full(int(at[-1]) + 1, 20)
        sequence[at] = types[rows]
        seen = there[rows]
        rows, at = rows[seen], at[seen]
        for one in find_shifts(fit[rows], sequence, at):
            first, last = int(rows[one.first]), int(rows[one.last])
            found.append(RegisterShift(first, last, one.shift, one.better, one.good))
    return sorted(found, key=lambda one: -one.better)


def register_figures(found: Sequence[RegisterShift], target: Target) -> list[dict[str, Any]]:
    """Plain values for the metrics."""
    return [{**stretch_of(one, target), "better_by_nats": round(one.better, 1)} for one in found]


def stretch_of(one: RegisterShift, target: Target) -> dict[str, Any]:
    """Chain, first and last residue, and shift, as plain values."""
    return {
        "chain": target.labels[one.first][0],
        "first": _number(target, one.first),
        "last": _number(target, one.last),
        "shift": one.shift,
    }


def register_lines(found: Sequence[RegisterShift], target: Target) -> list[str]:
    """What to tell the user."""
    return [
        f"{stretch_words(one, target)} look like those {shift_words(one)} along the sequence (by {one.better:.0f} "
        "nats): they may be out of register; look for a residue too many or too few at the ends of this stretch."
        for one in found
    ]


def stretch_words(one: RegisterShift, target: Target) -> str:
    """The stretch, at the beginning of a sentence."""
    return (
        f"Residues {_number(target, one.first)} to {_number(target, one.last)} of chain {target.labels[one.first][0]}"
    )


def shift_words(one: RegisterShift) -> str:
    """Where residues are of which the side chains look like those of a stretch."""
    count = "one residue" if abs(one.shift) == 1 else f"{abs(one.shift)} residues"
    return f"{count} {'further on' if one.shift > 0 else 'back'}"


def _there(x: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Residues (N,) of which the backbone (N, 4, 3) is whole."""
    return np.asarray(np.isfinite(x).all((1, 2)))


def _number(target: Target, row: int) -> str:
    return f"{target.labels[row][1]}{target.labels[row][2]}".strip()
