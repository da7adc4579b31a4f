"""atomic/src/molobject.py and the classes behind it (atomic_lib/src/atomic_cpp)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .collections import Atoms, Residues

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from .structure import AtomicStructure

_NAMES = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL"
_THREE_TO_ONE = dict(zip(_NAMES.split(), "ARNDCQEGHILKMFPSTWYV", strict=True))


class Element:
    """A chemical element."""

    _elements: ClassVar[dict[str, Element]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = {"H": 1, "C": 6, "N": 7, "O": 8, "P": 15, "S": 16, "ZN": 30}.get(name.upper(), 0)

    @classmethod
    def get_element(cls, name: str) -> Element:
        return cls._elements.setdefault(name.upper(), cls(name))


class Atom:
    """An atom; its coordinates are those of the structure's active coordinate set."""

    SPHERE_STYLE, BALL_STYLE, STICK_STYLE = range(3)
    HIDE_RIBBON = 0x1

    def __init__(self, structure: AtomicStructure, name: str, element: Element | str) -> None:
        self.structure = structure
        self.name = name
        self.element = element if isinstance(element, Element) else Element.get_element(element)
        self.residue: Residue = None  # until it is added to one
        self.coord_index: int | None = None
        self.bfactor = 0.0
        self.occupancy = 1.0
        self.serial_number = -1
        self.color: NDArray[np.uint8] = np.array((178, 178, 178, 255), np.uint8)
        self.display = True
        self.draw_mode = Atom.SPHERE_STYLE
        self.selected = False
        self.hide = 0
        self.bonds: list[Bond] = []
        self._alternatives = {}
        self._alt_loc = " "
        self.deleted = False

    @property
    def alt_loc(self) -> str:
        return self._alt_loc

    @alt_loc.setter
    def alt_loc(self, loc: str) -> None:
        # atomstruct_cpp/Residue.cpp, set_alt_loc: all atoms of the residue that have it
        if loc == " " or loc == self._alt_loc:
            return
        if loc not in self._alternatives:
            raise ValueError(f"atom {self.name} does not have an alt loc '{loc}'")
        for atom in self.residue._atoms:
            if loc in atom._alternatives and atom._alt_loc != loc:
                atom._switch(loc)

    @property
    def alt_locs(self) -> list[str]:
        return list(self._alternatives)

    @property
    def num_alt_locs(self) -> int:
        return len(self._alternatives)

    def has_alt_loc(self, loc: str) -> bool:
        return loc in self._alternatives

    def get_alt_loc_coord(self, loc: str) -> NDArray[np.float64]:
        return self.coord if loc in (" ", self._alt_loc) else self._alternatives[loc][0].copy()

    def get_alt_loc_occupancy(self, loc: str) -> float:
        return self.occupancy if loc in (" ", self._alt_loc) else self._alternatives[loc][1]

    def set_alt_loc(self, loc: str, create: bool) -> None:
        if create and loc not in self._alternatives:
            self._alternatives[loc] = (self.coord, 0.0, self.bfactor)
            self._switch(loc)
        else:
            self.alt_loc = loc

    @contextmanager
    def suppress_alt_loc_change_notifications(self) -> Iterator[None]:
        # atomic_cpp/cymol.pyx, CyAtom: the conformation that was shown is shown again at the end
        shown = self.alt_loc
        try:
            yield
        finally:
            self.alt_loc = shown

    def _switch(self, loc):
        if self._alt_loc != " ":
            self._alternatives[self._alt_loc] = (self.coord, self.occupancy, self.bfactor)
        self._alt_loc = loc
        self.coord, self.occupancy, self.bfactor = self._alternatives[loc]

    @property
    def session(self) -> Session:
        return self.structure.session

    @property
    def element_name(self) -> str:
        return self.element.name

    @property
    def coord(self) -> NDArray[np.float64]:
        return self.structure.active_coordset.xyzs[self.coord_index].copy()

    @coord.setter
    def coord(self, xyz: NDArray[np.float64]) -> None:
        if self.coord_index is None:
            self.structure._new_coord_index(self)
        self.structure.active_coordset.xyzs[self.coord_index] = xyz

    @property
    def scene_coord(self) -> NDArray[np.float64]:
        return self.structure.scene_position * self.coord

    @property
    def neighbors(self) -> list[Atom]:
        return [bond.other_atom(self) for bond in self.bonds]

    def connects_to(self, other: Atom) -> bool:
        return other in self.neighbors

    def delete(self) -> None:
        self.structure.delete_atom(self)


