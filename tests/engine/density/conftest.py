"""Densities with closed forms, and raw map files built byte by byte, for the tests of this room."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from adp3d.density.map import DensityMap


def _gaussian_map(
    centres: np.ndarray,
    b_factor: float,
    shape: tuple[int, int, int],
    axes: np.ndarray,
    origin: np.ndarray | None = None,
) -> DensityMap:
    """Unit-integral Gaussians: rho(r) = (4 pi / B)^(3/2) exp(-4 pi^2 r^2 / B)."""
    grid = DensityMap(np.zeros(shape, np.float32), np.zeros(3) if origin is None else origin, axes)
    points = grid.to_points(np.stack(np.indices(shape), axis=-1))
    values = np.zeros(shape)
    for centre in centres:
        squared = np.square(points - centre).sum(axis=-1)
        values += (4 * np.pi / b_factor) ** 1.5 * np.exp(-4 * np.pi**2 * squared / b_factor)
    return grid.with_values(values)


def _mrc_bytes(
    values: np.ndarray,
    *,
    mode: int = 2,
    order: tuple[int, int, int] = (1, 2, 3),
    endian: str = "<",
    steps: tuple[float, float, float] = (1.0, 1.0, 1.0),
    angles: tuple[float, float, float] = (90.0, 90.0, 90.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    nstart: tuple[int, int, int] = (0, 0, 0),
    intervals: tuple[int, int, int] | None = None,
    extended: bytes = b"",
    nsymbt: int | None = None,
    label: bytes = b"",
    word: bytes = b"MAP ",
) -> bytes:
    """A file from values[x, y, z]; `order` is (MAPC, MAPR, MAPS); nstart and intervals are along x, y, z."""
    dtype = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}.get(mode, "f4")
    axis = [a - 1 for a in order]
    m = intervals or values.shape
    header = bytearray(1024)

    def put(at: int, kind: str, *numbers: float) -> None:
        struct.pack_into(f"{endian}{len(numbers)}{kind}", header, at, *numbers)

    put(0, "i", *(values.shape[a] for a in axis), mode, *(nstart[a] for a in axis), *m)
    put(40, "f", *(step * count for step, count in zip(steps, m, strict=True)), *angles)
    put(64, "i", *order)
    put(88, "i", 1, len(extended) if nsymbt is None else nsymbt)
    put(196, "f", *origin)
    header[208:212] = word
    header[212:216] = b"\x44\x44\x00\x00" if endian == "<" else b"\x11\x11\x00\x00"
    put(220, "i", 1)
    header[224 : 224 + len(label)] = label
    block = values.transpose(axis[2], axis[1], axis[0]).astype(np.dtype(dtype).newbyteorder(endian))
    return bytes(header) + extended + block.tobytes()


@pytest.fixture(scope="session")
def gaussian_map() -> Callable[..., DensityMap]:
    return _gaussian_map


@pytest.fixture(scope="session")
def mrc_bytes() -> Callable[..., bytes]:
    return _mrc_bytes


@pytest.fixture(scope="session")
def oblique() -> np.ndarray:
    """Step vectors of an oblique, non-cubic grid."""
    return np.array([[0.9, 0.0, 0.0], [-0.4, 0.8, 0.0], [0.1, 0.2, 1.1]])
