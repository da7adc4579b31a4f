"""Showing a few residues of a large model: map cut out around them, neighbours as sticks, the camera turned to them.

Nothing of it is for good: `Spotlight.put_back` leaves everything as it was. It puts no step on the undo stack.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..handover.part import residue_address

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Atoms, Residues
    from chimerax.core.session import Session
    from chimerax.geometry import Place
    from chimerax.map import Volume

    from ..handover.atoms import Address

__all__ = ["Spotlight"]

_ZONE = 4.0
"""Angstrom around the residues within which the map is shown: density of the neighbours is seen, but does not hide."""
_NEIGHBOURS = 5.0
"""Angstrom from an atom of the residues within which others are neighbours: contacts, and water between."""
_MARGIN = 3.0
"""Angstrom around the residues that the picture holds."""
_CLIPPING = ("near", "far")
"""Clip planes that move with the camera: ``view #1`` and the like set them around what they show, and would cut away a
stretch that the camera turns to afterwards."""
_OFF_CENTRE = 3.0
"""Angstrom from the middle of the model from which there is an outside to look from."""

_Drawn = dict["Address", dict[str, tuple[bool, int]]]
"""Whether atoms are displayed, and in which style, by residue and name."""


class Spotlight:
    """What is shown at the moment, and how it was before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._camera: Place | None = None
        self._clipping: list[Any] = []
        self._model: weakref.ref[AtomicStructure] | None = None
        self._drawn: _Drawn = {}
        self._shown: list[tuple[weakref.ref[AtomicStructure | Volume], bool]] = []
        self._map: weakref.ref[Volume] | None = None

    @property
    def on(self) -> bool:
        """Whether something is shown."""
        return self._camera is not None

    def show(self, residues: Residues, volume: Volume | None) -> None:
        """Show residues of one model, in place of those that are shown.

        Parameters
        ----------
        residues : Residues
            At least one.
        volume : Volume or None
            Map that they lie in. One that the user has cut out by hand stays as it is.
        """
        model: AtomicStructure = residues[0].structure
        before = None if self._model is None else self._model()
        if before is not model:
            self.put_back(camera=False)
        else:
            self._restore_atoms()
        if self._camera is None:
            self._camera = self._session.main_view.camera.position
            self._clipping = [plane.copy() for plane in self._planes() if plane.name in _CLIPPING]
        self._session.main_view.clip_planes.replace_planes(self._other_planes())
        self._model = weakref.ref(model)
        atoms = residues.atoms
        places = np.asarray(atoms.scene_coords, dtype=np.float64)
        self._display(model)
        self._sticks(model, residues, places)
        if volume is not None and not volume.deleted:
            self._display(volume)
            self._cut_out(volume, places)
        self._turn_to(model, places)
        self._session.selection.clear()
        atoms.selecteds = True

    def put_back(self, camera: bool = True) -> None:
        """Leave everything as it was before the first residues were shown; what was closed since does not matter."""
        self._restore_atoms()
        volume = None if self._map is None else self._map()
        if volume is not None and not volume.deleted:
            _whole(volume)
        self._map = None
        for reference, display in reversed(self._shown):
            shown = reference()
            if shown is not None and not shown.deleted:
                shown.display = display
        self._shown.clear()
        self._model = None
        if camera and self._camera is not None:
            self._session.main_view.camera.position = self._camera
            self._session.main_view.clip_planes.replace_planes([*self._other_planes(), *self._clipping])
            self._camera, self._clipping = None, []

    def _planes(self) -> list[Any]:
        planes: list[Any] = self._session.main_view.clip_planes.planes()
        return planes

    def _other_planes(self) -> list[Any]:
        """Planes that stay where they are in the scene: the user's own cuts."""
        return [plane for plane in self._planes() if plane.name not in _CLIPPING]

    def _display(self, model: AtomicStructure | Volume) -> None:
        if not model.display:
            self._shown.append((weakref.ref(model), False))
            model.display = True

    def _sticks(self, model: AtomicStructure, residues: Residues, places: NDArray[np.float64]) -> None:
        """Draw residues and those beside them as sticks."""
        from chimerax.atomic import Atom
        from chimerax.geometry import find_close_points

        every: Atoms = model.atoms
        _, near = find_close_points(places, np.asarray(every.scene_coords, dtype=np.float64), _NEIGHBOURS)
        chosen: Residues = every[near].unique_residues | residues
        atoms = chosen.atoms
        columns = (atoms.names, atoms.displays.tolist(), atoms.draw_modes.tolist())
        rows = iter(list(zip(*columns, strict=True)))
        for residue in chosen:
            address = residue_address(residue)
            own = (next(rows) for _ in range(residue.num_atoms))
            self._drawn[address] = {name: (display, mode) for name, display, mode in own}
        atoms.displays = True
        atoms.draw_modes = Atom.STICK_STYLE

    def _restore_atoms(self) -> None:
        model = None if self._model is None else self._model()
        if model is not None and not model.deleted and self._drawn:
            for (chain, number, code), atoms in self._drawn.items():
                residue = model.find_residue(chain, number, code or " ")  # those that an undo made again are new ones
                for atom in () if residue is None else residue.atoms:
                    if atom.name in atoms:
                        atom.display, atom.draw_mode = atoms[atom.name]
        self._drawn = {}

    def _cut_out(self, volume: Volume, places: NDArray[np.float64]) -> None:
        from chimerax.surface.zone import surface_zone, zoning

        ours = None if self._map is None else self._map()
        if ours is not volume and any(zoning(surface) is not None for surface in volume.surfaces):
            return
        for surface in volume.surfaces:
            inside = surface.scene_position.inverse() * places
            surface_zone(surface, inside.astype(np.float32), _ZONE, auto_update=True)
        self._map = weakref.ref(volume)

    def _turn_to(self, model: AtomicStructure, places: NDArray[np.float64]) -> None:
        """Look at the residues from outside of the model, as upright as before."""
        from chimerax.geometry import Bounds, Place

        view = self._session.main_view
        centre = places.mean(0)
        outward = centre - np.asarray(model.atoms.scene_coords, dtype=np.float64).mean(0)
        axes = np.asarray(view.camera.position.axes(), dtype=np.float64)
        if np.linalg.norm(outward) > _OFF_CENTRE:
            axes = _facing(outward, axes)
            view.camera.position = Place(axes=axes, origin=centre + 100.0 * axes[2])
        low, high = places.min(0) - _MARGIN, places.max(0) + _MARGIN
        view.view_all(Bounds(low.astype(np.float32), high.astype(np.float32)), pad=0.1)


def _facing(outward: NDArray[np.float64], axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Axes (rows x, y, z) of a camera that looks against a direction, as upright as those given."""
    z = outward / np.linalg.norm(outward)
    up: Sequence[NDArray[np.float64]] = (axes[1], axes[2])
    y = next(one for one in up if np.linalg.norm(np.cross(one, z)) > 0.1)
    x = np.cross(y, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _whole(volume: Volume) -> None:
    from chimerax.surface.zone import surface_unzone

    for surface in volume.surfaces:
        surface_unzone(surface)
