"""Writing files so that a reader sees the old content or the new, never half of it."""

from __future__ import annotations

import errno
import math
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..contract.errors import InputError

__all__ = [
    "TEMPORARY_PREFIX",
    "check_writable",
    "plain_values",
    "replace_atomically",
    "storage_errors",
    "write_text",
]

TEMPORARY_PREFIX = ".writing-"
"""Start of the names of files that are being written."""

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY}


@contextmanager
def storage_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the operating system's refusals to write ``path`` into one sentence for the user.

    Raises
    ------
    InputError
        If the disk is full, writing is not permitted, or the folder is missing or not a folder.
    """
    try:
        yield
    except OSError as error:
        # An error about some other file (an input, say) keeps its own name in the sentence.
        name = error.filename if isinstance(error.filename, str) else os.fspath(path)
        if error.errno in _FULL:
            reason = f"The disk is full: '{name}' could not be written; free some space and start again."
        elif error.errno in _REFUSED:
            reason = f"'{name}' cannot be written (no permission or read-only); choose another output folder."
        elif error.errno in _IN_THE_WAY:
            reason = f"'{name}' cannot be written ({os.strerror(error.errno)}); choose another output folder."
        else:
            raise
        raise InputError(reason) from error


@contextmanager
def replace_atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``; what was written there replaces ``path`` on success.

    The temporary name keeps the suffixes of the final one (writers choose formats by them). After an
    exception inside the block the temporary file is gone and ``path`` is as it was.

    Raises
    ------
    InputError
        As `storage_errors` says.
    """
    final = Path(path)
    # processes of several computers may share a folder
    temporary = final.with_name(f"{TEMPORARY_PREFIX}{platform.node()}-{os.getpid()}-{final.name}")
    with storage_errors(final):
        try:
            yield temporary
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, final)
        except OSError as error:
            if error.filename == os.fspath(temporary):
                error.filename = os.fspath(final)  # the only name that the user knows
            raise
        finally:
            temporary.unlink(missing_ok=True)


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Raise early if no file can be written to a folder.

    Raises
    ------
    InputError
        If it is not there, or as `storage_errors` says.
    """
    if not Path(folder).is_dir():
        raise InputError(f"The folder '{Path(folder).absolute()}' does not exist; make it, or choose another one.")
    with storage_errors(folder):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            error.filename = os.fspath(folder)
            raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically in UTF-8; errors as in `replace_atomically`."""
    with replace_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def plain_values(value: Any) -> Any:
    """Reduce to the values of strict JSON: arrays become lists, numbers that are not finite null."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    if hasattr(value, "tolist"):
        return plain_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
