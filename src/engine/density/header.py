"""The 1024-byte MRC/CCP4 header: what it says about the data block and about the grid in space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE
from numpy.typing import NDArray

from ..contract.errors import InputError

__all__ = ["HEADER_BYTES", "MAX_VOXELS", "Header", "cell_axes", "parse_header"]

HEADER_BYTES = 1024

MAX_VOXELS = 2**31
"""Largest map read, in voxels (8 GiB as float32); anything larger has to be cropped first."""

MAX_AXIS = 65536
VOXEL_LIMITS = (0.01, 100.0)
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
OTHER_MODES = {3: "complex 16-bit", 4: "complex 32-bit", 101: "4-bit"}
IMOD_STAMP = 1146047817
ROTATION_LABEL = b"Chimera rotation: "


@dataclass(frozen=True)
class Header:
    """What a reader needs to know of an MRC/CCP4 header.

    Parameters
    ----------
    file_shape : tuple of int
        Points along sections, rows and columns, slowest first as in the data block.
    order : tuple of int
        Spatial axis (0 x, 1 y, 2 z) of sections, rows and columns.
    dtype : numpy.dtype
        Type and byte order of one voxel in the file.
    extended_bytes : int
        Bytes between the header and the data block.
    origin, axes : ndarray of float64, shapes (3,) and (3, 3)
        As in `DensityMap`, in angstrom.
    notes : tuple of str
        What had to be assumed.
    """

    file_shape: tuple[int, int, int]
    order: tuple[int, int, int]
    dtype: np.dtype
    extended_bytes: int
    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    notes: tuple[str, ...]

    @property
    def data_bytes(self) -> int:
        """Size of the data block in bytes."""
        return math.prod(self.file_shape) * self.dtype.itemsize


def parse_header(raw: bytes, name: str, nstart_first: bool = False) -> Header:
    """Interpret the first 1024 bytes of an MRC or CCP4 map the way ChimeraX does.

    Byte order: that of the machine stamp unless only the other one gives a possible header.
    Placement: the ORIGIN words (angstrom, along x, y, z) when they are not all zero, else
    NSTART (grid steps along the file's axes, the way of crystallographic programs). ChimeraX reads
    NSTART alone in files named ``.map`` or ``.ccp4``; with `nstart_first` NSTART wins when it is not
    all zero. Values that are plainly uninitialised (not finite, beyond float32 resolution, or more
    than ten boxes away) count as zero. A cell without lengths or without intervals means 1 A voxels;
    impossible angles mean 90 degrees; an impossible axis order means x, y, z. Each of these
    assumptions leaves a note.

    Parameters
    ----------
    raw : bytes
        The header, at least 1024 bytes.
    name : str
        File name for messages.
    nstart_first : bool
        Whether NSTART goes before ORIGIN.

    Raises
    ------
    InputError
        If this is no header of a 3-D map of real numbers, or the numbers in it cannot be right.
    """
    if len(raw) < HEADER_BYTES:
        raise InputError(f"{name} is not an MRC/CCP4 map: it is shorter than a map's header (1024 bytes).")
    notes: list[str] = []
    fields = _byte_order(raw[:HEADER_BYTES], name, notes)
    mode = int(fields["mode"])
    if mode in OTHER_MODES:
        raise InputError(f"{name} holds {OTHER_MODES[mode]} data (mode {mode}); save it as a real-valued map (mode 2).")
    nc, nr, ns = int(fields["nx"]), int(fields["ny"]), int(fields["nz"])
    if min(nc, nr, ns) < 2:
        raise InputError(f"{name} is a flat image of {nc} x {nr} x {ns} points; a 3-D map is needed.")
    if nc * nr * ns > MAX_VOXELS:
        raise InputError(f"{name} claims {nc} x {nr} x {ns} voxels, which is too many; crop the map around the model.")
    if int(fields["ispg"]) >= 401 and 0 < int(fields["mz"]) < ns:
        raise InputError(f"{name} is a stack of volumes; extract the one that belongs to the model.")
    code = MODES[mode]
    if mode == 0 and _unsigned_bytes(raw, fields):
        code = "u1"
    crs = _axis_order(fields, notes)
    axes = _axes(fields, name, notes)
    sizes = (nc, nr, ns)
    origin = _origin(fields, crs, sizes, axes, nstart_first, notes)
    axes = axes @ _rotation(raw, notes).T
    if int(fields["nsymbt"]) < 0:
        raise InputError(f"{name} has a damaged header (an extended header of negative length).")
    return Header(
        file_shape=(ns, nr, nc),
        order=(crs[2], crs[1], crs[0]),
        dtype=np.dtype(code).newbyteorder(fields.dtype["mode"].byteorder),
        extended_bytes=int(fields["nsymbt"]),
        origin=origin,
        axes=axes,
        notes=tuple(notes),
    )


def cell_axes(lengths: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows a, b, c of a cell with a along x and b in the xy plane (the PDB's convention).

    Parameters
    ----------
    lengths, angles : ndarray, shape (3,)
        Cell lengths in angstrom; alpha, beta, gamma in degrees.
    """
    # Exactly perpendicular axes must stay exactly so: cos(pi/2) is not 0 in floating point.
    cos_a, cos_b, cos_g = (0.0 if angle == 90.0 else math.cos(math.radians(float(angle))) for angle in angles)
    sin_g = math.sqrt(1.0 - cos_g**2)
    a, b, c = (float(length) for length in lengths)
    cy = (cos_a - cos_b * cos_g) / sin_g
    cz = math.sqrt(max(0.0, 1.0 - cos_b**2 - cy**2))
    return np.array([[a, 0.0, 0.0], [b * cos_g, b * sin_g, 0.0], [c * cos_b, c * cy, c * cz]])


def _byte_order(raw: bytes, name: str, notes: list[str]) -> np.ndarray:
    stamp = raw[212:216]
    stamped = ">" if stamp[:1] == b"\x11" else "<"
    for order in (stamped, "<" if stamped == ">" else ">"):
        fields: np.ndarray = np.frombuffer(raw, dtype=HEADER_DTYPE.newbyteorder(order))[0]
        sizes = [int(fields[key]) for key in ("nx", "ny", "nz")]
        if int(fields["mode"]) in {*MODES, *OTHER_MODES} and all(0 < size < MAX_AXIS for size in sizes):
            if order != stamped:
                notes.append("The map's byte order stamp is wrong; its bytes were swapped.")
            return fields
    raise InputError(f"{name} is not an MRC/CCP4 map, or its header is damaged.")


def _unsigned_bytes(raw: bytes, fields: np.ndarray) -> bool:
    """Whether mode 0 means 0..255: in files older than the MAP word, and where IMOD's flags say so."""
    order: Literal["little", "big"] = "big" if fields.dtype["mode"].byteorder == ">" else "little"
    stamp, flags = (int.from_bytes(raw[at : at + 4], order) for at in (152, 156))
    return raw[208:211] != b"MAP" or (stamp == IMOD_STAMP and not flags & 1)


def _axis_order(fields: np.ndarray, notes: list[str]) -> tuple[int, int, int]:
    crs = tuple(int(fields[key]) for key in ("mapc", "mapr", "maps"))
    if sorted(crs) != [1, 2, 3]:
        notes.append("The map's axis order is not given; x, y, z was assumed.")
        return 0, 1, 2
    return crs[0] - 1, crs[1] - 1, crs[2] - 1


def _axes(fields: np.ndarray, name: str, notes: list[str]) -> NDArray[np.float64]:
    lengths = np.array([fields["cella"][key] for key in ("x", "y", "z")], dtype=np.float64)
    angles = np.array([fields["cellb"][key] for key in ("alpha", "beta", "gamma")], dtype=np.float64)
    intervals = np.array([fields[key] for key in ("mx", "my", "mz")], dtype=np.float64)
    if (lengths > 0).all() and (intervals > 0).all():
        steps = lengths / intervals
    else:
        steps = np.ones(3)
        notes.append("The map's header gives no voxel size; 1 A was assumed, as ChimeraX does.")
    low, high = VOXEL_LIMITS
    if not ((steps >= low) & (steps <= high)).all():
        size = " x ".join(f"{step:.3g}" for step in steps)
        raise InputError(f"{name} has voxels of {size} A, which cannot be right; correct the cell in its header.")
    possible = (angles > 5).all() and (angles < 175).all() and angles.sum() < 360 and 2 * angles.max() < angles.sum()
    if not possible:
        if angles.any():
            notes.append("The map's cell angles are impossible; 90 degrees was assumed.")
        angles = np.full(3, 90.0)
    axes = cell_axes(steps, angles)
    if abs(np.linalg.det(axes / steps[:, None])) < 0.01:
        raise InputError(f"{name} has a flat unit cell, which cannot be right; correct the cell in its header.")
    return axes


def _origin(
    fields: np.ndarray,
    crs: tuple[int, int, int],
    sizes: tuple[int, int, int],
    axes: NDArray[np.float64],
    nstart_first: bool,
    notes: list[str],
) -> NDArray[np.float64]:
    written = np.array([fields["origin"][key] for key in ("x", "y", "z")], dtype=np.float32)
    old_style = bytes(fields["map"])[:3] != b"MAP"
    steps = np.linalg.norm(axes, axis=1).astype(np.float32)
    with np.errstate(all="ignore"):
        usable = bool(np.isfinite(written).all() and (written + steps != written).all())
    if old_style or not usable:
        # Files older than the ORIGIN words keep other things there, some programs never fill them.
        written = np.zeros(3, np.float32)
    start = np.zeros(3)
    for axis, key in zip(crs, ("nxstart", "nystart", "nzstart"), strict=True):
        start[axis] = int(fields[key])
    intervals = [int(fields[key]) for key in ("mx", "my", "mz")]
    if np.abs(start).max() > 10 * max(*sizes, *intervals):
        start = np.zeros(3)
        notes.append("The map's start indices are not initialised and were ignored.")
    from_start = start @ axes
    from_origin = written.astype(np.float64)
    if start.any() and written.any() and np.abs(from_start - from_origin).max() > 0.1 * steps.min():
        used = "NSTART" if nstart_first else "ORIGIN"
        notes.append(f"The map's ORIGIN and NSTART disagree; {used} was used, as in ChimeraX.")
    if written.any() and not (nstart_first and start.any()):
        return from_origin
    return from_start


def _rotation(raw: bytes, notes: list[str]) -> NDArray[np.float64]:
    """Rotation that ChimeraX notes as ``axis x y z, angle in degrees`` in a label of a turned map."""
    for i in range(10):
        label = raw[224 + 80 * i : 304 + 80 * i]
        if not label.startswith(ROTATION_LABEL):
            continue
        words = label[len(ROTATION_LABEL) :].rstrip(b"\0 ").split()
        try:
            x, y, z, angle = (float(word) for word in words)
        except ValueError:
            notes.append("The map's header has an unreadable rotation, which was ignored.")
            continue
        axis = np.array([x, y, z])
        length = float(np.linalg.norm(axis))
        if not (math.isfinite(length) and length > 0 and math.isfinite(angle)):
            notes.append("The map's header has an unreadable rotation, which was ignored.")
            continue
        ux, uy, uz = axis / length
        cross = np.array([[0.0, -uz, uy], [uz, 0.0, -ux], [-uy, ux, 0.0]])
        turn = math.radians(angle)
        result: NDArray[np.float64] = np.eye(3) + math.sin(turn) * cross + (1.0 - math.cos(turn)) * cross @ cross
        return result
    return np.eye(3)
