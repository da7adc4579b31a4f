"""Open models to be docked: their atoms written for the engine, and moved where it found them, as one step."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import frames
from .atoms import MOVED
from .map_export import choose_region, write_map
from .model_export import file_chain_names, read_open_model
from .part import residue_address
from .quick_fit import correlation_nearby
from .session_values import write_model
from .staging import discard, new_staging_folder

if TYPE_CHECKING:
    from chimerax.atomic import Atom, AtomicStructure
    from chimerax.core.session import Session
    from chimerax.core.undo import UndoAction
    from chimerax.map import Volume

__all__ = ["DockInput", "apply_docking", "may_lie_elsewhere", "prepare_docking"]

_GOOD = 0.4
"""Correlation (`correlation_nearby`) from which a model does lie in a map. Four models in their place in experimental
maps of 1.75 to 5 A have 0.37 to 0.82, turned at random about their centres 0.28 at most; in doubt the engine gets more
of the map than it needs."""

Places = dict[tuple["Atom", str], NDArray[np.float64]]
"""Coordinates of atoms by conformation, '' for the only one."""


@dataclass(frozen=True, eq=False)
class DockInput:
    """What is being searched.

    Parameters
    ----------
    models : tuple of AtomicStructure
    volume : Volume
    spec : dict
        For the engine.
    chains : tuple of dict
        Of each model: names of chains in the files, by the session's.
    before : tuple of dict
        Of each model: where its atoms are, in its own frame.
    to_map : tuple of ndarray, shape (3, 4)
        Of each model: the matrix from its frame to that of the map with which its file was written.
    staging : Path
        Folder of the files; to be discarded when the answer is there.
    notes : tuple of str
        What the user should know.
    """

    models: tuple[AtomicStructure, ...]
    volume: Volume
    spec: dict[str, Any]
    chains: tuple[Mapping[str, str], ...]
    before: tuple[Places, ...]
    to_map: tuple[NDArray[np.float64], ...]
    staging: Path
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What users call the models."""
        return ", ".join(f"#{model.id_string}" for model in self.models)


def may_lie_elsewhere(volume: Volume, points: NDArray[np.float64], dock: str) -> bool:
    """Whether a job may have to look for its model in all of a map, which must then not be cut out around the model.

    Parameters
    ----------
    volume : Volume
    points : ndarray, shape (n, 3)
        Atoms in the map's own frame.
    dock : str
        ``auto``, ``never`` or ``always``.
    """
    if dock != "auto" or not len(points):
        return dock == "always"
    return correlation_nearby(volume, points) < _GOOD


