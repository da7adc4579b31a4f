"""Folder of an engine that clients on other computers use: files that they sent, and the folders of their jobs."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..contract.errors import InputError
from ..contract.messages import Fetch, Fetched, List, Listing, Message, Offer, Piece, Received, Wanted
from ..contract.pieces import Assembly, checksum, pieces, safe_path
from ..job.storage import TEMPORARY_PREFIX, storage_errors

__all__ = ["Store"]

_FILES, _JOBS = "files", "jobs"
_OFFERED = re.compile(r"[0-9a-f]{64}/[^/]+")
_KEPT_SECONDS = 30 * 86_400.0
"""Files of clients that no job has named for so long are removed; jobs have copies of their own."""

_NOT_SENT = ("lock", TEMPORARY_PREFIX, ".arriving-")
"""Beginnings of names that mean something to the running engine only."""


class Store:
    """Files of clients, by their checksums, and job folders.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    send : callable
        Sends a message to the client.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, send: Callable[[Message], None]) -> None:
        self.folder = folder.absolute()
        self._send = send
        with storage_errors(self.folder):
            for part in (_FILES, _JOBS):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
        self._incoming = Assembly(self.folder / _FILES)
        self._remove_old()

    def offer(self, offer: Offer) -> None:
        """Say which of the offered files are not here yet."""
        missing, problem = [], ""
        for name in offer.names:
            if not _OFFERED.fullmatch(name):
                problem = f"A file was offered as {name[:80]!r}, which is no checksum and name."
                break
            path = safe_path(self.folder / _FILES, name)
            if path.is_file():
                os.utime(path)  # it is in use
            else:
                missing.append(name)
        free = shutil.disk_usage(self.folder).free
        if missing and offer.bytes > free:
            problem = (
                f"The disk there is full: the inputs take {offer.bytes:,} bytes, and '{self.folder}' has {free:,} "
                "left; free some space there and start again."
            )
        self._send(Wanted(offer.token, str(self.folder), missing, problem))

    def receive(self, piece: Piece) -> None:
        """Take a piece of an offered file; the client is told when it has come as a whole, or why it cannot."""
        try:
            if not _OFFERED.fullmatch(piece.name):
                raise InputError(f"A file was sent as {piece.name[:80]!r}, which is no checksum and name.")
            with storage_errors(self.folder / _FILES / piece.name):
                whole = self._incoming.add(piece)
        except (InputError, OSError) as error:
            self._send(Received(piece.name, str(error)))
            return
        if whole is not None and not piece.name.startswith(piece.sha256):
            whole.unlink()
            self._send(Received(piece.name, f"The file {piece.name[:80]!r} is not the one that was offered."))
        elif whole is not None:
            self._send(Received(piece.name))

    def job_folder(self, name: str) -> Path:
        """Folder of a job, given as the client names it; it lies in this store.

        Raises
        ------
        InputError
            If it does not.
        """
        path = Path(os.path.abspath(name))
        if path.parent != self.folder / _JOBS:
            raise InputError(f"'{name}' is no job folder of the engine in '{self.folder}'.")
        return path

    def list(self, request: List) -> None:
        """Say what a job folder holds."""
        files: dict[str, str] = {}
        try:
            folder = self.job_folder(request.folder)
            for path in sorted(folder.rglob("*")):
                if path.name.startswith(_NOT_SENT) or not path.is_file() or path.is_symlink():
                    continue
                size, digest = checksum(path)
                files[path.relative_to(folder).as_posix()] = f"{size} {digest}"
        except (InputError, OSError) as error:
            self._send(Fetched(request.job_id, f"The job folder there cannot be read ({error})."))
            return
        self._send(Listing(request.job_id, files))

    def fetch(self, request: Fetch) -> None:
        """Send files of a job folder."""
        problem = ""
        try:
            folder = self.job_folder(request.folder)
            for name in request.names:
                for piece in pieces(safe_path(folder, name), name, request.job_id):
                    self._send(piece)
        except FileNotFoundError as error:
            problem = f"A file of the job is gone there ({error.filename})."
        except (InputError, OSError) as error:
            problem = f"The files of the job there cannot be read ({error})."
        self._send(Fetched(request.job_id, problem))

    def close(self) -> None:
        """Forget files that have not come as a whole."""
        self._incoming.close()

    def _remove_old(self) -> None:
        before = time.time() - _KEPT_SECONDS
        for folder in (self.folder / _FILES).iterdir():
            with suppress(OSError):  # another engine removes it, or uses it
                files: Sequence[Path] = list(folder.iterdir())
                if all(path.stat().st_mtime < before for path in files):
                    shutil.rmtree(folder)
