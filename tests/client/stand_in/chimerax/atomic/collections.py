"""atomic/src/molarray.py: collections with one array for each property."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .molobject import Atom, Bond, Chain, Residue  # noqa: F401  (what collections are of, below)
    from .structure import Structure

_Item = TypeVar("_Item")
_Self = TypeVar("_Self", bound="Collection[Any]")


class Collection(Generic[_Item]):
    """Ordered objects of one kind."""

    def __init__(self, items: Iterable[_Item] | None = None) -> None:
        self._items: list[_Item] = list(items or ())

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[_Item]:
        return iter(self._items)

    def __bool__(self) -> bool:
        return len(self._items) > 0

    @overload
    def __getitem__(self, i: int) -> _Item: ...

    @overload
    def __getitem__(self: _Self, i: slice | NDArray[Any] | list[int]) -> _Self: ...

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, int | np.integer):
            return self._items[i]
        return type(self)(list(np.array(self._items, dtype=object)[i]) if not isinstance(i, slice) else self._items[i])

    def __contains__(self, item: object) -> bool:
        return any(item is other for other in self._items)

    def __or__(self: _Self, other: _Self) -> _Self:
        return type(self)(list(dict.fromkeys([*self._items, *other])))

    def __and__(self: _Self, other: _Self) -> _Self:
        kept = set(map(id, other))
        return type(self)([item for item in self._items if id(item) in kept])

    def __sub__(self: _Self, other: _Self) -> _Self:
        gone = set(map(id, other))
        return type(self)([item for item in self._items if id(item) not in gone])

    def filter(self: _Self, mask: NDArray[np.bool_]) -> _Self:
        return self[np.asarray(mask)]

    def intersect(self: _Self, other: _Self) -> _Self:
        return self & other

    subtract = __sub__
    merge = __or__

    def indices(self, other: Iterable[_Item]) -> NDArray[np.int64]:
        places = {id(item): i for i, item in enumerate(self._items)}
        return np.array([places.get(id(item), -1) for item in other])

    def index(self, item: _Item) -> int:
        return self.indices([item])[0]

    def unique(self: _Self) -> _Self:
        return type(self)(list(dict.fromkeys(self._items)))

    def delete(self) -> None:
        for item in list(self._items):
            item.delete()


def _values(attribute, dtype=object, width=None) -> Any:
    """Property with one value (or row) for each object; setting takes one value or one for each."""

    def get(self):
        values = [getattr(item, attribute) for item in self._items]
        if dtype is object:
            array = np.empty(len(values), object)
            array[:] = values
            return array
        shape = (len(values), width) if width else (len(values),)
        return np.array(values, dtype).reshape(shape)

    def put(self, values):
        one = np.ndim(values) == (1 if width else 0)
        for i, item in enumerate(self._items):
            setattr(item, attribute, values if one else values[i])

    return property(get, put)


class Atoms(Collection["Atom"]):
    names = _values("name")
    bfactors = _values("bfactor", np.float32)
    occupancies = _values("occupancy", np.float32)
    element_names = _values("element_name")
    serial_numbers = _values("serial_number", np.int32)
    coord_indices = _values("coord_index", np.uint32)
    colors = _values("color", np.uint8, 4)
    displays = _values("display", bool)
    draw_modes = _values("draw_mode", np.uint8)
    selecteds = _values("selected", bool)
    selected = selecteds
    alt_locs = _values("alt_loc")
    num_alt_locs = _values("num_alt_locs", np.int64)

    @property
    def coords(self) -> NDArray[np.float64]:
        return _values("coord", np.float64, 3).fget(self)

    @coords.setter
    def coords(self, xyz: NDArray[np.float64]) -> None:
        # ChimeraX passes the array to C++ and refuses any other type, size or layout.
        if not isinstance(xyz, np.ndarray) or xyz.dtype != np.float64:
            raise TypeError("coords must be a float64 array")
        if xyz.shape != (len(self), 3):
            raise ValueError(f"Values must have length {len(self)}, got {len(xyz)}")
        for atom, row in zip(self._items, xyz, strict=True):
            atom.coord = row

    @property
    def scene_coords(self) -> NDArray[np.float64]:
        return np.array([a.structure.scene_position * a.coord for a in self._items]).reshape(-1, 3)

    @property
    def residues(self) -> Residues:
        return Residues([a.residue for a in self._items])

    @property
    def unique_residues(self) -> Residues:
        return self.residues.unique()

    @property
    def structures(self) -> Collection[Structure]:
        return Collection([a.structure for a in self._items])

    @property
    def unique_structures(self) -> Collection[Structure]:
        return self.structures.unique()


class Residues(Collection["Residue"]):
    names = _values("name")
    numbers = _values("number", np.int32)
    chain_ids = _values("chain_id")
    insertion_codes = _values("insertion_code")
    polymer_types = _values("polymer_type", np.uint8)
    ribbon_displays = _values("ribbon_display", bool)
    ribbon_colors = _values("ribbon_color", np.uint8, 4)
    ss_types = _values("ss_type", np.int32)
    ss_ids = _values("ss_id", np.int32)
    num_atoms = _values("num_atoms", np.int64)

    @property
    def atoms(self) -> Atoms:
        return Atoms([a for r in self._items for a in r.atoms])

    @property
    def chains(self) -> Chains:
        return Chains([r.chain for r in self._items if r.chain is not None])

    @property
    def existing_principal_atoms(self) -> Atoms:
        return Atoms([r.principal_atom for r in self._items if r.principal_atom is not None])

    @property
    def structures(self) -> Collection[Structure]:
        return Collection([r.structure for r in self._items])

    @property
    def unique_structures(self) -> Collection[Structure]:
        return self.structures.unique()


class Chains(Collection["Chain"]):
    chain_ids = _values("chain_id")

    @property
    def existing_residues(self) -> Residues:
        return Residues([r for c in self._items for r in c.existing_residues])


class Bonds(Collection["Bond"]):
    colors = _values("color", np.uint8, 4)
    displays = _values("display", bool)
    radii = _values("radius", np.float32)
