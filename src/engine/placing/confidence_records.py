"""The confidence of each residue as records of an mmCIF file, apart from the B-factor column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import gemmi

from .result_model import Address

__all__ = ["add_confidence", "confidence_attribute", "read_confidence"]

_METRIC = "_ma_qa_metric."
_LOCAL = "_ma_qa_metric_local."
_LOCAL_COLUMNS = (
    "ordinal_id",
    "model_id",
    "label_asym_id",
    "label_seq_id",
    "label_comp_id",
    "metric_id",
    "metric_value",
)


def add_confidence(block: gemmi.cif.Block, structure: gemmi.Structure, confidence: Mapping[Address, float]) -> None:
    """Add a confidence per residue as ``_ma_qa_metric_local``, where predicted models have theirs.

    The category is that of ModelCIF (Vallat et al., J. Mol. Biol. 435, 168021, 2023); programs that know it show
    the values without touching the B-factors.

    Parameters
    ----------
    block : gemmi.cif.Block
        The structure as an mmCIF block; changed.
    structure : gemmi.Structure
        One model with sequence positions assigned.
    confidence : mapping of Address to float
        0 to 100.
    """
    rows = [
        [
            str(number),
            str(structure[0].num),
            residue.subchain,
            str(residue.label_seq),
            residue.name,
            "1",
            f"{value:.2f}",
        ]
        for number, (residue, value) in enumerate(_stated(structure[0], confidence), start=1)
    ]
    if not rows:
        return
    block.set_pairs(
        _METRIC,
        {
            "id": "1",
            "mode": "local",
            "name": "confidence",
            "type": "other",
            "type_other_details": "0 to 100: agreement of replicas and support by the map",
        },
    )
    loop = block.init_loop(_LOCAL, list(_LOCAL_COLUMNS))
    for row in rows:
        loop.add_row([gemmi.cif.quote(value) for value in row])


def _stated(model: gemmi.Model, confidence: Mapping[Address, float]) -> Iterator[tuple[gemmi.Residue, float]]:
    """Residues of polymers that have a confidence."""
    for chain in model:
        for residue in chain:
            value = confidence.get((chain.name, residue.seqid.num or 0, residue.seqid.icode.strip()))
            if value is not None and residue.label_seq is not None:
                yield residue, value


def confidence_attribute(confidence: Mapping[Address, float]) -> str:
    """Text of a file that gives residues the attribute ``adp3d_confidence`` when ChimeraX opens it.

    Parameters
    ----------
    confidence : mapping of Address to float
        0 to 100.
    """
    lines = ["attribute: adp3d_confidence", "match mode: 1-to-1", "recipient: residues"]
    lines += [f"\t/{chain}:{number}{code}\t{value:.2f}" for (chain, number, code), value in confidence.items()]
    return "\n".join(lines) + "\n"


def read_confidence(path: str | Path) -> dict[Address, float]:
    """Confidence by author's chain name, number and insertion code, as `add_confidence` wrote it.

    Parameters
    ----------
    path : str or Path
        mmCIF file, optionally with ``.gz``.

    Returns
    -------
    dict of Address to float
        Empty if the file has no such records.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read.
    """
    block = gemmi.cif.read(str(path)).sole_block()
    values = {
        (gemmi.cif.as_string(row[0]), row[1]): float(row[2])
        for row in block.find(_LOCAL, ["label_asym_id", "label_seq_id", "metric_value"])
    }
    sites = block.find(
        "_atom_site.", ["label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code"]
    )
    return {
        (gemmi.cif.as_string(site[2]), int(site[3]), gemmi.cif.as_string(site[4])): values[key]
        for site in sites
        if (key := (gemmi.cif.as_string(site[0]), site[1])) in values
    }
