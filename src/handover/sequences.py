"""Sequences of a job: from the command, from the model's chains, or from alignments that belong to them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Chain
    from chimerax.core.session import Session
    from chimerax.seqalign.alignment import Alignment
    from chimerax.seqalign.manager import AlignmentsManager

__all__ = ["KnownSequences", "known_sequences", "resolve_sequence"]

_PATH = re.compile(
    r"~.*|\.{1,2}[/\\].*|[A-Za-z]:[/\\].*|/[^/,:]{2,}/.*|.*\.(fasta|fas|faa|fa|seq|pir|aln|txt|cif|mmcif|pdb|ent)(\.(gz|bgz|bz2|xz|lzma|zip))?",
    re.IGNORECASE | re.DOTALL,
)
"""What only a file can be called, and not letters or a chain."""

_LETTERS = re.compile(r"[A-Za-z*]+(?:[,:;][A-Za-z*]+)*")


@dataclass(frozen=True)
class KnownSequences:
    """What is known about the sequences of a model's protein chains.

    Parameters
    ----------
    fasta : str or None
        One record per chain, under its name in the job's files; None where nothing is known of any chain,
        which leaves the modelled residues themselves.
    unknown : tuple of str
        Chains that have gaps and whose sequence is not known.
    notes : tuple of str
        What the user should know.
    longest_gap : int
        Longest stretch of residues without coordinates, by the sequences or the numbering.
    """

    fasta: str | None
    unknown: tuple[str, ...]
    notes: tuple[str, ...]
    longest_gap: int


def known_sequences(
    session: Session, structure: AtomicStructure, chains: Sequence[str] | None, names: dict[str, str]
) -> KnownSequences:
    """Sequences that the session knows for the protein chains of a model.

    A chain's full sequence (of the file's SEQRES or entity records) comes first, then a sequence that is
    associated with it in an alignment.

    Parameters
    ----------
    session : Session
    structure : AtomicStructure
    chains : sequence of str or None
        Chains of the job; None for all.
    names : dict of str to str
        Names of chains in the job's files.
    """
    from chimerax.atomic import Residue

    records: list[tuple[str, str]] = []
    unknown: list[str] = []
    notes: list[str] = []
    gap = 0
    found = False
    for chain in structure.chains:
        if chain.polymer_type != Residue.PT_AMINO or (chains is not None and chain.chain_id not in chains):
            continue
        letters, source = _chain_letters(session, chain)
        gap = max(gap, longest_number_gap(chain))
        if source:
            found = True
            gap = max(gap, _longest_gap(chain, len(letters)))
            if source != "records":
                notes.append(f"Sequence of chain {chain.chain_id}: {source}.")
        elif _numbered_without_gaps(chain):
            letters = _clean(chain.characters)
        else:
            unknown.append(chain.chain_id)
            continue
        records.append((names.get(chain.chain_id, chain.chain_id), letters))
    if not found:
        return KnownSequences(None, tuple(unknown), tuple(notes), gap)
    if unknown:
        notes.append(
            f"The sequence of chain {', '.join(unknown)} is not known, so gaps there stay; give it with 'sequence'."
        )
    text = "".join(f">chain {name}\n{letters}\n" for name, letters in records)
    return KnownSequences(text, tuple(unknown), tuple(notes), gap)


def resolve_sequence(session: Session, text: str) -> str:
    """Sequence setting of a job from what the user typed.

    A file (FASTA, or a model with sequence records), a chain specifier such as ``#2/A``, ``sel`` or a name that the
    user has given to residues, a sequence of an open alignment (``alignment:name``), or the one-letter codes
    themselves, chains separated by commas.

    Returns
    -------
    str
        Absolute path of a file, FASTA text, or letters.

    Raises
    ------
    UserError
        If it is none of these.
    """
    from chimerax.core.errors import UserError

    text = text.strip()
    if text.startswith(">"):
        return text
    if len(text) < 1000:
        path = os.path.expanduser(text)  # which, unlike pathlib, takes names that no system accepts
        if os.path.isfile(path):
            return str(Path(path).resolve())
    is_path = not text.startswith("#") and _PATH.fullmatch(text) is not None
    if (text.startswith(("#", "/")) and not is_path) or _is_name_of_residues(text):
        return _from_chains(session, text)
    aligned = _from_alignment(session, text)
    if aligned is not None:
        return f">{text.replace(chr(10), ' ')}\n{aligned}\n"
    if is_path:
        raise UserError(f"There is no file '{text}'.")
    if _LETTERS.fullmatch(text) and len(text) >= 3:
        return text.replace(";", ",")
    raise UserError(
        f"The sequence '{text[:60]}' is no file, no chain such as #1/A, no sequence of an open alignment and no "
        "one-letter codes."
    )


def _is_name_of_residues(text: str) -> bool:
    """Whether a word is what ChimeraX calls the selection, or a name that the user gave with ``name``."""
    from chimerax.core.commands import is_selector_user_defined, list_selectors

    return text == "sel" or (text in list_selectors() and bool(is_selector_user_defined(text)))


def _from_chains(session: Session, text: str) -> str:
    from chimerax.atomic import Residue, ResiduesArg
    from chimerax.core.errors import UserError

    residues, _, rest = ResiduesArg.parse(text, session)
    named = [r for r in residues if r.chain is not None and r.chain.polymer_type == Residue.PT_AMINO]
    proteins = list(dict.fromkeys(r.chain for r in named))
    if rest.strip() or not proteins:
        raise UserError(f"'{text}' specifies no protein chain; use for instance #1/A.")
    counted = Counter(r.chain for r in named)
    partial = [chain for chain in proteins if counted[chain] < chain.num_existing_residues]
    if partial:
        chain = partial[0]
        whole = f"#{chain.structure.id_string}/{chain.chain_id}"
        raise UserError(
            f"'{text}' names a part of chain {whole}, but a sequence is that of whole chains; use {whole}, or give "
            "the one-letter codes."
        )
    return "".join(f">sequence {i}\n{_chain_letters(session, chain)[0]}\n" for i, chain in enumerate(proteins, 1))


def _from_alignment(session: Session, text: str) -> str | None:
    """Letters of a sequence of an open alignment, if the text names one."""
    for alignment in _alignments(session):
        wanted = text.removeprefix(f"{alignment.ident}:")
        for sequence in alignment.seqs:
            if sequence.name == wanted:
                return _clean(sequence.ungapped())
    return None


def _alignments(session: Session) -> list[Alignment]:
    manager: AlignmentsManager | None = getattr(session, "alignments", None)  # absent without the alignment bundle
    return [] if manager is None else manager.alignments


def _chain_letters(session: Session, chain: Chain) -> tuple[str, str]:
    """Letters of a chain and where its full sequence comes from ('' if it is not known)."""
    modelled = _clean(chain.characters)
    # 'full_sequence_known' replaces 'from_seqres' in newer versions of ChimeraX.
    if getattr(chain, "full_sequence_known", None) or chain.from_seqres:
        return modelled, "records"
    for alignment in _alignments(session):
        sequence = alignment.associations.get(chain)
        if sequence is not None and sequence is not chain:
            letters = _clean(sequence.ungapped())
            if len(letters) >= chain.num_existing_residues:
                return letters, f"{sequence.name} of alignment {alignment.ident}"
    return modelled, ""


def _clean(letters: str) -> str:
    return re.sub(r"[^A-Z]", "X", letters.upper())


def _longest_gap(chain: Chain, length: int) -> int:
    longest = current = 0
    for residue in chain.residues:
        current = current + 1 if residue is None else 0
        longest = max(longest, current)
    return max(longest, length - chain.num_residues)


def longest_number_gap(chain: Chain) -> int:
    """Most numbers left out between two residues of a chain that follow one another."""
    numbers = [int(residue.number) for residue in chain.existing_residues]
    return max((after - before - 1 for before, after in pairwise(numbers)), default=0)


def _numbered_without_gaps(chain: Chain) -> bool:
    numbers = [int(residue.number) for residue in chain.existing_residues]
    return all(0 <= after - before <= 1 for before, after in pairwise(numbers))
