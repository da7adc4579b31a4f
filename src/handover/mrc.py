"""Writing grids as MRC files, exactly as they stand in their own frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["write_mrc"]

_LABEL = b"Chimera rotation: "
_LITTLE_ENDIAN = 0x00004144


def write_mrc(
    path: Path,
    values: NDArray[np.generic],
    origin: ArrayLike,
    step: ArrayLike,
    cell_angles: Sequence[float] = (90.0, 90.0, 90.0),
    rotation: Sequence[Sequence[float]] = ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
) -> None:
    """Write values as an MRC 2014 file of 32-bit reals.

    The position is in the ORIGIN words and NSTART is zero, so that fractional origins survive; a turned
    grid gets the label by which ChimeraX marks the rotation.

    Parameters
    ----------
    path : Path
        Must not end in ``.map`` or ``.ccp4``: readers take the position of those from NSTART.
    values : ndarray, shape (nz, ny, nx)
    origin, step : sequences of 3 floats
        Position of the first voxel and voxel size, in angstrom.
    cell_angles : sequence of 3 floats
        Angles between the axes, in degrees.
    rotation : 3 x 3
        Rotation of the grid about its first voxel.
    """
    block = np.ascontiguousarray(values, dtype="<f4")
    sizes = np.array(block.shape[::-1])
    header = bytearray(1024)
    words = np.frombuffer(header, dtype="<i4")
    reals = np.frombuffer(header, dtype="<f4")
    words[0:3], words[3], words[7:10] = sizes, 2, sizes
    reals[10:13] = sizes * np.asarray(step, np.float64)
    reals[13:16] = cell_angles
    words[16:19] = (1, 2, 3)
    mean = float(block.mean(dtype=np.float64))
    reals[19:22] = (block.min(), block.max(), mean)
    words[22] = 1  # space group of a volume; 0 would mean an image stack
    words[27] = 20140
    reals[49:52] = origin
    header[208:212] = b"MAP "
    words[53] = _LITTLE_ENDIAN
    reals[54] = math.sqrt(max(0.0, float(np.square(block, dtype=np.float64).mean()) - mean * mean))
    labels = [b"ADP-3D: written for a job"]
    if not np.allclose(rotation, np.eye(3), atol=1e-9):
        labels.append(_rotation_label(np.asarray(rotation, np.float64)))
    words[55] = len(labels)
    for i, label in enumerate(labels):
        header[224 + 80 * i : 224 + 80 * i + len(label)] = label
    with path.open("wb") as stream:
        stream.write(header)
        stream.write(block.data)


def _rotation_label(rotation: NDArray[np.float64]) -> bytes:
    """Return axis and angle in degrees of a rotation, as ChimeraX writes and reads it."""
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    angle = math.atan2(float(np.linalg.norm(skew)), float(np.trace(rotation)) - 1.0)
    if np.linalg.norm(skew) > 1e-6:
        axis = skew / np.linalg.norm(skew)
    else:  # half a turn: the axis is the direction that stays
        values, vectors = np.linalg.eigh((rotation + rotation.T) / 2)
        axis = vectors[:, int(np.argmax(values))]
    return _LABEL + b"%12.9f %12.9f %12.9f %14.9f" % (axis[0], axis[1], axis[2], math.degrees(angle))
