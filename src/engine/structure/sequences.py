"""Sequences from FASTA files, from a structure's own records, or typed by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gemmi

from ..compression import PACKED_SUFFIXES
from ..contract.errors import InputError
from .backbone_parts import letters_of_chromophore
from .polymer import AMINO_ACIDS, UNKNOWN
from .read import read_content, read_structure
from .residues import modified_parents, one_letter
from .sequence_formats import (
    flat_entries,
    is_pir_header,
    is_pir_nucleic,
    letters_of_names,
    pir_letters,
    refuse_others,
)

__all__ = [
    "NamedSequence",
    "parse_fasta",
    "parse_sequence_argument",
    "read_sequences",
    "sequences_from_structure",
]

_ALLOWED = set(AMINO_ACIDS) | {"U", "O", UNKNOWN}
_AMBIGUOUS = str.maketrans("BZJ", UNKNOWN * 3)
_NUCLEIC = set("ACGTUN")
_SEQUENCE_SUFFIXES = (
    ".fasta",
    ".fa",
    ".faa",
    ".fas",
    ".seq",
    ".txt",
    ".pir",
    ".ali",
    ".gb",
    ".gp",
    ".cif",
    ".mmcif",
    ".pdb",
    ".ent",
    *PACKED_SUFFIXES,
)


@dataclass(frozen=True)
class NamedSequence:
    """One protein sequence and the chains it belongs to.

    Parameters
    ----------
    name : str
        For reports.
    sequence : str
        One-letter codes: the 20 standard ones, ``U``, ``O`` or ``X``.
    chains : tuple of str or None
        Chains of the model that have this sequence, one per copy; None where nothing is said about it.
    """

    name: str
    sequence: str
    chains: tuple[str, ...] | None = None


def parse_sequence_argument(text_or_path: str | Path) -> list[NamedSequence]:
    """Sequences from what a user gives: a FASTA file, a model file, or the letters themselves.

    An existing file is always read as a file. Otherwise the text counts as letters (several chains
    separated by commas or colons) unless it looks like a path.

    Parameters
    ----------
    text_or_path : str or Path
        Path or one-letter codes.

    Returns
    -------
    list of NamedSequence
        At least one sequence.

    Raises
    ------
    InputError
        If the file is missing or holds no protein sequence, or the letters are not amino acids.
    """
    text = str(text_or_path).strip()
    if not text:
        raise InputError("The sequence is empty: give a FASTA file or one-letter codes.")
    if text.startswith(">"):
        return parse_fasta(text, "the typed sequence")
    if _is_file(text):
        return read_sequences(text)
    if isinstance(text_or_path, Path) or "/" in text or "\\" in text or text.lower().endswith(_SEQUENCE_SUFFIXES):
        raise InputError(f"There is no sequence file '{text}'.")
    parts = [part for part in re.split(r"[,:;]", text) if part.strip()]
    if not parts:
        raise InputError("The sequence is empty: give a FASTA file or one-letter codes.")
    return [
        NamedSequence(f"typed sequence {i}" if len(parts) > 1 else "typed sequence", _clean(part, "the typed sequence"))
        for i, part in enumerate(parts, 1)
    ]


def _is_file(text: str) -> bool:
    """Whether the text names an existing file (long typed sequences exceed the system's name length)."""
    try:
        return len(text) < 1000 and Path(text).exists()
    except (OSError, ValueError):
        return False


def read_sequences(path: str | Path) -> list[NamedSequence]:
    """Read a FASTA or PIR file, bare letters, a UniProt or GenBank entry, or the records of an mmCIF or PDB file.

    Parameters
    ----------
    path : str or Path
        The file, packed or not (see `open_plain`).

    Returns
    -------
    list of NamedSequence
        Its protein sequences.

    Raises
    ------
    InputError
        If the file cannot be read or holds no protein sequence.
    """
    content = read_content(path)
    if b"\x00" in content:
        raise InputError(f"'{path}' is a binary file, not a sequence.")
    text = content.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith((">", ";")):
        return parse_fasta(text, f"'{path}'")
    if re.search(r"^(data_|ATOM  |HETATM|HEADER|SEQRES)", text, flags=re.MULTILINE):
        found = sequences_from_structure(read_structure(path))
        if not found:
            raise InputError(f"'{path}' has no sequence records (entity_poly_seq or SEQRES); give a FASTA file.")
        return found
    entries = flat_entries(text)
    if entries:
        named = [NamedSequence(name, _clean(letters, f"entry {name} of '{path}'")) for name, letters in entries]
        return _proteins(named, f"'{path}'")
    refuse_others(text, f"'{path}'")
    return [NamedSequence(Path(path).stem, _clean(letters_of_names(text) or text, f"'{path}'"))]


def parse_fasta(text: str, origin: str = "the FASTA text") -> list[NamedSequence]:
    """Protein records of a FASTA text, with the chains their headers name.

    Chains are taken from headers such as ``7PZT_1|Chains A, B[auth K]|...``, ``1ABC:A|...``, ``1ABC_A``,
    ``chain A`` and ``A`` or ``A,B``. Records that are clearly DNA or RNA are left out. Records with PIR headers
    (``>P1;name``) have a line of description, and may hold several chains separated by ``/``.

    Parameters
    ----------
    text : str
        One or more records.
    origin : str
        What to call the text in error messages.

    Returns
    -------
    list of NamedSequence
        At least one.

    Raises
    ------
    InputError
        If a record is empty or has invalid letters, or no record is a protein.
    """
    records: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(">"):
            records.append((line[1:].strip(), []))
        elif line.startswith(";"):
            continue
        elif records:
            records[-1][1].append(line)
        elif line.strip():
            raise InputError(f"In {origin}, letters come before the first '>' header.")
    sequences = []
    for index, (header, lines) in enumerate(records, 1):
        name = _header_name(header) or f"sequence {index}"
        where = f"record '{header[:40] or index}' of {origin}"
        if not is_pir_header(header):
            sequences.append(NamedSequence(name, _clean("\n".join(lines), where), _header_chains(header)))
        elif not is_pir_nucleic(header):
            name = header.partition(";")[2].strip()[:24] or name
            # an empty record is to be refused, not left out
            sequences += [NamedSequence(name, _clean(letters, where)) for letters in pir_letters(lines) or [""]]
    return _proteins(sequences, origin)


def _proteins(sequences: list[NamedSequence], origin: str) -> list[NamedSequence]:
    """Those that are not clearly DNA or RNA."""
    proteins = [record for record in sequences if not _is_nucleic(record.sequence)]
    if not proteins:
        raise InputError(f"There is no protein sequence in {origin}.")
    return proteins


def sequences_from_structure(structure: gemmi.Structure) -> list[NamedSequence]:
    """Sequences that the structure itself records (entity_poly_seq or SEQRES), modified residues as parents.

    Parameters
    ----------
    structure : gemmi.Structure
        As `read_structure` returns it.

    Returns
    -------
    list of NamedSequence
        One per protein entity that has chains in the first model; empty where the file has no records.
    """
    parents = modified_parents(structure)
    chains_of: dict[str, list[str]] = {}
    for chain in structure[0]:
        for residue in chain:
            names = chains_of.setdefault(residue.subchain, [])
            if chain.name not in names:
                names.append(chain.name)
    found = []
    for entity in structure.entities:
        if entity.entity_type != gemmi.EntityType.Polymer or not entity.full_sequence:
            continue
        chains = tuple(dict.fromkeys(name for sub in entity.subchains for name in chains_of.get(sub, [])))
        letters = entity_letters(entity, parents)
        if chains and letters and _is_peptide(entity):
            found.append(NamedSequence(f"entity {entity.name}", letters, chains))
    return found


def entity_letters(entity: gemmi.Entity, parents: Mapping[str, str]) -> str:
    """One-letter codes of an entity's full sequence, terminal caps left out."""
    names = [gemmi.Entity.first_mon(item) for item in entity.full_sequence]
    caps = {"ACE", "NH2", "NME", "FOR"}
    return "".join(_letters(name, parents) for name in names if name not in caps)


def _letters(name: str, parents: Mapping[str, str] | None = None) -> str:
    """One-letter code of a residue name, or those of the residues that a chromophore formed from."""
    return letters_of_chromophore(name) or one_letter(name, parents)


def _is_peptide(entity: gemmi.Entity) -> bool:
    """Whether a polymer entity is protein, from its declared type or else from its residue names."""
    if entity.polymer_type in (gemmi.PolymerType.PeptideL, gemmi.PolymerType.PeptideD):
        return True
    if entity.polymer_type != gemmi.PolymerType.Unknown:
        return False
    kinds = [gemmi.find_tabulated_residue(gemmi.Entity.first_mon(item)) for item in entity.full_sequence]
    return 2 * sum(kind.is_amino_acid() for kind in kinds) > len(kinds)


def _clean(letters: str, origin: str) -> str:
    """Upper-case letters without blanks, numbers between them, closing asterisk and (MSE)-style names.

    Raises on anything else.
    """
    text = re.sub(r"(?<!\S)\d+(?!\S)", "", letters)
    text = re.sub(r"\s+", "", text)
    text = re.sub(r"\(([A-Za-z0-9]{1,5})\)", lambda found: _letters(found.group(1).upper()), text)
    text = text.upper().removesuffix("*")
    if not text:
        raise InputError(f"The sequence in {origin} is empty.")
    if "-" in text or "." in text:
        raise InputError(f"The sequence in {origin} has alignment gaps ('-' or '.'): give it without gaps.")
    text = text.translate(_AMBIGUOUS)
    wrong = sorted(set(text) - _ALLOWED)
    # RNA and the letters of amino acids overlap; anything else is a slip that deserves its place.
    if wrong:
        position = next(i for i, letter in enumerate(text, 1) if letter in wrong)
        shown = " ".join(repr(letter) for letter in wrong[:5])
        raise InputError(f"The sequence in {origin} has invalid letters: {shown}, the first at position {position}.")
    return text


def _is_nucleic(letters: str) -> bool:
    """Whether letters are DNA or RNA: only A, C, G, T, U, N, at least three different, eight or more."""
    return len(letters) >= 8 and set(letters) <= _NUCLEIC and len(set(letters)) >= 3


def _header_name(header: str) -> str:
    """Short name for a record: its accession, or the header itself if it is short."""
    fields = [field.strip() for field in header.split("|")]
    known = len(fields) > 1 and fields[0].lower() in ("sp", "tr", "gi", "ref", "pdb", "gb")
    name = fields[1] if known else fields[0]
    return name if len(name) <= 24 else name.split()[0][:24]


def _header_chains(header: str) -> tuple[str, ...] | None:
    """Chain names that a FASTA header declares, author names where both are given."""
    for field in header.split("|"):
        declared = re.match(r"\s*chains?[\s_:=]+(.+)$", field, flags=re.IGNORECASE)
        if declared:
            items = [item.strip() for item in declared.group(1).split(",")]
            names = [re.sub(r"^.*\[auth\s+(\S+?)\]$", r"\1", item) for item in items]
            if all(re.fullmatch(r"[A-Za-z0-9]{1,4}", name) for name in names):
                return tuple(dict.fromkeys(names))
    first = re.split(r"[|\s]", header, maxsplit=1)[0]
    entry = re.fullmatch(r"[0-9][A-Za-z0-9]{3}(?::([A-Za-z0-9]{1,4})|_([A-Za-z]{1,4}))", first)
    if entry:
        return (entry.group(1) or entry.group(2),)
    bare = header.replace(" ", "").split(",")
    if all(re.fullmatch(r"[A-Za-z0-9]{1,2}", name) for name in bare):
        return tuple(dict.fromkeys(bare))
    return None
