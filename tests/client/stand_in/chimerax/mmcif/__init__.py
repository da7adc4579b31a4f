"""mmcif/src/mmcif.pyx: atoms of mmCIF files, by their author's names as ChimeraX reads them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import numpy as np

from chimerax.atomic import AtomicStructure
from chimerax.core.errors import UserError

if TYPE_CHECKING:
    from chimerax.core.session import Session


def open_mmcif(
    session: Session,
    path: str,
    file_name: str | None = None,
    auto_style: bool = True,
    coordsets: bool = False,
    log_info: bool = True,
    **kw: Any,
) -> tuple[list[AtomicStructure], str]:
    """Models of a file that has one value or row a line; peptide bonds join neighbours in a chain."""
    rows = _atom_sites(path)
    if not rows:
        raise UserError("mmCIF parsing error: no atoms")
    numbers = list(dict.fromkeys(row.get("pdbx_PDB_model_num", "1") for row in rows))
    models = [
        _structure(session, file_name or "model", [r for r in rows if r.get("pdbx_PDB_model_num", "1") == number])
        for number in numbers
    ]
    return models, f"{len(models)} models"


def _atom_sites(path):
    names, rows = [], []
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("_atom_site."):
                names.append(line.split(".")[1].strip())
            elif names and line.startswith(("ATOM", "HETATM")):
                rows.append(dict(zip(names, shlex.split(line), strict=True)))
    return rows


def _structure(session, name, rows):
    structure = AtomicStructure(session, name=name)
    residue, label, last_carbon = None, None, None
    for row in rows:
        code = row.get("pdbx_PDB_ins_code", "?")
        here = (row["auth_asym_id"], int(row["auth_seq_id"]), "" if code in "?." else code)
        if here != label:
            if label is None or label[0] != here[0]:
                last_carbon = None
            residue, label = structure.new_residue(row["label_comp_id"], *here), here
        atom = structure.new_atom(row["label_atom_id"], row["type_symbol"])
        residue.add_atom(atom)
        atom.coord = np.array([float(row[f"Cartn_{axis}"]) for axis in "xyz"])
        atom.bfactor = float(row["B_iso_or_equiv"])
        atom.occupancy = float(row["occupancy"])
        if atom.name == "N" and last_carbon is not None:
            structure.new_bond(last_carbon, atom)
        if atom.name == "C":
            last_carbon = atom
    return structure