def prepare_docking(
    models: Sequence[AtomicStructure],
    volume: Volume,
    settings: Mapping[str, Any],
    map_region: str = "shown",
    map_step: int | None = None,
) -> DockInput:
    """Write models, in the frame of a map, and what is shown of the map, wherever the models are.

    Parameters
    ----------
    models : sequence of AtomicStructure
    volume : Volume
    settings : mapping
        ``resolution``, ``pae`` and ``device`` where they are given.
    map_region, map_step
        As `choose_region` takes them.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    region = choose_region(volume, None, region=map_region, step=map_step)
    to_map = tuple(_to_map(model, volume) for model in models)
    staging = new_staging_folder()
    try:
        files, chains = [], []
        for number, model in enumerate(models):
            atoms = read_open_model(model).moved(to_map[number])
            names = file_chain_names(residue.address[0] for residue in atoms.residues)
            files.append(str(write_model(atoms, staging / f"model_{number}.cif", names, str(model.name))))
            chains.append(names)
        write_map(volume, region, staging / "map.mrc")
    except BaseException:
        discard(staging)
        raise
    spec = {
        **settings,
        "map": str(staging / "map.mrc"),
        "models": files,
        "labels": [f"#{model.id_string}" for model in models],
    }
    before = tuple(map(_places, models))
    return DockInput(tuple(models), volume, spec, tuple(chains), before, to_map, staging, region.notes)


def apply_docking(session: Session, given: DockInput, report: Mapping[str, Any]) -> None:
    """Move models where the engine found them, as one step that ``undo`` takes back.

    All atoms and conformations of what was found move, and lie in the map's density afterwards even if models or map
    were moved in the scene since the search began; positions of the models in the scene stay.

    Raises
    ------
    UserError
        If a model was closed or changed since; nothing is moved then.
    """
    from chimerax.core.errors import UserError

    closed = "the map" if given.volume.deleted else "a model" if any(m.deleted for m in given.models) else ""
    if closed:
        raise UserError(f"{given.name} was searched in a map, but {closed} was closed meanwhile; nothing was moved.")
    for model, before in zip(given.models, given.before, strict=True):
        if not _same(_places(model), before):
            raise UserError(
                f"Atoms of #{model.id_string} were moved, made or deleted while it was searched; nothing was moved. "
                "Run the command again."
            )
    motions = [_matrix(values) for values in report["places"]]
    after: list[Places] = []
    rows = zip(given.models, given.chains, given.before, given.to_map, report["models"], strict=True)
    for model, names, before, then, told in rows:
        from_map = frames.invert(_to_map(model, given.volume))
        own = [frames.compose(from_map, frames.compose(motion, then)) for motion in motions]
        which = _which(names, told)
        moved: Places = {}
        for (atom, loc), place in before.items():
            number = which.get(residue_address(atom.residue), which.get(None, 0))
            moved[atom, loc] = frames.apply(own[number], place) if number else place
        after.append(moved)
    for model, places in zip(given.models, after, strict=True):
        _put(model, places)
    session.undo.register(_undo_step(given, tuple(after)))


def _to_map(model: AtomicStructure, volume: Volume) -> NDArray[np.float64]:
    own, frame = (frames.scene_matrix(item, f"#{item.id_string}") for item in (model, volume))
    return frames.between(own, frame)


def _matrix(values: Sequence[float]) -> NDArray[np.float64]:
    numbers = np.array(values, np.float64)
    return np.column_stack([numbers[:9].reshape(3, 3), numbers[9:]])


def _which(names: Mapping[str, str], told: Mapping[str, Sequence[Any]]) -> dict[Any, int]:
    """Number of the motion of each residue by address; under None that of all, if it is one."""
    session_name = {theirs: mine for mine, theirs in names.items()}
    rows = zip(told["chains"], told["numbers"], told["insertion_codes"], told["places"], strict=True)
    which: dict[Any, int] = {(session_name.get(c, c), int(n), str(code)): int(p) for c, n, code, p in rows}
    numbers = set(which.values())
    return {**which, None: numbers.pop()} if len(numbers) == 1 else which


def _places(model: AtomicStructure) -> Places:
    """Where all atoms are, in all conformations."""
    atoms = model.atoms
    places: Places = {}
    coords = np.asarray(atoms.coords, np.float64)
    for atom, place, several in zip(atoms, coords, np.asarray(atoms.num_alt_locs).tolist(), strict=True):
        if several:
            places |= {(atom, loc): np.array(atom.get_alt_loc_coord(loc), np.float64) for loc in atom.alt_locs}
        else:
            places[atom, ""] = place.copy()
    return places


def _same(now: Places, before: Places) -> bool:
    return now.keys() == before.keys() and all(np.abs(now[key] - before[key]).max() < MOVED for key in before)


def _put(model: AtomicStructure, places: Places) -> None:
    """Put all atoms of a model at the places given."""
    coords = np.array(model.atoms.coords, np.float64)
    row = {atom: i for i, atom in enumerate(model.atoms)}
    shown: dict[Atom, str] = {}
    for (atom, loc), place in places.items():
        if not loc:
            coords[row[atom]] = place
            continue
        shown.setdefault(atom, atom.alt_loc)
        atom.alt_loc = loc
        atom.coord = place
    for atom, loc in shown.items():
        atom.alt_loc = loc
        coords[row[atom]] = places[atom, loc]
    model.atoms.coords = coords


def _undo_step(given: DockInput, after: Sequence[Places]) -> UndoAction:
    """Undo step that holds the models weakly."""
    from chimerax.core.errors import UserError
    from chimerax.core.undo import UndoAction

    models = [weakref.ref(model) for model in given.models]
    name, before = given.name, given.before

    def put(now: Sequence[Places], then: Sequence[Places]) -> None:
        found = [reference() for reference in models]
        present = [model for model in found if model is not None and not model.deleted]
        if len(present) < len(models):
            raise UserError(f"Docking of {name} cannot be taken back or repeated: a model is closed.")
        for model, places in zip(present, now, strict=True):
            if not _same(_places(model), places):
                raise UserError(
                    f"Atoms of #{model.id_string} were moved, made or deleted since it was docked; nothing was changed."
                )
        for model, places in zip(present, then, strict=True):
            _put(model, places)

    class _DockStep(UndoAction):
        """One docking."""

        def undo(self) -> None:
            """Put all atoms back."""
            put(after, before)

        def redo(self) -> None:
            """Move all atoms again."""
            put(before, after)

    return _DockStep(f"dock {name}")
