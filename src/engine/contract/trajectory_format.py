"""The file that holds the course of a job as coordinates, read back; numpy is all it needs.

The file is a header and records. The header holds the magic bytes, the version and the number of
residues. A record holds ``step, first replica, replicas, format, origin (3 doubles), length, CRC-32``
and then the coordinates: 16-bit integers of 0.01 angstrom around the origin, or 32-bit floats where a
frame is too large for those (a chain at high noise). All numbers are little-endian. A record is
appended with one write; reading ends at the first one that is incomplete or damaged.

The client reads the file as well, so this module is as light as `adp3d.contract.wire`.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

__all__ = ["HEADER_BYTES", "Trajectory", "pack_header", "pack_record", "read_header", "read_trajectory", "records"]

_MAGIC = b"ADP3DTRJ"
_HEADER = struct.Struct("<8sII")
_RECORD = struct.Struct("<iIII3dII")
_VERSION = 1
_INT16, _FLOAT32 = 1, 2
_SCALE = 0.01
_INT16_REACH = 32767 * _SCALE

HEADER_BYTES = _HEADER.size
"""Length of the header; a shorter file is an empty one."""


@dataclass(frozen=True)
class Trajectory:
    """Frames read back, in the order of their steps.

    Attributes
    ----------
    frames : dict of int to dict of int to ndarray
        ``frames[step][replica]`` is a float32 array (N, 4, 3) in angstrom, good to 0.005 A. Where a step
        was written twice (after a resume, or a batch repeated for lack of memory) the later one counts.
    n_residues : int
        Number of residues N.
    """

    frames: dict[int, dict[int, NDArray[np.float32]]]
    n_residues: int

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps that have frames, in order."""
        return tuple(self.frames)

    @property
    def replicas(self) -> tuple[int, ...]:
        """Replicas that have frames, in order."""
        return tuple(sorted({replica for frame in self.frames.values() for replica in frame}))

    def of_replica(self, replica: int) -> tuple[tuple[int, ...], NDArray[np.float32]]:
        """Select the steps and the coordinates (frame, N, 4, 3) of one replica.

        Raises
        ------
        ValueError
            If that replica has no frames.
        """
        chosen = {step: frame[replica] for step, frame in self.frames.items() if replica in frame}
        if not chosen:
            raise ValueError(f"replica {replica} has no frames (replicas: {self.replicas})")
        return tuple(chosen), np.stack(list(chosen.values()))

    def last(self) -> dict[int, NDArray[np.float32]]:
        """Last frame (N, 4, 3) of each replica."""
        return {replica: self.of_replica(replica)[1][-1] for replica in self.replicas}


def read_trajectory(path: Path) -> Trajectory:
    """Read a trajectory up to its last whole record.

    Raises
    ------
    InputError
        If the file is missing or no trajectory.
    """
    try:
        stream = open(path, "rb")  # noqa: SIM115 - closed by the with statement below
    except OSError as error:
        raise InputError(f"The trajectory '{path}' cannot be read ({error.strerror}).") from error
    with stream:
        n_residues = read_header(stream, path)
        frames: dict[int, dict[int, NDArray[np.float32]]] = {}
        for step, first_replica, coordinates in records(stream, n_residues):
            for i, replica in enumerate(coordinates):
                frames.setdefault(step, {})[first_replica + i] = replica
    return Trajectory({step: frames[step] for step in sorted(frames)}, n_residues)


def pack_header(n_residues: int) -> bytes:
    """Bytes at the start of a trajectory of ``n_residues`` residues."""
    return _HEADER.pack(_MAGIC, _VERSION, n_residues)


def pack_record(step: int, first_replica: int, coordinates: NDArray[np.floating]) -> bytes:
    """Bytes of one frame of the replicas ``first_replica``..., (replica, N, 4, 3) in angstrom.

    Raises
    ------
    ValueError
        If a coordinate is not finite.
    """
    format_code, origin, data = _pack(coordinates)
    checksum = zlib.crc32(data)
    return _RECORD.pack(step, first_replica, len(coordinates), format_code, *origin, len(data), checksum) + data


def read_header(stream: BinaryIO, path: Path) -> int:
    """Read the number of residues from the start of a trajectory; ``path`` is for the error.

    Raises
    ------
    InputError
        If it is no trajectory, or one of a newer version.
    """
    head = stream.read(_HEADER.size)
    if len(head) == _HEADER.size:
        magic, version, n_residues = _HEADER.unpack(head)
        if magic == _MAGIC and version == _VERSION:
            return int(n_residues)
        if magic == _MAGIC:
            raise InputError(f"The trajectory '{path}' was written by a newer program; update ADP-3D.")
    raise InputError(f"'{path}' is not a trajectory of this program.")


def records(stream: BinaryIO, n_residues: int) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Step, first replica and coordinates of each whole record from here on.

    Afterwards the stream stands behind the last of them.
    """
    size = os.fstat(stream.fileno()).st_size
    while True:
        start = stream.tell()
        head = stream.read(_RECORD.size)
        fields = _RECORD.unpack(head) if len(head) == _RECORD.size else None
        record = _unpack(stream, fields, n_residues, size - stream.tell()) if fields else None
        if record is None or fields is None:
            stream.seek(start)
            return
        yield fields[0], fields[1], record


def _pack(coordinates: NDArray[np.floating]) -> tuple[int, NDArray[np.float64], bytes]:
    wide = coordinates.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("a frame holds coordinates that are not finite")
    origin = wide.mean(axis=(0, 1, 2)) if wide.size else np.zeros(3)
    shifted = wide - origin
    if np.abs(shifted).max(initial=0.0) < _INT16_REACH:
        return _INT16, origin, np.rint(shifted / _SCALE).astype("<i2").tobytes()
    return _FLOAT32, origin, shifted.astype("<f4").tobytes()


def _unpack(stream: BinaryIO, fields: tuple[Any, ...], n_residues: int, left: int) -> NDArray[np.float32] | None:
    _, _, n_replicas, format_code, x, y, z, length, checksum = fields
    count = n_replicas * n_residues * 12
    if format_code not in (_INT16, _FLOAT32) or length != count * (2 if format_code == _INT16 else 4):
        return None
    if length > left:
        return None
    data = stream.read(length)
    if zlib.crc32(data) != checksum:
        return None
    values = np.frombuffer(data, "<i2" if format_code == _INT16 else "<f4").astype(np.float64)
    values = values * _SCALE if format_code == _INT16 else values
    result: NDArray[np.float32] | None = (values.reshape(n_replicas, n_residues, 4, 3) + np.array((x, y, z))).astype(
        np.float32
    )
    return result
