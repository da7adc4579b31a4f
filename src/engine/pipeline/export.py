"""Trajectories and ensembles as multi-model mmCIF, which ChimeraX opens as models or coordinate sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..job.storage import replace_atomically
from ..job.trajectory import Trajectory

if TYPE_CHECKING:
    import gemmi

__all__ = ["SideAtoms", "write_models", "write_trajectory"]

_ATOMS = (("N", "N"), ("CA", "C"), ("C", "C"), ("O", "O"))


@dataclass(frozen=True)
class SideAtoms:
    """Atoms of models beyond their backbones.

    Attributes
    ----------
    residues : sequence of str
        Residue name of each of N residues; UNK for the one of its letter.
    names, elements : sequence of sequence of str
        Of the side-chain atoms of each residue.
    xyz : sequence of ndarray, each of shape (model, K_i, 3)
        Their positions in angstrom.
    """

    residues: Sequence[str]
    names: Sequence[Sequence[str]]
    elements: Sequence[Sequence[str]]
    xyz: Sequence[NDArray[np.floating]]

    def among(self, rows: NDArray[np.int64], residues: Sequence[str]) -> SideAtoms:
        """Those of residues at these rows of a longer chain, the others of which (``residues``) have none."""
        if len(rows) == len(residues):
            return self
        own = dict(zip(rows.tolist(), range(len(rows)), strict=True))
        nothing = self.xyz[0][:, :0]
        return SideAtoms(
            [self.residues[own[row]] if row in own else name for row, name in enumerate(residues)],
            [self.names[own[row]] if row in own else () for row in range(len(residues))],
            [self.elements[own[row]] if row in own else () for row in range(len(residues))],
            [self.xyz[own[row]] if row in own else nothing for row in range(len(residues))],
        )


def write_trajectory(
    trajectory: Trajectory,
    path: Path,
    sequence: str,
    labels: Sequence[tuple[str, int, str]],
    replica: int = 0,
    max_models: int = 100,
) -> int:
    """Write the frames of one replica, one model each, evenly thinned to ``max_models``.

    Parameters
    ----------
    trajectory : Trajectory
        Frames of N residues.
    path : Path
        File to write.
    sequence : str
        N one-letter codes.
    labels : sequence of (chain, number, insertion code)
        Author's names of the N residues.
    replica : int
        Which replica.
    max_models : int
        Most models in the file; the first and the last frame are always among them.

    Returns
    -------
    int
        Number of models written.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    ValueError
        If the replica has no frames or lengths disagree.
    """
    steps, frames = trajectory.of_replica(replica)
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), max_models)).round().astype(int))
    write_models(path, frames[chosen], sequence, labels, f"Trajectory of replica {replica + 1}")
    return len(chosen)


def write_models(
    path: Path,
    coordinates: NDArray[np.floating],
    sequence: str,
    labels: Sequence[tuple[str, int, str]],
    title: str = "",
    side: SideAtoms | None = None,
) -> None:
    """Write backbones (model, N, 4, 3), in angstrom, and perhaps side chains as a multi-model mmCIF file.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    ValueError
        If lengths disagree.
    """
    import gemmi

    from ..structure.deposit_names import with_deposit_names

    n_residues = len(sequence)
    if coordinates.ndim != 4 or coordinates.shape[1:] != (n_residues, 4, 3) or len(labels) != n_residues:
        raise ValueError("coordinates, sequence and labels disagree on the number of residues")
    structure = gemmi.Structure()
    structure.name = "adp3d"
    model = _model(sequence, labels, side)
    atoms = coordinates.reshape(len(coordinates), n_residues, -1, 3)
    if side is not None:
        parts = [np.concatenate([atoms[:, i], own], 1) for i, own in enumerate(side.xyz)]
        atoms = np.concatenate(parts, 1)
    rounded = atoms.reshape(len(coordinates), -1, 3).astype(np.float64).round(3)
    for number, frame in enumerate(rounded.tolist(), start=1):
        model.num = number
        for site, xyz in zip(model.all(), frame, strict=True):
            site.atom.pos = gemmi.Position(*xyz)
        structure.add_model(model)
    structure.info["_struct.title"] = title
    structure.setup_entities()
    for entity in structure.entities:
        # The polymer is what was modelled: without this record gaps would look like unmodelled residues.
        entity.full_sequence = [
            residue.name
            for chain in structure[0]
            for residue in chain.get_polymer()
            if residue.subchain == entity.subchains[0]
        ]
    structure.assign_label_seq_id()
    groups = gemmi.MmcifOutputGroups(True)
    groups.cell = groups.symmetry = False  # gemmi would state a cell of 1 angstrom
    document = with_deposit_names(structure).make_mmcif_document(groups)
    with replace_atomically(path) as temporary:
        document.write_file(str(temporary))


def _model(sequence: str, labels: Sequence[tuple[str, int, str]], side: SideAtoms | None) -> gemmi.Model:
    """Build one gemmi model with all atoms at the origin; residues of a chain must follow each other."""
    import gemmi

    model = gemmi.Model(1)
    chain = None
    for i, (code, (chain_id, number, insertion)) in enumerate(zip(sequence, labels, strict=True)):
        if chain is None or chain.name != chain_id:
            model.add_chain(gemmi.Chain(chain_id))
            chain = model[-1]
        residue = gemmi.Residue()
        residue.name = gemmi.expand_one_letter(code, gemmi.ResidueKind.AA) or "UNK"
        atoms = list(_ATOMS)
        if side is not None and side.names[i]:
            residue.name = side.residues[i]
            atoms += zip(side.names[i], side.elements[i], strict=True)
        residue.seqid = gemmi.SeqId(number, insertion or " ")
        residue.entity_type = gemmi.EntityType.Polymer
        for name, element in atoms:
            atom = gemmi.Atom()
            atom.name = name
            atom.element = gemmi.Element(element)
            residue.add_atom(atom)
        chain.add_residue(residue)
    return model
