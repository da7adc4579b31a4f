"""Formats of sequence files beside plain FASTA: PIR, entries of UniProt and GenBank, three-letter names."""

from __future__ import annotations

import re

import gemmi

from ..contract.errors import InputError

__all__ = ["flat_entries", "is_pir_header", "is_pir_nucleic", "letters_of_names", "pir_letters", "refuse_others"]

_PIR = re.compile(r"(P1|F1|D[LC]|R[LC]|N[123]|XX)\s*;")
_ENTRY_START = re.compile(r"^(?:SQ   SEQUENCE|ORIGIN\b)", flags=re.MULTILINE)
_ENTRY_NAME = re.compile(r"^(?:ID|LOCUS)\s+(\S+)", flags=re.MULTILINE)
_OTHERS = (
    (re.compile(r"(CLUSTAL|MUSCLE|PROBCONS)\b"), "an alignment in Clustal format"),
    (re.compile(r"# STOCKHOLM"), "an alignment in Stockholm format"),
    (re.compile(r"!!AA_MULTIPLE|PileUp|\s*MSF:"), "an alignment in MSF format"),
    (re.compile(r"\{\\rtf"), "a text document with formatting (RTF)"),
    (re.compile(r"<(!DOCTYPE|html|\?xml)", re.IGNORECASE), "a web page or XML file"),
    (re.compile(r"[\[{]\s*[\"{\[]"), "a JSON file"),
)
_LEAST_NAMES = 3
"""Three-letter names in a row that are no chance words of one-letter codes."""


def is_pir_header(header: str) -> bool:
    """Whether a header (without ``>``) is one of PIR or NBRF, such as ``P1;1ABC``."""
    return _PIR.match(header) is not None


def is_pir_nucleic(header: str) -> bool:
    """Whether a PIR header declares DNA or RNA."""
    return header[:2] in ("DL", "DC", "RL", "RC", "N1", "N2", "N3")


def pir_letters(lines: list[str]) -> list[str]:
    """Letters of the chains of a PIR record: after the description, up to ``*``, chains separated by ``/``.

    Gaps of the alignment are left out, as are block residues (``.``) of Modeller.

    Parameters
    ----------
    lines : list of str
        What follows the header; the first is the description.
    """
    filled = [line for line in lines if line.strip()]
    # a record of one line that ends like a sequence has no description
    body = lines if len(filled) == 1 and filled[0].rstrip().endswith("*") else lines[1:]
    letters = "".join(body).partition("*")[0]
    return [part for part in (re.sub(r"[\s.-]", "", part) for part in letters.split("/")) if part]


def flat_entries(text: str) -> list[tuple[str, str]]:
    """Names and letters of UniProt, EMBL and GenBank entries; empty for other texts."""
    if not _ENTRY_START.search(text):
        return []
    found = []
    for number, entry in enumerate(re.split(r"^//.*$", text, flags=re.MULTILINE), 1):
        start = _ENTRY_START.search(entry)
        if start is None:
            continue
        lines = entry[start.end() :].splitlines()[1:]
        name = _ENTRY_NAME.search(entry[: start.start()])
        found.append((name.group(1) if name else f"entry {number}", re.sub(r"[\s\d]", "", "".join(lines))))
    return found


def letters_of_names(text: str) -> str:
    """One-letter codes of a text of nothing but three-letter names; empty for other texts."""
    words = re.split(r"[\s,-]+", text.strip().upper())
    codes = [gemmi.find_tabulated_residue(word) for word in words]
    if len(words) < _LEAST_NAMES or not all(
        len(word) == 3 and code.is_amino_acid() for word, code in zip(words, codes, strict=True)
    ):
        return ""
    return "".join(code.one_letter_code.upper().strip() or "X" for code in codes)


def refuse_others(text: str, origin: str) -> None:
    """Call by its name what is no sequence file.

    Raises
    ------
    InputError
        If the text is an alignment of several sequences, or a document.
    """
    for pattern, what in _OTHERS:
        if pattern.match(text):
            raise InputError(f"{origin} is {what}; give the sequence as FASTA.")
