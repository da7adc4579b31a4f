"""What backbones are likely to do, as a force: the map of phi and psi that validation judges them by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.ramachandran import load_contours, residue_kinds
from .molecule import Molecule

__all__ = ["ramachandran_force"]

_LETTERS = {"GLY": "G", "PRO": "P"}


def ramachandran_force(molecule: Molecule, weight: float, openmm: Any) -> Any:
    """Energy ``-weight log p(phi, psi)`` of all residues with both torsions, by kind of residue.

    Parameters
    ----------
    molecule : Molecule
    weight : float
        kJ/mol.
    openmm : module

    Returns
    -------
    openmm.CMAPTorsionForce
    """
    force = openmm.CMAPTorsionForce()
    for table in load_contours().log_density:
        force.addMap(len(table), _energies(table, weight))
    for chain in molecule.topology.chains():
        residues = list(chain.residues())
        atoms = [{atom.name: atom.index for atom in residue.atoms()} for residue in residues]
        # of the types, glycine and proline are what counts
        letters = "".join(_LETTERS.get(residue.name, "A") for residue in residues)
        kinds = residue_kinds(letters, np.ones(max(len(letters) - 1, 0), bool))
        for before, own, after, kind in zip(atoms, atoms[1:], atoms[2:], kinds[1:].tolist(), strict=False):
            phi = [before.get("C"), own.get("N"), own.get("CA"), own.get("C")]
            psi = [*phi[1:], after.get("N")]
            if None not in (*phi, *psi):
                force.addTorsion(kind, *phi, *psi)
    return force


def _energies(table: NDArray[np.float64], weight: float) -> list[float]:
    """Values as OpenMM has them: angles from 0 on, phi running fastest."""
    half = len(table) // 2
    turned = np.roll(-weight * table, (-half, -half), (0, 1))
    return [float(value) for value in turned.T.ravel()]
