"""Files that are written all or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

__all__ = ["check_place", "replace_file"]


def check_place(path: Path) -> None:
    """Refuse names that no file can have, before any work is done for it.

    Raises
    ------
    UserError
    """
    from chimerax.core.errors import UserError

    if path.is_dir():
        raise UserError(f"'{path}' is a folder; give the name of a file.")
    if not path.parent.is_dir():
        raise UserError(f"'{path}' could not be written: there is no folder '{path.parent}'.")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name beside it first, so that a failure leaves nothing, or what was there.

    Parameters
    ----------
    path : Path
        A file of that name is replaced.
    write : callable
        Writes the file whose name it is given.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    from chimerax.core.errors import UserError

    partial = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        write(partial)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"'{path}' could not be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
