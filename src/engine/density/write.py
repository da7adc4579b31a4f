"""Writing MRC maps."""

from __future__ import annotations

import gzip
import math
import os
import shutil
import uuid
from pathlib import Path
from typing import Literal

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from .map import DensityMap

__all__ = ["write_map"]

MODES = {2: np.float32, 12: np.float16}
LABEL = "ADP-3D for ChimeraX"


def write_map(map: DensityMap, path: str | Path, mode: Literal[2, 12] = 2) -> None:
    """Write a map as MRC2014, so that a failure leaves no partial file and no damaged older one.

    The file holds axes in the order x, y, z. ORIGIN (angstrom) is always written; NSTART too when the
    origin lies on the lattice of the grid, for programs that read only that. A grid whose axes do not
    lie along the cell convention (a along x, b in the xy plane) is written with ChimeraX's rotation
    label, a left-handed one with its first axis reversed: the same density at the same points.

    Parameters
    ----------
    map : DensityMap
        What to write.
    path : path
        Where; compressed with gzip if the name ends in ``.gz`` (identical maps give identical files).
    mode : {2, 12}
        32-bit or 16-bit floating point numbers (16 bits keep 3 digits of values above 6e-5).

    Raises
    ------
    InputError
        If the file cannot be written, or a value is too large for 16 bits.
    """
    path = Path(path)
    if mode == 12 and np.abs(map.values).max() > np.finfo(np.float16).max:
        raise InputError(f"The map's values are too large for 16-bit numbers; write {path.name} with mode 2.")
    # Not tempfile: its files are readable by their owner only, and would stay so.
    plain = path.with_name(f".map-{uuid.uuid4().hex}.mrc")
    temporary = [plain]
    try:
        _write_plain(map, plain, mode)
        if path.suffix.lower() == ".gz":
            packed = plain.with_suffix(".gz")
            temporary.append(packed)
            with (
                plain.open("rb") as source,
                packed.open("wb") as sink,
                # No name and no time in the gzip header: they would make equal maps differ.
                gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0) as packer,
            ):
                shutil.copyfileobj(source, packer)
        os.replace(temporary[-1], path)
    except OSError as error:
        raise InputError(f"The map {path} cannot be written: {error.strerror or error}.") from None
    finally:
        for leftover in temporary:
            leftover.unlink(missing_ok=True)


def _write_plain(map: DensityMap, path: Path, mode: int) -> None:
    values, origin, axes = map.values, map.origin, map.axes
    if np.linalg.det(axes) < 0:
        values = values[::-1]
        origin = origin + (map.shape[0] - 1) * axes[0]
        axes = axes * np.array([[-1.0], [1.0], [1.0]])
    rotation, steps = _split_rotation(axes)
    sizes = np.array(map.shape)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.ascontiguousarray(values.transpose(2, 1, 0)).astype(MODES[mode]))
        header = file.header
        header.ispg = 1
        header.mz = sizes[2]
        header.cella.x, header.cella.y, header.cella.z = sizes * np.linalg.norm(steps, axis=1)
        header.cellb.alpha, header.cellb.beta, header.cellb.gamma = _angles(steps)
        header.origin.x, header.origin.y, header.origin.z = origin
        start = np.linalg.solve(steps.T, origin)
        # Readers take start indices beyond ten boxes for uninitialised ones.
        on_lattice = np.abs(start - np.rint(start)).max() < 1e-3 and np.abs(start).max() <= 10 * sizes.max()
        if rotation is None and on_lattice:
            header.nxstart, header.nystart, header.nzstart = np.rint(start).astype(np.int32)
        labels = [LABEL]
        if rotation is not None:
            labels.append("Chimera rotation: {:.9f} {:.9f} {:.9f} {:.9f}".format(*_axis_angle(rotation)))
        for i in range(10):
            header.label[i] = labels[i] if i < len(labels) else ""
        header.nlabl = len(labels)


def _split_rotation(axes: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """R and steps with ``axes = steps R^T``, steps lower triangular; R is None where it is the identity."""
    rotation, upper = np.linalg.qr(axes.T)
    signs = np.sign(np.diag(upper))
    rotation, steps = rotation * signs, (upper.T * signs)
    if np.abs(rotation - np.eye(3)).max() < 1e-7:
        return None, axes
    return rotation, steps


def _angles(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    unit = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    cosines = np.array([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]])
    # Rounding in the factorisation must not turn a right angle into 89.9999.
    cosines[np.abs(cosines) < 1e-9] = 0.0
    result: NDArray[np.float64] = np.degrees(np.arccos(cosines))
    return result


def _axis_angle(rotation: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Find the unit axis and the angle in degrees of a proper rotation."""
    # The eigenvector of (R + R^T) with the largest eigenvalue is the axis at every angle, 180 included.
    _, vectors = np.linalg.eigh(rotation + rotation.T)
    axis = vectors[:, -1]
    difference = rotation - rotation.T
    skew = np.array([difference[2, 1], difference[0, 2], difference[1, 0]])
    sine, cosine = float(skew @ axis) / 2, (float(np.trace(rotation)) - 1) / 2
    x, y, z = (float(component) for component in axis)
    return x, y, z, math.degrees(math.atan2(sine, cosine))
