"""What a model shows of each protein chain: names, numbers and backbone atoms as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import gemmi
import numpy as np
from numpy.typing import NDArray

from .atom_aliases import standard_name
from .backbone_parts import backbone_parts, letters_of_chromophore
from .numbering import Number
from .polymer import UNKNOWN
from .residues import is_protein_residue, modified_parents, one_letter

__all__ = ["BACKBONE_ATOMS", "ObservedChain", "Source", "observe_chains", "preferred_altloc"]

BACKBONE_ATOMS = ("N", "CA", "C", "O")

_PEPTIDE_BOND_MAX = 2.0  # angstrom, C to N; an ideal bond has 1.33
_ISOPEPTIDE_MAX = 1.8  # angstrom from a carbon to the next N; a bond has 1.33, the second neighbour 2.4
_CA_STEP_MAX = 4.5  # angstrom between bonded CA atoms; an ideal trans step has 3.8
_SAME_PLACE = 2.0  # angstrom between the CA atoms of two residue types at one position


@dataclass(frozen=True)
class Source:
    """Where a residue stands in the first model of the template structure.

    Parameters
    ----------
    chain : int
        Index of its chain in the model.
    residue : int
        Index of the residue in that chain.
    name : str
        Its residue name there (a guard against mixing up templates).
    suffix : str
        Of the names of its backbone atoms, where they are not N, CA, C and O.
    part, parts : int
        Which of several backbones of one chromophore this is, from 0, and how many there are.
    rigid : bool
        Whether it only moves as a whole, its backbone being another than that of amino acids: chromophores, and
        residues such as beta-amino acids with atoms between N, CA and C.
    """

    chain: int
    residue: int
    name: str
    suffix: str = ""
    part: int = 0
    parts: int = 1
    rigid: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Chain and residue, the same for all parts of a chromophore."""
        return self.chain, self.residue


@dataclass(frozen=True)
class ObservedChain:
    """The n protein residues that a model shows of one chain, in file order.

    A chromophore that formed from several residues counts as these.

    Parameters
    ----------
    chain_id : str
        Name of the chain as the user sees it.
    codes : str
        n one-letter codes, modified residues as their parent, ``X`` for unknown types.
    numbers : tuple of (int, str)
        Residue number and insertion code (empty string for none), n of them.
    label_seq : tuple of (int or None)
        Position on the entity's sequence that the file states (from 1), n of them.
    sources : tuple of Source
        Where each residue stands in the template.
    others : tuple of tuple of Source
        Alternative residue types at the same position that were not chosen.
    xyz : ndarray of float64, shape (n, 4, 3)
        N, CA, C, O of the chosen conformer in angstrom, NaN where absent.
    occupancy, b_iso : ndarray of float64, shape (n, 4)
        Of the same atoms; NaN where absent.
    aside : ndarray of bool, shape (n,)
        Residues bonded to the next by another atom than C: isoaspartate (IAS), gamma-glutamate (FGA) and the like.
    """

    chain_id: str
    codes: str
    numbers: tuple[tuple[int, str], ...]
    label_seq: tuple[int | None, ...]
    sources: tuple[Source, ...]
    others: tuple[tuple[Source, ...], ...]
    xyz: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    b_iso: NDArray[np.float64]
    aside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.codes)

    def subset(self, rows: NDArray[np.int64]) -> ObservedChain:
        """Return the residues ``rows`` only, in that order."""
        pick = [int(row) for row in rows]
        return ObservedChain(
            chain_id=self.chain_id,
            codes="".join(self.codes[row] for row in pick),
            numbers=tuple(self.numbers[row] for row in pick),
            label_seq=tuple(self.label_seq[row] for row in pick),
            sources=tuple(self.sources[row] for row in pick),
            others=tuple(self.others[row] for row in pick),
            xyz=self.xyz[pick],
            occupancy=self.occupancy[pick],
            b_iso=self.b_iso[pick],
            aside=self.aside[pick] & (np.diff(rows, append=-1) == 1),
        )

    @property
    def ca_steps(self) -> NDArray[np.float64]:
        """Distance in angstrom from each CA to the next, NaN where one is absent; shape (n - 1,)."""
        steps: NDArray[np.float64] = np.linalg.norm(np.diff(self.xyz[:, 1], axis=0), axis=-1)
        return steps

    @property
    def bonded(self) -> NDArray[np.bool_]:
        """Whether each residue is bonded to the next.

        C-N below 2.0 A, or CA-CA below 4.5 A without these atoms, or a bond of another atom to N.
        """
        peptide = np.linalg.norm(self.xyz[1:, 0] - self.xyz[:-1, 2], axis=-1)
        # Comparisons with NaN are False, so absent atoms never bond.
        near = np.where(np.isfinite(peptide), peptide < _PEPTIDE_BOND_MAX, self.ca_steps < _CA_STEP_MAX)
        return near | self.aside[:-1]

    def label(self, row: int) -> str:
        """Return a residue as text, such as ``A 52B LEU``."""
        number, icode = self.numbers[row]
        return f"{self.chain_id} {number}{icode} {self.sources[row].name}"


