"""What side chains are likely to do, as a force: the first two torsions of the rotamers that validation judges by."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ..validation.amino_acids import CHI_PATHS
from ..validation.rotamers import load_rotamers
from .molecule import Molecule

__all__ = ["rotamer_force"]


def rotamer_force(molecule: Molecule, weight: float, openmm: Any) -> Any:
    """Energy ``-weight log p(chi 1, chi 2)`` of all side chains with torsions, summed over those further out.

    Parameters
    ----------
    molecule : Molecule
    weight : float
        kJ/mol.
    openmm : module

    Returns
    -------
    openmm.CMAPTorsionForce
        Of what has one torsion, both angles of the map are that one.
    """
    force = openmm.CMAPTorsionForce()
    number: dict[str, int] = {}
    for residue in molecule.topology.residues():
        if residue.name not in load_rotamers():
            continue
        own = {atom.name: atom.index for atom in residue.atoms()}
        atoms = [own.get(name) for name in CHI_PATHS[residue.name][:5]]
        if None in atoms:
            continue  # held as something smaller, or incomplete
        if residue.name not in number:
            table = -weight * _first_two(residue.name)
            number[residue.name] = force.addMap(len(table), [float(value) for value in table.T.ravel()])
        first = atoms[:4]
        force.addTorsion(number[residue.name], *first, *(atoms[1:5] if len(atoms) == 5 else first))
    return force


@lru_cache(maxsize=32)
def _first_two(name: str) -> NDArray[np.float64]:
    """Log density (G, G) of the first two torsions from 0 on, relative to a uniform one."""
    contours = load_rotamers()[name]
    table = contours.log_density
    further = tuple(range(2, table.ndim))
    if further:
        table = logsumexp(table, further) - np.log(np.prod([table.shape[k] for k in further]))
    if table.ndim == 1:
        return np.repeat(table[:, None], len(table), 1)
    repeats = np.rint(360.0 / contours.periods[:2]).astype(int)
    return np.tile(table, repeats)
