"""Which amino acids the residues of a trace are, and which of them end their chains, by name and by sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np

from ..contract.errors import InputError
from ..placing.alignment import align_chain
from ..structure.observed import ObservedChain, observe_chains
from ..structure.polymer import UNKNOWN
from ..structure.residues import is_type, three_letter
from ..structure.sequences import NamedSequence, sequences_from_structure

__all__ = ["ChainEnds", "apply_sequences", "chain_ends"]

_LEAST_IDENTITY = 0.5
"""Of the residues whose types say anything. Below that it is another protein's sequence."""


@dataclass(frozen=True)
class ChainEnds:
    """What is known of the end of a chain.

    Attributes
    ----------
    true_end : bool or None
        Whether its last residue is the last one of the sequence; None without a sequence.
    sequence : str
        Of the chain, empty if not known.
    """

    true_end: bool | None
    sequence: str = ""


def apply_sequences(structure: gemmi.Structure, sequences: Sequence[NamedSequence]) -> list[str]:
    """Give residues the types of sequences; names in the first model are changed.

    Parameters
    ----------
    structure : gemmi.Structure
    sequences : sequence of NamedSequence
        One for each chain in their order, or named for chains, or a single one for all of them.

    Returns
    -------
    list of str
        Residues that had another type.

    Raises
    ------
    InputError
        If a chain does not fit any of them.
    """
    changed: list[str] = []
    for chain in observe_chains(structure):
        sequence, positions = _placed(chain, sequences)
        for row, (source, place) in enumerate(zip(chain.sources, positions, strict=True)):
            letter = sequence[place]
            residue = structure[0][source.chain][source.residue]
            if source.parts > 1 or letter == UNKNOWN or is_type(residue.name, chain.codes[row], letter):
                continue
            if chain.codes[row] != UNKNOWN:
                changed.append(chain.label(row))
            residue.name = three_letter(letter)
    return changed


def chain_ends(structure: gemmi.Structure, sequences: Sequence[NamedSequence] | None) -> dict[str, ChainEnds]:
    """Ends of the chains of the first model, by their names.

    Parameters
    ----------
    structure : gemmi.Structure
    sequences : sequence of NamedSequence or None
        What the user gave; the structure's own records count where that is None.
    """
    records = sequences_from_structure(structure) if sequences is None else sequences
    ends: dict[str, ChainEnds] = {}
    for chain in observe_chains(structure):
        fitting = [record for record in records if record.chains is None or chain.chain_id in record.chains]
        if not fitting:
            ends[chain.chain_id] = ChainEnds(None)
            continue
        try:
            sequence, positions = _placed(chain, fitting)
        except InputError:
            ends[chain.chain_id] = ChainEnds(False)  # records that do not fit: nothing is known to end there
            continue
        ends[chain.chain_id] = ChainEnds(positions[-1] == len(sequence) - 1, sequence)
    return ends


def _placed(chain: ObservedChain, sequences: Sequence[NamedSequence]) -> tuple[str, list[int]]:
    """The sequence that fits a chain, and the position of each of its residues on that."""
    named = [record for record in sequences if record.chains and chain.chain_id in record.chains]
    best: tuple[float, str, list[int]] | None = None
    for record in named or sequences:
        if len(record.sequence) < len(chain):
            continue
        if len(record.sequence) == len(chain):
            positions = np.arange(len(chain))
        else:
            positions = align_chain(chain, record.sequence).positions
        if (positions < 0).any():
            continue
        typed = [
            (code, record.sequence[place])
            for code, place in zip(chain.codes, positions.tolist(), strict=True)
            if UNKNOWN not in (code, record.sequence[place])
        ]
        poly = len({code for code, _ in typed}) == 1  # built as one type: it says nothing
        identity = 1.0 if poly or not typed else sum(a == b for a, b in typed) / len(typed)
        if identity >= _LEAST_IDENTITY and (best is None or identity > best[0]):
            best = (identity, record.sequence, positions.tolist())
    if best is None:
        raise InputError(
            f"No sequence fits chain {chain.chain_id} ({len(chain)} residues): give 'sequence' with as many letters as "
            "the chain has residues, or with those that are missing in between."
        )
    return best[1], best[2]
