"""The course of a job as coordinates: a compact binary file that survives crashes.

The file is a header and records. The header holds the magic bytes, the version and the number of
residues. A record holds ``step, first replica, replicas, format, origin (3 doubles), length, CRC-32``
and then the coordinates: 16-bit integers of 0.01 angstrom around the origin, or 32-bit floats where a
frame is too large for those (a chain at high noise). All numbers are little-endian. A record is
appended with one write; reading ends at the first one that is incomplete or damaged.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..storage import storage_errors

__all__ = ["Trajectory", "TrajectoryWriter", "read_trajectory"]

_MAGIC = b"ADP3DTRJ"
_HEADER = struct.Struct("<8sII")
_RECORD = struct.Struct("<iIII3dII")
_VERSION = 1
_INT16, _FLOAT32 = 1, 2
_SCALE = 0.01
_INT16_REACH = 32767 * _SCALE


class TrajectoryWriter:
    """Listener that stores frames.

    Parameters
    ----------
    path : Path
        Trajectory file; an existing one is continued behind its last whole record.
    interval : int
        Steps between stored frames; the last frame of each group of replicas is stored in any case.

    Raises
    ------
    InputError
        At any call, if the disk is full or refuses.
    ValueError
        If frames change their number of residues, or are not finite (replica, N, 4, 3) arrays.
    """

    def __init__(self, path: Path, interval: int = 1) -> None:
        if interval < 1:
            raise ValueError("the interval between frames is at least one step")
        self._path = path
        self._interval = interval
        self._stream: BinaryIO | None = None
        self._n_residues = 0
        self._waiting: dict[int, tuple[int, NDArray[np.floating]]] = {}

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Store the waiting frames at the end of a stage, so that they can be exported from then on."""
        if step >= total:
            self._store_waiting()

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Ignore."""

    def message(self, text: str, level: str = "info") -> None:
        """Ignore."""

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Store a frame, or keep it in case it is the last."""
        if coordinates.ndim != 4 or coordinates.shape[2:] != (4, 3) or coordinates.shape[1] == 0:
            raise ValueError(f"a frame has shape (replica, N, 4, 3), not {coordinates.shape}")
        if step % self._interval == 0:
            self._waiting.pop(first_replica, None)
            self._append(step, first_replica, coordinates)
        else:
            self._waiting[first_replica] = step, np.array(coordinates)

    def close(self) -> None:
        """Store the last frame and close the file."""
        self._store_waiting()
        if self._stream is not None:
            with storage_errors(self._path):
                self._stream.close()

    def _store_waiting(self) -> None:
        for first_replica, (step, coordinates) in sorted(self._waiting.items(), key=lambda item: item[0]):
            self._append(step, first_replica, coordinates)
        self._waiting.clear()

    def _append(self, step: int, first_replica: int, coordinates: NDArray[np.floating]) -> None:
        n_replicas, n_residues = coordinates.shape[:2]
        if self._stream is None:
            self._stream = _open_for_append(self._path, n_residues)
            self._n_residues = n_residues
        if n_residues != self._n_residues:
            raise ValueError(f"a frame has {n_residues} residues, the trajectory {self._n_residues}")
        format_code, origin, data = _pack(coordinates)
        head = _RECORD.pack(step, first_replica, n_replicas, format_code, *origin, len(data), zlib.crc32(data))
        with storage_errors(self._path):
            self._stream.write(head + data)
            self._stream.flush()


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
        n_residues = _read_header(stream, path)
        frames: dict[int, dict[int, NDArray[np.float32]]] = {}
        for step, first_replica, coordinates in _records(stream, n_residues):
            for i, replica in enumerate(coordinates):
                frames.setdefault(step, {})[first_replica + i] = replica
    return Trajectory({step: frames[step] for step in sorted(frames)}, n_residues)


def _pack(coordinates: NDArray[np.floating]) -> tuple[int, NDArray[np.float64], bytes]:
    wide = coordinates.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("a frame holds coordinates that are not finite")
    origin = wide.mean(axis=(0, 1, 2)) if wide.size else np.zeros(3)
    shifted = wide - origin
    if np.abs(shifted).max(initial=0.0) < _INT16_REACH:
        return _INT16, origin, np.rint(shifted / _SCALE).astype("<i2").tobytes()
    return _FLOAT32, origin, shifted.astype("<f4").tobytes()


def _open_for_append(path: Path, n_residues: int) -> BinaryIO:
    stream: BinaryIO
    with storage_errors(path):
        if path.is_file() and path.stat().st_size >= _HEADER.size:
            stream = open(path, "r+b")  # noqa: SIM115 - closed by the writer
            try:
                if _read_header(stream, path) != n_residues:
                    raise InputError(
                        f"The trajectory '{path}' belongs to another job; start this one with --overwrite."
                    )
                for _ in _records(stream, n_residues):
                    pass
                stream.truncate()
            except BaseException:
                stream.close()
                raise
            return stream
        stream = open(path, "wb")  # noqa: SIM115 - closed by the writer
        stream.write(_HEADER.pack(_MAGIC, _VERSION, n_residues))
        stream.flush()
        return stream


def _read_header(stream: BinaryIO, path: Path) -> int:
    head = stream.read(_HEADER.size)
    if len(head) == _HEADER.size:
        magic, version, n_residues = _HEADER.unpack(head)
        if magic == _MAGIC and version == _VERSION:
            return int(n_residues)
        if magic == _MAGIC:
            raise InputError(f"The trajectory '{path}' was written by a newer program; update ADP-3D.")
    raise InputError(f"'{path}' is not a trajectory of this program.")


def _records(stream: BinaryIO, n_residues: int) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Whole records from here on; afterwards the stream stands behind the last of them."""
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


def _unpack(stream: BinaryIO, fields: tuple, n_residues: int, left: int) -> NDArray[np.float32] | None:
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
    return (values.reshape(n_replicas, n_residues, 4, 3) + np.array((x, y, z))).astype(np.float32)
