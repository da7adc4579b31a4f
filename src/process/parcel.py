"""The engine of this bundle as one archive, and what names its contents."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from .environment import ENGINE

__all__ = ["UNPACK", "engine_digest", "packed_engine"]

_PROGRAMS = ("launch.py", "probe.py")
_KEPT = 3

UNPACK = f"""
import os, shutil, sys, tarfile
target = sys.argv[1]
part = target + ".part"
shutil.rmtree(part, ignore_errors=True)
os.makedirs(part)
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as archive:
    archive.extractall(part, **({{"filter": "data"}} if hasattr(tarfile, "data_filter") else {{}}))
shutil.rmtree(target, ignore_errors=True)
os.rename(part, target)
home = os.path.dirname(target)
others = sorted((os.path.join(home, name) for name in os.listdir(home)), key=os.path.getmtime)
for old in others[:-{_KEPT}]:
    shutil.rmtree(old, ignore_errors=True)
"""
"""Program for a Python there, which unpacks the engine from its standard input into the folder that it is given.

An engine that runs may still need an older one: the last few stay.
"""


@lru_cache(maxsize=1)
def engine_digest() -> str:
    """SHA-256 of the engine's files and their names."""
    digest = hashlib.sha256()
    for name, path in _files():
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def packed_engine() -> bytes:
    """Archive (tar, gzip) of the engine and the programs that start and examine it."""
    stream = io.BytesIO()
    # weights do not become smaller: little effort is enough
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, path in _files():
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with open(path, "rb") as content:
                archive.addfile(entry, content)
    return stream.getvalue()


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted(ENGINE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield f"engine/{path.relative_to(ENGINE).as_posix()}", path
    here = Path(__file__).resolve().parent
    for program in _PROGRAMS:
        yield f"process/{program}", here / program