def observe_chains(structure: gemmi.Structure) -> list[ObservedChain]:
    """Protein chains of the first model.

    Of alternative conformations each residue contributes the one with the highest backbone occupancy; of
    several residue types at one position (same number, same place) likewise.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it.

    Returns
    -------
    list of ObservedChain
        In file order; chains without protein residues are left out.
    """
    parents = modified_parents(structure)
    observed = (_observe(index, chain, parents) for index, chain in enumerate(structure[0]))
    return [chain for chain in observed if len(chain)]


def _observe(index: int, chain: gemmi.Chain, parents: Mapping[str, str]) -> ObservedChain:
    groups = list(_positions(chain))
    letters: list[str] = []
    numbers: list[Number] = []
    labels: list[int | None] = []
    sources: list[Source] = []
    others: list[tuple[Source, ...]] = []
    atoms: list[NDArray[np.float64]] = []
    chosen: list[gemmi.Residue] = []
    shift = 0  # of positions on the recorded sequence, in which a chromophore is one item
    for number, group in enumerate(groups):
        tables = [(row, residue, _backbone(residue)) for row, residue in group]
        best = max(range(len(tables)), key=lambda i: float(np.nansum(tables[i][2][:, 3])))
        row, residue, _ = tables[best]
        suffixes = backbone_parts(residue)
        before, after = ((groups[i][0][1] if 0 <= i < len(groups) else None) for i in (number - 1, number + 1))
        numbers += _numbers_of_parts(residue, before, after, len(suffixes))
        letters += _letters_of_parts(residue, parents, suffixes)
        for part, suffix in enumerate(suffixes):
            table = _backbone(residue, suffix)
            atoms.append(table)
            rigid = suffix != "" or _is_odd(residue.name, table[:, :3])
            labels.append(None if residue.label_seq is None else residue.label_seq + shift + part)
            sources.append(Source(index, row, residue.name, suffix, part, len(suffixes), rigid))
            rest = tuple(Source(index, r, res.name) for i, (r, res, _) in enumerate(tables) if i != best)
            others.append(() if part else rest)
            chosen.append(residue)
        shift += len(suffixes) - 1
    stacked = np.array(atoms).reshape(-1, 4, 5)
    aside = [_bonded_aside(*pair, stacked[i + 1, 0, :3]) for i, pair in enumerate(pairwise(chosen))]
    aside += [False] * min(1, len(chosen))
    return ObservedChain(
        chain_id=chain.name,
        codes="".join(letters),
        numbers=tuple(numbers),
        label_seq=tuple(labels),
        sources=tuple(sources),
        others=tuple(others),
        xyz=stacked[..., :3].copy(),
        occupancy=stacked[..., 3].copy(),
        b_iso=stacked[..., 4].copy(),
        aside=np.array(aside, dtype=bool),
    )


def _is_odd(name: str, xyz: NDArray[np.float64]) -> bool:
    """Whether a modified residue has further atoms between N and CA or between CA and C."""
    if gemmi.find_tabulated_residue(name).is_standard():
        return False
    return bool((np.linalg.norm(np.diff(xyz[:3], axis=0), axis=-1) > _PEPTIDE_BOND_MAX).any())


def _bonded_aside(residue: gemmi.Residue, following: gemmi.Residue, nitrogen: NDArray[np.float64]) -> bool:
    """Whether the N of the following residue is bonded to a carbon of a residue that is no backbone C."""
    if (
        residue is following
        or not np.isfinite(nitrogen).all()
        or gemmi.find_tabulated_residue(residue.name).is_standard()
    ):
        return False
    place = gemmi.Position(*nitrogen.tolist())
    bonded = {a.name for a in residue if a.element.name == "C" and a.pos.dist(place) < _ISOPEPTIDE_MAX}
    return bool(bonded) and not any(f"C{suffix}" in bonded for suffix in backbone_parts(residue))


