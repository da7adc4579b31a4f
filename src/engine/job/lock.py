"""One process at a time for one job folder, on every platform."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..contract.errors import InputError
from .storage import storage_errors

__all__ = ["JobBusy", "exclusive"]


class JobBusy(InputError):
    """Another process runs the job."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    The lock is the operating system's: it goes with the process that holds it, however that ends, so
    there are no stale locks. The file itself stays behind; its text is the number of the last process.

    Raises
    ------
    JobBusy
        If another process (or another part of this one) holds the lock.
    InputError
        If the file cannot be written.
    """
    with storage_errors(path):
        # unbuffered: what a full disk refused must not be written again when the file is closed
        stream = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed below, where the lock ends
    try:
        if not _try_lock(stream):
            raise JobBusy(
                f"The job in '{path.parent}' is being run by another process ({_owner(stream)}); "
                "wait for it or stop it first."
            )
        with storage_errors(path):
            stream.truncate(0)
            stream.write(f"{os.getpid()}\n".encode())
        yield
    finally:
        stream.close()


def _owner(stream: BinaryIO) -> str:
    stream.seek(0)
    text = stream.read(20).strip().decode("ascii", "replace")
    return f"number {text}" if text.isdigit() else "number unknown"


if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes for reading too: a byte far behind the text leaves that readable.
    _FAR = 1 << 30

    def _try_lock(stream: BinaryIO) -> bool:
        stream.seek(_FAR)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import errno
    import fcntl

    def _try_lock(stream: BinaryIO) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems have no locks: working there matters more than the guard.
            return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
        return True
