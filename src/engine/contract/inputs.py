"""Input files of a job: which there are, and the same job with others in their place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from .domains import File, Requests, SequenceText, TwoFiles, bare
from .requests import parse_request
from .settings import rows
from .specs.common import JobSpec

__all__ = ["input_files", "is_sequence_text", "with_inputs"]

_Spec = TypeVar("_Spec", bound=JobSpec)


def input_files(spec: JobSpec) -> dict[str, tuple[str, ...]]:
    """Input files of a job by setting name; a sequence given as letters is not a file."""
    files: dict[str, tuple[str, ...]] = {}
    for row in rows(type(spec)):
        domain, value = bare(row.setting.domain), getattr(spec, row.name)
        if isinstance(domain, Requests) and value is not None:
            asked = [request.file for request in map(parse_request, value) if request.file is not None]
            if asked:
                files[row.name] = tuple(asked)
            continue
        if value is None or not isinstance(domain, File | TwoFiles | SequenceText):
            continue
        if isinstance(domain, SequenceText) and is_sequence_text(value):
            continue
        files[row.name] = value if isinstance(value, tuple) else (value,)
    return files


def with_inputs(spec: _Spec, files: Mapping[str, tuple[str, ...]], output: str) -> _Spec:
    """Replace the input files (named as by `input_files`) and the folder of a job."""
    domains = {row.name: bare(row.setting.domain) for row in rows(type(spec))}
    changes: dict[str, Any] = {}
    for name, paths in files.items():
        if isinstance(domains[name], Requests):
            left = iter(paths)
            asked = (parse_request(text) for text in getattr(spec, name))
            changes[name] = tuple(
                str(request if request.file is None else replace(request, file=next(left))) for request in asked
            )
        else:
            changes[name] = paths if isinstance(domains[name], TwoFiles) else paths[0]
    return replace(spec, output=output, **changes)


def is_sequence_text(value: str) -> bool:
    """Whether a sequence setting holds the sequence itself rather than the path of a file.

    FASTA text starts with ``>``; otherwise letters, ``*``, ``-`` and the separators ``:``, ``,`` and
    white space make a sequence, unless a file of that name exists.
    """
    text = value.strip()
    if text.startswith(">"):
        return True
    if not re.fullmatch(r"[A-Za-z*\-:,\s]+", text):
        return False
    return len(text) > 255 or "\n" in text or not os.path.exists(text)