class Bond:
    """A bond."""

    def __init__(self, first: Atom, second: Atom) -> None:
        self.atoms = (first, second)
        self.color = np.array((178, 178, 178, 255), np.uint8)
        self.display = True
        self.radius = 0.2
        self.structure = first.structure

    def other_atom(self, atom: Atom) -> Atom:
        return self.atoms[1] if self.atoms[0] is atom else self.atoms[0]

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.atoms[0].coord - self.atoms[1].coord))

    def delete(self) -> None:
        self.structure.delete_bond(self)


class Residue:
    """A residue."""

    PT_NONE, PT_AMINO, PT_NUCLEIC = range(3)
    SS_COIL, SS_HELIX, SS_STRAND = range(3)
    _registered: ClassVar[dict[str, Any]] = {}

    def __init__(self, structure: AtomicStructure, name: str, chain_id: str, number: int, insertion_code: str) -> None:
        self.structure = structure
        self.name = name
        self.chain_id = chain_id
        self.number = number
        self.insertion_code = insertion_code.strip()
        self._atoms: list[Atom] = []
        self._chain: Chain | None = None
        self.ribbon_display = False
        self.ribbon_color: NDArray[np.uint8] = np.array((178, 178, 178, 255), np.uint8)
        self.ss_type = Residue.SS_COIL
        self.ss_id = -1
        self.deleted = False

    def __str__(self):
        return f"/{self.chain_id} {self.name} {self.number}{self.insertion_code}"

    @property
    def session(self) -> Session:
        return self.structure.session

    def connects_to(self, other_res: Residue) -> bool:
        return any(neighbour.residue is other_res for atom in self._atoms for neighbour in atom.neighbors)

    @classmethod
    def register_attr(
        cls,
        session: Session,
        attr_name: str,
        registerer: str,
        *,
        attr_type: type | None = None,
        can_return_none: bool = False,
    ) -> None:
        """core/src/attributes.py: names and types of attributes that bundles add."""
        cls._registered[attr_name] = (registerer, attr_type)

    @property
    def atoms(self) -> Atoms:
        return Atoms(self._atoms)

    @property
    def num_atoms(self) -> int:
        return len(self._atoms)

    @property
    def polymer_type(self) -> int:
        return Residue.PT_NONE if self.chain is None else self.chain.polymer_type

    def _is_amino(self):
        return self.name in _THREE_TO_ONE and self.find_atom("CA") is not None

    @property
    def one_letter_code(self) -> str:
        return _THREE_TO_ONE.get(self.name, "X")

    @property
    def principal_atom(self) -> Atom | None:
        return self.find_atom("CA")

    @property
    def chain(self) -> Chain | None:
        if self.structure._chains is None:
            len(self.structure.chains)  # makes them
        return self._chain

    def find_atom(self, name: str) -> Atom | None:
        return next((a for a in self._atoms if a.name == name), None)

    def add_atom(self, atom: Atom) -> None:
        atom.residue = self
        self._atoms.append(atom)

    def delete(self) -> None:
        self.structure.delete_residue(self)


class Sequence:
    """A named sequence of one-letter codes."""

    def __init__(self, seq: Any = None, *, name: str = "sequence", characters: str = "") -> None:
        self.name = name
        self._characters = characters

    @staticmethod
    def rname3to1(name: str) -> str:
        return _THREE_TO_ONE.get(name, "X")

    @property
    def characters(self) -> str:
        return self._characters

    def __len__(self) -> int:
        return len(self._characters)

    def ungapped(self) -> str:
        return "".join(c for c in self._characters if c.isalpha())


class Chain(Sequence):
    """Sequence of a chain with its residues, None where one has no coordinates."""

    def __init__(
        self,
        structure: AtomicStructure,
        chain_id: str,
        residues: SequenceOf[Residue | None],
        characters: str | None = None,
        from_seqres: bool = False,
    ) -> None:
        given = characters or "".join(r.one_letter_code for r in residues)
        super().__init__(name=f"chain {chain_id}", characters=given)
        self.structure = structure
        self.chain_id = chain_id
        self._residues = list(residues)
        self.from_seqres = from_seqres
        self.polymer_type = Residue.PT_AMINO
        self.description: str | None = None

    @property
    def residues(self) -> list[Residue | None]:
        return [r if r is not None and not r.deleted else None for r in self._residues]

    @property
    def existing_residues(self) -> Residues:
        return Residues([r for r in self.residues if r is not None])

    @property
    def num_residues(self) -> int:
        return len(self._residues)

    @property
    def num_existing_residues(self) -> int:
        return len(self.existing_residues)

    def bulk_set(self, residues: SequenceOf[Residue | None], characters: str, *, fire_triggers: bool = True) -> None:
        self._residues = list(residues)
        self._characters = characters
        for residue in self._residues:
            if residue is not None:
                residue._chain = self
