"""Docking for a client that has the models open: files in, motions of their residues out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gemmi

from ..contract.domains import Domain, Names
from ..contract.errors import InputError
from ..contract.settings import rows
from ..contract.specification import RefineSpec
from .dock import Docking, dock_paths

__all__ = ["dock_report"]

_ROWS = {row.name: row.setting.domain for row in rows(RefineSpec)}
_DOMAINS: dict[str, Domain] = {
    **{name: _ROWS[name] for name in ("map", "resolution", "pae", "device")},
    "models": Names("a list of model files"),
    "labels": Names("a list of names"),
}


def dock_report(given: Mapping[str, object], poll: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Find where models lie in a map; nothing is written.

    Parameters
    ----------
    given : mapping
        ``map``: path; ``models``: list of paths; ``labels``: what to call them, as many; ``resolution``, ``pae`` and
        ``device`` as jobs take them, or nothing of the kind.
    poll : callable
        Called every second or so; what it raises ends the search.

    Returns
    -------
    dict
        Plain values. ``found``: whether anything was; ``lines``: what was found, readable; ``parts``: each body
        that was tried (`adp3d.fitting.rest_search.Docked.to_dict`); ``places``: motions, nine numbers of a rotation
        by rows and three of a shift in angstrom each, the first being none; ``models``: for each of them ``chains``,
        ``numbers`` and ``insertion_codes`` of its residues, and ``places``, which motion each has made.

    Raises
    ------
    InputError
        If something cannot be used.
    """
    for name in given:
        if name not in _DOMAINS:
            raise InputError(f"There is nothing called '{name}' to be said of docking.")
    settled = {name: domain.check(name, given.get(name)) for name, domain in _DOMAINS.items() if name != "device"}
    if len(settled["labels"]) != len(settled["models"]):
        raise InputError("Each model to be docked needs a name of its own.")
    lines: list[str] = []
    device = _DOMAINS["device"].check("device", given.get("device", "auto"))
    docking = dock_paths(
        settled["map"],
        settled["models"],
        settled["labels"],
        settled["resolution"],
        device,
        settled["pae"],
        poll=poll,
        told=lines.append,
    )
    return {
        "found": docking.found,
        "lines": lines,
        "parts": [part.to_dict() for part in docking.parts],
        "places": docking.plain_places,
        "models": [_residues(number, structure, docking) for number, structure in enumerate(docking.structures)],
    }


def _residues(number: int, structure: gemmi.Structure, docking: Docking) -> dict[str, list[Any]]:
    listed = [
        (chain.name, residue.seqid.num, residue.seqid.icode.strip(), docking.motion.get((number, c, r), 0))
        for c, chain in enumerate(structure[0])
        for r, residue in enumerate(chain)
    ]
    names = ("chains", "numbers", "insertion_codes", "places")
    return {name: [row[i] for row in listed] for i, name in enumerate(names)}
