"""Writing the course of a job as coordinates while it runs; `adp3d.contract.trajectory_format` describes the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.trajectory_format import (
    HEADER_BYTES,
    Trajectory,
    pack_header,
    pack_record,
    read_header,
    read_trajectory,
    records,
)
from .events import NullEvents
from .storage import storage_errors

__all__ = ["Trajectory", "TrajectoryWriter", "read_trajectory"]


class TrajectoryWriter(NullEvents):
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
        n_residues = coordinates.shape[1]
        if self._stream is None:
            self._stream = _open_for_append(self._path, n_residues)
            self._n_residues = n_residues
        if n_residues != self._n_residues:
            raise ValueError(f"a frame has {n_residues} residues, the trajectory {self._n_residues}")
        record = pack_record(step, first_replica, coordinates)
        with storage_errors(self._path):
            self._stream.write(record)
            self._stream.flush()


def _open_for_append(path: Path, n_residues: int) -> BinaryIO:
    stream: BinaryIO
    with storage_errors(path):
        if path.is_file() and path.stat().st_size >= HEADER_BYTES:
            stream = open(path, "r+b")  # noqa: SIM115 - closed by the writer
            try:
                if read_header(stream, path) != n_residues:
                    raise InputError(
                        f"The trajectory '{path}' belongs to another job; start this one with 'overwrite'."
                    )
                for _ in records(stream, n_residues):
                    pass
                stream.truncate()
            except BaseException:
                stream.close()
                raise
            return stream
        stream = open(path, "wb")  # noqa: SIM115 - closed by the writer
        stream.write(pack_header(n_residues))
        stream.flush()
        return stream
