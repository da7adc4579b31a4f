"""Reading MRC and CCP4 maps."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from ..compression import open_plain, plain_name
from ..contract.errors import InputError
from .header import HEADER_BYTES, Header, parse_header
from .map import DensityMap

__all__ = ["read_map"]

CHUNK_BYTES = 2**24
CCP4_SUFFIXES = (".ccp4", ".map")
_LARGEST = 1e12
"""Of a map's values: sums of squares of any map stay within single precision, whose largest number is 3.4e38."""


def read_map(path: str | Path) -> DensityMap:
    """Read a density map.

    MRC and CCP4 files with modes 0, 1, 2, 6 and 12, either byte order, any axis order and cell, plain or packed (see
    `open_plain`). The header is read as described in `parse_header`; what had to be assumed is in the map's
    ``notes``. No more memory is taken than the file really has data for.

    Parameters
    ----------
    path : path
        The file. In files named ``.map`` or ``.ccp4`` NSTART goes before ORIGIN, as in ChimeraX.

    Returns
    -------
    DensityMap
        Values as float32, along x, y, z.

    Raises
    ------
    InputError
        If the file cannot be read, is no 3-D map, is truncated, or holds values that are not finite, all the same, or
        beyond 1e12.
    """
    path = Path(path)
    name = path.name
    with open_plain(path) as opened:
        raw = opened.stream.read(HEADER_BYTES)
        header = parse_header(raw, name, nstart_first=_is_ccp4(opened.name))
        block = _read_block(opened.stream, header, opened.size, is_old_style=raw[208:211] != b"MAP", name=name)
    data = np.frombuffer(block, dtype=header.dtype).reshape(header.file_shape)
    values = np.ascontiguousarray(data.transpose(np.argsort(header.order)), dtype=np.float32)
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(f"{name} has {bad} voxels that are not finite numbers; repair or re-export the map.")
    largest = max(float(values.max()), -float(values.min()))
    if largest > _LARGEST:
        raise InputError(f"{name} has values up to {largest:.1g}, too large to compute with; divide the map by them.")
    if values.min() == values.max():
        raise InputError(f"{name} is empty: every voxel has the same value.")
    return DensityMap(values, header.origin, header.axes, header.notes)


def _is_ccp4(name: str) -> bool:
    return PurePosixPath(plain_name(name)).suffix.lower() in CCP4_SUFFIXES


def _read_block(stream: IO[bytes], header: Header, size: int | None, is_old_style: bool, name: str) -> bytearray:
    """Read the data block; `stream` stands after the header."""
    wanted = header.extended_bytes + header.data_bytes
    if size is not None and size - HEADER_BYTES < wanted:
        wanted = size - HEADER_BYTES if size - HEADER_BYTES == header.data_bytes else -1
    held = bytearray()
    while len(held) < wanted:
        chunk = stream.read(min(CHUNK_BYTES, wanted - len(held)))
        if not chunk:
            break
        held += chunk
    # Some archived maps announce symmetry records that are not there: then the data fill the file exactly.
    skip = header.extended_bytes if len(held) != header.data_bytes else 0
    if len(held) - skip < header.data_bytes:
        raise InputError(f"{name} is truncated: it has fewer voxels than its header says; get it again.")
    # Reading past the block also lets packed files verify their check sums.
    more = stream.read(1)
    if is_old_style and more:
        raise InputError(f"{name} is not an MRC/CCP4 map (the word MAP is missing from its header).")
    del held[:skip]
    return held
