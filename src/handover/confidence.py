"""The confidence of a result's residues, from the records that the engine writes apart from the B-factors."""

from __future__ import annotations

from pathlib import Path

from .atoms import Address, read_cif_atoms, read_cif_loop

__all__ = ["read_confidence"]


def read_confidence(path: Path) -> dict[Address, float]:
    """Confidence, 0 to 100, by the author's chain name, number and insertion code.

    Results of earlier engines have no such records; their B-factor column holds the confidence.

    Raises
    ------
    ValueError
        If the file is damaged.
    OSError
        If it cannot be read.
    """
    stated = {
        (row["label_asym_id"], row["label_seq_id"]): float(row["metric_value"])
        for row in read_cif_loop(path, "_ma_qa_metric_local.")
    }
    if not stated:
        atoms = read_cif_atoms(path)
        return {
            r.address: a.bfactor
            for r in atoms.residues
            for a in r.atoms
            if a.name == "CA" and a.element.upper() != "CA"
        }
    found: dict[Address, float] = {}
    for row in read_cif_loop(path, "_atom_site."):
        value = stated.get((row["label_asym_id"], row["label_seq_id"]))
        if value is not None:
            found[row["auth_asym_id"], int(row["auth_seq_id"]), row.get("pdbx_PDB_ins_code", "")] = value
    return found