def _letters_of_parts(residue: gemmi.Residue, parents: Mapping[str, str], suffixes: tuple[str, ...]) -> list[str]:
    """One-letter codes of the backbones of a residue."""
    if len(suffixes) == 1:
        return [one_letter(residue.name, parents)]
    letters = letters_of_chromophore(residue.name)
    # the first residue of some has lost its nitrogen
    return list((letters or UNKNOWN * len(suffixes))[-len(suffixes) :])


def _numbers_of_parts(
    residue: gemmi.Residue, before: gemmi.Residue | None, after: gemmi.Residue | None, count: int
) -> list[Number]:
    """Numbers of the backbones of a residue: its own, and those that its neighbours leave free beside it.

    The own one goes to the middle residue if there is room on both sides, as is usual. Without any room the
    neighbours get insertion codes.
    """
    own = (residue.seqid.num or 0, residue.seqid.icode.strip())
    if count == 1:
        return [own]
    low = before.seqid.num + 1 if before is not None and before.seqid.num is not None else -(10**6)
    high = after.seqid.num - 1 if after is not None and after.seqid.num is not None else 10**6
    first = min(max(own[0] - count // 2, low), high - count + 1)
    if low <= first <= own[0] < first + count:
        return [own if i == own[0] else (i, "") for i in range(first, first + count)]
    return [own, *((own[0], code) for code in "xyz"[: count - 1])]


def _positions(chain: gemmi.Chain) -> Iterator[list[tuple[int, gemmi.Residue]]]:
    """Protein residues, those that are alternative types of one position together."""
    group: list[tuple[int, gemmi.Residue]] = []
    for row, residue in enumerate(chain):
        if not is_protein_residue(residue):
            continue
        if group and _same_position(group[-1][1], residue):
            group.append((row, residue))
            continue
        if group:
            yield group
        group = [(row, residue)]
    if group:
        yield group


def _same_position(first: gemmi.Residue, second: gemmi.Residue) -> bool:
    """Two residue types with one number at one place (point mutations in one crystal)."""
    if first.seqid != second.seqid or first.name == second.name:
        return False
    a, b = first.find_atom("CA", "*"), second.find_atom("CA", "*")
    return a is not None and b is not None and a.pos.dist(b.pos) < _SAME_PLACE


def preferred_altloc(residue: gemmi.Residue) -> str:
    """Conformer with the highest summed backbone occupancy, the first of equals; NUL if there is one only."""
    weight: dict[str, float] = {}
    for atom in residue:
        if atom.has_altloc():
            share = atom.occ if atom.name in BACKBONE_ATOMS and np.isfinite(atom.occ) else 0.0
            weight[atom.altloc] = weight.get(atom.altloc, 0.0) + share
    return max(weight, key=lambda altloc: weight[altloc]) if weight else "\0"


def _backbone(residue: gemmi.Residue, suffix: str = "") -> NDArray[np.float64]:
    """Rows N, CA, C, O of one residue as x, y, z, occupancy, B; NaN where absent."""
    table = np.full((4, 5), np.nan)
    chosen = preferred_altloc(residue)
    for slot, name in enumerate(BACKBONE_ATOMS):
        candidates = [a for a in residue if a.name == name + suffix and _fits(a, name)]
        if not candidates and not suffix:
            candidates = [a for a in residue if standard_name(residue.name, a.name) == name and _fits(a, name)]
        if not candidates:
            continue
        atom = max(candidates, key=lambda a: (a.altloc == chosen, not a.has_altloc(), _occupancy(a)))
        table[slot] = (*atom.pos.tolist(), _occupancy(atom), atom.b_iso)
    return table


def _fits(atom: gemmi.Atom, name: str) -> bool:
    """Guard against a calcium called CA; elements that the file leaves unknown pass."""
    return atom.element.name in (name[0], "X")


def _occupancy(atom: gemmi.Atom) -> float:
    """Occupancy; one that the file leaves open counts as 1."""
    return atom.occ if np.isfinite(atom.occ) else 1.0
