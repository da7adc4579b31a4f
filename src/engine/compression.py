"""Compressed input: one place that tells a packed file by its first bytes, and opens it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from .contract.errors import InputError

__all__ = ["PACKED_SUFFIXES", "Opened", "open_plain", "plain_name"]

PACKED_SUFFIXES = (".gz", ".bgz", ".bz2", ".xz", ".lzma", ".zip")
"""Endings of files that `open_plain` unpacks; the content decides, not the ending."""

_STREAMS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"]\x00\x00": lzma.open,
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_FOREIGN = {
    b"\x28\xb5\x2f\xfd": "Zstandard (.zst)",
    b"\x1f\x9d": "compress (.Z)",
    b"\x1f\xa0": "compress (.Z)",
    b"7z\xbc\xaf\x27\x1c": "7-Zip (.7z)",
    b"Rar!\x1a\x07": "RAR (.rar)",
    b"\x04\x22\x4d\x18": "LZ4 (.lz4)",
}
_LONGEST_MAGIC = 8
_TAR_WORD_AT = 257
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Opened:
    """A file ready to be read, unpacked on the way.

    Parameters
    ----------
    stream : binary file
        The plain content.
    name : str
        Name of the content: that of the file without the ending of its packing, or of the member of a ZIP archive.
    size : int or None
        Bytes of the content, None where only reading it would tell.
    """

    stream: IO[bytes]
    name: str
    size: int | None


def plain_name(path: str | Path) -> str:
    """Name of a file without the ending of its packing: ``x.map`` for ``folder/x.map.bz2``."""
    name = Path(path).name
    ending = next((ending for ending in PACKED_SUFFIXES if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)] or name


@contextmanager
def open_plain(path: str | Path) -> Iterator[Opened]:
    """Open a file, plain or packed with gzip, bzip2, xz, lzma or (a single file) ZIP.

    Reading inside the block is covered by the same sentences as opening.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    Opened

    Raises
    ------
    InputError
        If the file is missing, a folder, unreadable or damaged, packed in a way that Python cannot undo, or an
        archive of several files.
    """
    path = Path(path)
    try:
        with path.open("rb") as plain:
            magic = plain.read(_LONGEST_MAGIC)
            plain.seek(0)
            for start, packing in _FOREIGN.items():
                if magic.startswith(start):
                    raise InputError(f"'{path}' is packed with {packing}, which is not read; unpack it first.")
            if magic.startswith(_ZIP):
                with zipfile.ZipFile(plain) as archive:
                    member = _only_member(archive, path)
                    with archive.open(member) as unpacked:
                        yield Opened(unpacked, PurePosixPath(member.filename).name, member.file_size)
                return
            opener = next((opener for start, opener in _STREAMS.items() if magic.startswith(start)), None)
            if opener is None:
                _refuse_tar(plain, path)
                yield Opened(plain, plain_name(path), path.stat().st_size)
                return
            with opener(plain) as stream:
                unpacked = cast(IO[bytes], stream)
                _refuse_tar(unpacked, path)
                yield Opened(unpacked, plain_name(path), None)
    except FileNotFoundError:
        raise InputError(f"There is no file '{path}'.") from None
    except IsADirectoryError:
        raise InputError(f"'{path}' is a folder; give the file itself.") from None
    except _DAMAGED:
        raise InputError(f"'{path}' is damaged or incomplete and cannot be decompressed; get it again.") from None
    except OSError as error:
        # bz2 says so about damaged data, too, with a text and no number
        if error.errno is None:
            raise InputError(f"'{path}' is damaged or incomplete and cannot be decompressed; get it again.") from None
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}.") from None


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The one file of an archive; what macOS and file managers add does not count."""
    members = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and not PurePosixPath(info.filename).name.startswith(".")
    ]
    if len(members) != 1:
        holds = f"{len(members)} files" if members else "no file"
        raise InputError(f"'{path}' is a ZIP archive of {holds}; unpack it and give the file that is meant.")
    (member,) = members
    if member.flag_bits & 0x1:
        raise InputError(f"'{path}' is a ZIP archive with a password; unpack it first.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        raise InputError(f"'{path}' is a ZIP archive of a kind that is not read; unpack it first.")
    return member


def _refuse_tar(stream: IO[bytes], path: Path) -> None:
    """Say what a tar archive is, packed or not; leaves the stream at its start."""
    head = stream.read(_TAR_WORD_AT + 5)
    stream.seek(0)
    if head[_TAR_WORD_AT:] == b"ustar":
        raise InputError(f"'{path}' is a tar archive; unpack it and give the file that is meant.")
