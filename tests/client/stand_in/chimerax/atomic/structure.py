"""atomic/src/structure.py and class StructureData of atomic/src/molobject.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from chimerax.core.models import Model

from .changes import note_change
from .collections import Atoms, Bonds, Chains, Residues
from .molobject import Atom, Bond, Chain, Element, Residue

if TYPE_CHECKING:
    from chimerax.core.session import Session


class CoordSet:
    """Coordinates of all atoms; rows are indexed by `Atom.coord_index`, which deletions leave as they are."""

    def __init__(self, structure, id, xyzs):
        self.structure = structure
        self.id = id
        self.xyzs: NDArray[np.float64] = np.array(xyzs, np.float64).reshape(-1, 3)


class Pseudobond:
    """atomic/src/molobject.py, Pseudobond."""

    def __init__(self, group: PseudobondGroup, first: Atom, second: Atom) -> None:
        self.group = group
        self.atoms = (first, second)
        self.selected = False
        self.display = True
        self.color = np.array((255, 255, 0, 255), np.uint8)
        self.halfbond = False
        self.radius = group.radius

    def delete(self) -> None:
        self.group._pseudobonds.remove(self)


class PseudobondGroup(Model):
    """atomic/src/pbgroup.py: lines between atoms, such as the chain trace; drawing is not imitated."""

    def __init__(self, name: str, structure: Structure) -> None:
        super().__init__(name, structure.session)
        self.radius = 0.2
        self._structure = structure
        self._pseudobonds: list[Pseudobond] = []

    def delete(self) -> None:
        super().delete()
        del self._structure._pseudobond_groups[self.name]

    @property
    def pseudobonds(self) -> list[Pseudobond]:
        self._pseudobonds = [p for p in self._pseudobonds if not any(a.deleted for a in p.atoms)]
        return list(self._pseudobonds)

    @property
    def num_pseudobonds(self) -> int:
        return len(self.pseudobonds)

    def new_pseudobond(self, atom1: Atom, atom2: Atom, cs_id: int | None = None) -> Pseudobond:
        self._pseudobonds.append(Pseudobond(self, atom1, atom2))
        return self._pseudobonds[-1]


class Structure(Model):
    """Atoms, residues, bonds and coordinate sets."""

    PBG_MISSING_STRUCTURE = "missing structure"

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
        """core/src/attributes.py: such attributes are saved with sessions, which is not imitated."""

    def __init__(
        self, session: Session, *, name: str = "structure", auto_style: bool = True, log_info: bool = True, **kw: Any
    ) -> None:
        super().__init__(name, session)
        self._atoms: list[Atom] = []
        self._residues: list[Residue] = []
        self._bonds: list[Bond] = []
        self._chains: list[Chain] | None = None
        self._coordsets = {1: CoordSet(self, 1, [])}
        self._active = 1
        self.ribbon_tether_scale = 1.0
        self.ss_assigned = False
        self.bond_radius = 0.2
        self._pseudobond_groups: dict[str, PseudobondGroup] = {}
        self.metadata: dict[str, Any] = {}
        self.triggers.add_trigger("changes")

    @property
    def atoms(self) -> Atoms:
        return Atoms(self._atoms)

    @property
    def residues(self) -> Residues:
        return Residues(self._residues)

    @property
    def bonds(self) -> Bonds:
        return Bonds(self._bonds)

    @property
    def num_atoms(self) -> int:
        return len(self._atoms)

    @property
    def num_bonds(self) -> int:
        return len(self._bonds)

    @property
    def num_residues(self) -> int:
        return len(self._residues)

    @property
    def chains(self) -> Chains:
        # Made at the first use; later residues join by their bonds (atomstruct_cpp/Structure.cpp, _form_chain_check).
        if self._chains is None:
            by_name = {}
            for residue in self._residues:
                if residue._is_amino():
                    by_name.setdefault(residue.chain_id, []).append(residue)
            self._chains = []
            for name, residues in by_name.items():
                self._new_chain(name, residues)
        self._chains = [chain for chain in self._chains if chain.num_existing_residues]
        return Chains(self._chains)

    def _new_chain(self, name, residues):
        chain = Chain(self, name, residues)
        self._chains.append(chain)
        for residue in residues:
            residue._chain = chain

    def new_residue(
        self, residue_name: str, chain_id: str, pos: int, insert: str | None = None, *, precedes: Residue | None = None
    ) -> Residue:
        residue = Residue(self, residue_name, chain_id, pos, insert or " ")
        place = len(self._residues) if precedes is None else self._residues.index(precedes)
        self._residues.insert(place, residue)
        return residue

    def new_atom(self, atom_name: str, element: Element | str) -> Atom:
        atom = Atom(self, atom_name, element)
        self._atoms.append(atom)
        return atom

    def new_bond(self, atom1: Atom, atom2: Atom) -> Bond:
        bond = Bond(atom1, atom2)
        self._bonds.append(bond)
        atom1.bonds.append(bond)
        atom2.bonds.append(bond)
        self._form_chain_check(bond)
        return bond

    def _form_chain_check(self, bond):
        by_name = {a.name: a.residue for a in bond.atoms}
        first, second = by_name.get("C"), by_name.get("N")
        if self._chains is None or first is None or second is None or first is second:
            return
        before, after = first._chain, second._chain
        if before is None and after is None:
            self._new_chain(first.chain_id, [first, second])
        elif after is None and before.existing_residues[-1] is first:
            before._residues.append(second)
            before._characters += second.one_letter_code
            before.from_seqres = False
            second._chain = before
        elif before is None and after.existing_residues[0] is second:
            after._residues.insert(0, first)
            after._characters = first.one_letter_code + after._characters
            after.from_seqres = False
            first._chain = after

    @property
    def overall_color(self) -> NDArray[np.uint8]:
        return self.color

    @overall_color.setter
    def overall_color(self, color: NDArray[np.uint8]) -> None:
        self.color = np.asarray(color, np.uint8)
        self.atoms.colors = self.residues.ribbon_colors = self.color

    @overload
    def pseudobond_group(self, name: str, *, create_type: str = "normal") -> PseudobondGroup: ...

    @overload
    def pseudobond_group(self, name: str, *, create_type: None) -> PseudobondGroup | None: ...

    def pseudobond_group(self, name, *, create_type="normal"):
        if create_type is None:
            return self._pseudobond_groups.get(name)
        return self._pseudobond_groups.setdefault(name, PseudobondGroup(name, self))

    def change_chain_ids(
        self, chains: Sequence[Chain] | Chains, chain_ids: Sequence[str], *, non_polymeric: bool = True
    ) -> None:
        for chain, name in zip(chains, chain_ids, strict=True):
            old = chain.chain_id
            chain.chain_id = name
            for residue in self._residues:
                if residue.chain is chain or (non_polymeric and residue.chain is None and residue.chain_id == old):
                    residue.chain_id = name

    def find_residue(self, chain_id: str, pos: int, insert: str = " ") -> Residue | None:
        wanted = (chain_id, pos, insert.strip())
        return next((r for r in self._residues if (r.chain_id, r.number, r.insertion_code) == wanted), None)

    def delete_atom(self, atom: Atom) -> None:
        for bond in list(atom.bonds):
            self.delete_bond(bond)
        self._atoms.remove(atom)
        atom.deleted = True
        atom.residue._atoms.remove(atom)
        if not atom.residue._atoms:
            self._residues.remove(atom.residue)
            atom.residue.deleted = True
        if not self._atoms and not self._deleted:
            self.delete()  # a structure without atoms is deleted at once

    def delete_bond(self, bond: Bond) -> None:
        self._bonds.remove(bond)
        for atom in bond.atoms:
            atom.bonds.remove(bond)

    def delete_residue(self, residue: Residue) -> None:
        for atom in list(residue._atoms):
            self.delete_atom(atom)

    def _new_coord_index(self, atom):
        for coordset in self._coordsets.values():
            coordset.xyzs = np.vstack([coordset.xyzs, np.zeros((1, 3))])
        atom.coord_index = len(self.active_coordset.xyzs) - 1

    @property
    def active_coordset(self) -> CoordSet:
        return self._coordsets[self._active]

    @property
    def active_coordset_id(self) -> int:
        return self._active

    @active_coordset_id.setter
    def active_coordset_id(self, id: int) -> None:
        if id not in self._coordsets:
            raise IndexError(f"No coordset with id {id}")
        if id != self._active:
            note_change(self, "active_coordset changed")
        self._active = id

    @property
    def coordset_ids(self) -> NDArray[np.int32]:
        return np.array(sorted(self._coordsets), np.int32)

    @property
    def num_coordsets(self) -> int:
        return len(self._coordsets)

    def coordset(self, cs_id: int) -> CoordSet:
        return self._coordsets[cs_id]

    def add_coordset(self, id: int, xyz: NDArray[np.float64]) -> None:
        if xyz.dtype != np.float64:
            raise ValueError("add_coordset(): array must be float64")
        self._coordsets[id] = CoordSet(self, id, xyz)

    def add_coordsets(self, xyzs: NDArray[np.float64], replace: bool = True) -> None:
        if len(xyzs.shape) != 3:
            raise ValueError("add_coordsets(): array must be (frames)x(atoms)x3-dimensional")
        if xyzs.shape[1] != self.num_atoms:
            raise ValueError("add_coordsets(): second dimension of coordinate array must be same as number of atoms")
        if xyzs.shape[2] != 3:
            raise ValueError("add_coordsets(): third dimension of coordinate array must be 3 (xyz)")
        if xyzs.dtype != np.float64:
            raise ValueError("add_coordsets(): array must be float64")
        first = 1 if replace else max(self._coordsets) + 1
        if replace:
            self._coordsets.clear()
        for i, xyz in enumerate(xyzs):
            self._coordsets[first + i] = CoordSet(self, first + i, xyz)
        if replace:
            self._active = 1

    def remove_coordsets(self) -> None:
        self._coordsets.clear()

    def connect_structure(self, **kw: Any) -> None:
        """Bonds are not guessed here."""

    def apply_auto_styling(self, set_lighting: bool = False, style: str | None = None) -> None:
        """Styles are not imitated."""


class AtomicStructure(Structure):
    """A structure made of real atoms."""

    def copy(self, name: str | None = None) -> AtomicStructure:
        other = AtomicStructure(self.session, name=name or self.name)
        copies = {}
        for residue in self._residues:
            new = other.new_residue(residue.name, residue.chain_id, residue.number, residue.insertion_code)
            for atom in residue._atoms:
                copy = copies[atom] = other.new_atom(atom.name, atom.element)
                new.add_atom(copy)
                copy.coord = atom.coord
                copy.bfactor, copy.occupancy = atom.bfactor, atom.occupancy
        for bond in self._bonds:
            other.new_bond(*(copies[a] for a in bond.atoms))
        other.position = self.position
        return other


def all_atomic_structures(session: Session) -> list[AtomicStructure]:
    """Open structures (a collection in ChimeraX)."""
    return session.models.list(type=AtomicStructure)


def selected_residues(session: Session) -> Residues:
    """atomic/src/structure.py."""
    models = session.models.list(type=Structure)
    return Atoms([atom for model in models for atom in model.atoms if atom.selected]).unique_residues


def selected_pseudobonds(session: Session) -> list[Pseudobond]:
    """atomic/src/pbgroup.py (a collection in ChimeraX)."""
    models = session.models.list(type=Structure)
    groups = [group for model in models for group in model._pseudobond_groups.values()]
    return [line for group in groups for line in group.pseudobonds if line.selected]
