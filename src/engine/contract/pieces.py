"""Files that travel as pieces in messages: cut here, put together and checked there, by the same code on both sides."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .errors import InputError
from .transfer import Piece

__all__ = ["Assembly", "checked_name", "checksum", "pieces", "safe_path"]

PIECE_BYTES = 1 << 20
"""Of one piece: a slow line passes it in about a second, and other messages wait no longer than that."""

_LONGEST_NAME = 1000
_ARRIVING = ".arriving-"
"""Start of the names of files that are not whole yet."""


def checksum(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while block := stream.read(PIECE_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def pieces(path: Path, name: str, job_id: str = "") -> Iterator[Piece]:
    """Cut a file; what is appended to it meanwhile is left out.

    Parameters
    ----------
    path : Path
    name : str
        What the other side calls it.
    job_id : str
        Of the job that it belongs to.

    Raises
    ------
    OSError
        If it cannot be read, or becomes shorter meanwhile.
    """
    digest, offset = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        while True:
            data = stream.read(min(PIECE_BYTES, size - offset))
            if not data and offset < size:
                raise OSError(f"'{path}' became shorter while it was read")
            digest.update(data)
            last = offset + len(data) == size
            yield Piece(job_id, name, offset, size, data, digest.hexdigest() if last else "")
            offset += len(data)
            if last:
                return


def checked_name(name: str) -> PurePosixPath:
    """Relative path of a file in a folder, as it may come from another computer.

    Raises
    ------
    InputError
        If it could lead out of the folder.
    """
    path = PurePosixPath(name)
    odd = not name or len(name) > _LONGEST_NAME or "\\" in name or "\0" in name or ":" in name
    if odd or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise InputError(f"The other side sent a file of the name {name[:60]!r}, which is not taken.")
    return path


def safe_path(folder: Path, name: str) -> Path:
    """Place of a file in a folder.

    Raises
    ------
    InputError
        If the name, or a link in the folder, leads out of it.
    """
    path = folder / checked_name(name)
    if not path.parent.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
        raise InputError(f"The file {name[:60]!r} lies outside of '{folder}'; it is not taken.")
    return path


class Assembly:
    """Puts files of one folder together again; a file appears under its name once it is whole and has its checksum.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, _Arriving] = {}

    def add(self, piece: Piece) -> Path | None:
        """Take a piece; the file's path if it was the last one.

        Raises
        ------
        InputError
            If the name leads out of the folder, a piece is missing, or the checksum is another one.
        OSError
            If the disk is full or refuses. In either case nothing of the file is left.
        """
        try:
            arriving = self._open.get(piece.name)
            if arriving is None:
                final = safe_path(self._folder, piece.name)
                final.parent.mkdir(parents=True, exist_ok=True)
                arriving = self._open[piece.name] = _Arriving(final)
            whole = arriving.add(piece)
        except BaseException:
            self.drop(piece.name)
            raise
        if whole:
            del self._open[piece.name]
        return arriving.final if whole else None

    def drop(self, name: str) -> None:
        """Forget a file that has not come as a whole."""
        arriving = self._open.pop(name, None)
        if arriving is not None:
            arriving.close()

    def close(self) -> None:
        """Forget all files that have not come as a whole."""
        for name in list(self._open):
            self.drop(name)


class _Arriving:
    """One file on its way."""

    def __init__(self, final: Path) -> None:
        self.final = final
        self._temporary = final.with_name(f"{_ARRIVING}{os.getpid()}-{final.name}")
        self._digest = hashlib.sha256()
        self._offset = 0
        self._stream = open(self._temporary, "wb", buffering=0)  # noqa: SIM115 - closed by close()

    def add(self, piece: Piece) -> bool:
        if piece.offset != self._offset or piece.offset + len(piece.data) > piece.size:
            raise InputError(f"A piece of the file {piece.name[:60]!r} was lost on the way; try it again.")
        left = memoryview(piece.data)
        while left:
            left = left[self._stream.write(left) :]
        self._digest.update(piece.data)
        self._offset += len(piece.data)
        if self._offset < piece.size:
            return False
        if self._digest.hexdigest() != piece.sha256:
            raise InputError(f"The file {piece.name[:60]!r} was damaged on the way; try it again.")
        os.fsync(self._stream.fileno())
        self._stream.close()
        os.replace(self._temporary, self.final)
        return True

    def close(self) -> None:
        self._stream.close()
        self._temporary.unlink(missing_ok=True)
