"""Tiny structures made in code: straight ideal helices with CB atoms."""

from __future__ import annotations

from dataclasses import dataclass, field

import gemmi
import numpy as np
from ideal_backbone import place_atom, place_cb, place_oxygen

from adp3d.structure.residues import three_letter

PHI, PSI, OMEGA = np.deg2rad([-57.8, -47.0, 180.0])


def helix(n: int, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Backbone (n, 4, 3) of an ideal alpha helix."""
    atoms = [np.array([0.0, 0.0, 0.0]), np.array([1.46, 0.0, 0.0]), np.array([2.0, 1.42, 0.0])]
    while len(atoms) < 3 * n + 1:
        length, angle, dihedral = [(1.33, 116.6, PSI), (1.46, 121.7, OMEGA), (1.525, 111.0, PHI)][len(atoms) % 3]
        atoms.append(place_atom(*atoms[-3:], length, float(np.deg2rad(angle)), float(dihedral)))
    trace = np.array(atoms)
    n_ca_c = trace[: 3 * n].reshape(n, 3, 3)
    next_n = trace[3 : 3 * n + 1 : 3]
    o = place_oxygen(n_ca_c[:, 0], n_ca_c[:, 1], n_ca_c[:, 2], next_n)
    return np.concatenate([n_ca_c, o[:, None]], axis=1) + np.array(shift)


@dataclass
class Part:
    """Residues ``first`` to ``last`` (0-based, inclusive) of a helix with the given sequence."""

    chain: str
    sequence: str
    first: int = 0
    last: int | None = None
    start: int | None = None  # number of the first residue; first + 1 by default
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    skip: tuple[int, ...] = ()  # 0-based positions left out, their numbers too
    names: dict[int, str] = field(default_factory=dict)  # residue names that differ
    b_iso: float = 20.0

    def residues(self) -> list[gemmi.Residue]:
        xyz = helix(len(self.sequence), self.shift)
        cb = place_cb(xyz[:, 0], xyz[:, 1], xyz[:, 2])
        last = len(self.sequence) - 1 if self.last is None else self.last
        start = self.first + 1 if self.start is None else self.start
        result = []
        for i in range(self.first, last + 1):
            if i in self.skip:
                continue
            residue = gemmi.Residue()
            residue.name = self.names.get(i, three_letter(self.sequence[i]))
            residue.seqid = gemmi.SeqId(start + i - self.first, " ")
            for name, position in [*zip(("N", "CA", "C", "O"), xyz[i], strict=True), ("CB", cb[i])]:
                if name == "CB" and residue.name == "GLY":
                    continue
                residue.add_atom(atom(name, position, self.b_iso))
            result.append(residue)
        return result


def atom(
    name: str, position, b_iso: float = 20.0, occ: float = 1.0, altloc: str = "\0", element: str = ""
) -> gemmi.Atom:
    made = gemmi.Atom()
    made.name, made.element = name, gemmi.Element(element or name[0])
    made.pos = gemmi.Position(*[float(x) for x in position])
    made.b_iso, made.occ, made.altloc = b_iso, occ, altloc
    return made


def small(
    name: str, number: int, position, atom_name: str = "", element: str = "", water: bool = False
) -> gemmi.Residue:
    """A one-atom ligand or water."""
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.het_flag = name, gemmi.SeqId(number, " "), "H"
    residue.entity_type = gemmi.EntityType.Water if water else gemmi.EntityType.NonPolymer
    residue.add_atom(atom(atom_name or name, position, element=element or name))
    return residue


def build(parts: list[Part], extras: dict[str, list[gemmi.Residue]] | None = None) -> gemmi.Structure:
    """Put parts (and other residues) into a structure with one model, in the order given."""
    structure = gemmi.Structure()
    structure.name = "TEST"
    model = gemmi.Model(1)
    chains: dict[str, list[gemmi.Residue]] = {}
    for part in parts:
        chains.setdefault(part.chain, []).extend(part.residues())
    for name, residues in (extras or {}).items():
        chains.setdefault(name, []).extend(residues)
    for name, residues in chains.items():
        chain = gemmi.Chain(name)
        chain.append_residues(residues)
        model.add_chain(chain)
    structure.add_model(model)
    structure.add_entity_types()
    structure.assign_subchains(False, False)
    structure.ensure_entities()
    structure.deduplicate_entities()
    return structure


class Builder:
    """What tests need from here, as one fixture."""

    Part = Part
    atom = staticmethod(atom)
    small = staticmethod(small)
    build = staticmethod(build)
    helix = staticmethod(helix)
    # 80 residues, every three-residue word once
    SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQT"
    OTHER = "GSHMDVNEWCPYHTFLMGRKIDSAWTNCVEYPHQFMRLGDWIKENTCSYVPHAFQMLRDGWIENKTCYSPVHAM"
