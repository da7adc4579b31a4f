"""Frames of models: of files with several models, and of trajectories of molecular dynamics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError

__all__ = ["Frames", "ModelFrames", "TrajectoryFrames", "is_trajectory"]

_DCD, _XTC = "DCD", "XTC"
_XTC_MAGIC = (b"\x00\x00\x07\xcb", b"\x00\x00\x07\xe7")
_NANOMETRE = 10.0


class Frames(Protocol):
    """Coordinates of the same atoms, frame by frame."""

    def __len__(self) -> int:
        """How many frames there are."""
        ...

    def read(self, frame: int) -> NDArray[np.float64]:
        """Coordinates (A, 3) of a frame, counted from 0, in angstrom.

        Raises
        ------
        InputError
            If the frame is damaged.
        """
        ...


class ModelFrames:
    """The models of a structure.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it.
    name : str
        What to call it in sentences.

    Raises
    ------
    InputError
        If the models differ in more than their coordinates.
    """

    def __init__(self, structure: gemmi.Structure, name: str) -> None:
        self._structure = structure
        self._places = _places(structure[0])
        for k in range(1, len(structure)):
            other = _places(structure[k])
            if other != self._places:
                odd = next((a for a, b in zip(other, self._places, strict=False) if a != b), None)
                what = f"has {len(other)} atoms, the first one {len(self._places)}" if odd is None else _named(odd)
                raise InputError(
                    f"The models of '{name}' are not frames of one structure: model {k + 1} {what}; give models with "
                    "the same atoms in the same order."
                )

    def __len__(self) -> int:
        return len(self._structure)

    def read(self, frame: int) -> NDArray[np.float64]:
        """See `Frames.read`."""
        positions = [a.pos.tolist() for chain in self._structure[frame] for residue in chain for a in residue]
        return np.array(positions, np.float64).reshape(-1, 3)


class TrajectoryFrames:
    """The frames of a DCD or XTC file.

    Parameters
    ----------
    path : Path
    order : sequence of int
        Row in the file of each atom that is wanted, as the atoms of the topology stand in their file.

    Raises
    ------
    InputError
        If mdtraj is not installed, or the file cannot be read or holds other atoms.
    """

    def __init__(self, path: Path, order: Sequence[int]) -> None:
        self._path, self._order = path, np.asarray(order, np.int64)
        kind = _kind(path)
        if kind is None:
            raise InputError(f"'{path}' is no DCD or XTC trajectory.")
        self._xtc = kind == _XTC
        self._file = _opened(path, kind)
        try:
            self._count = len(self._file)
            found = self._read(0).shape[0] if self._count else 0
        except Exception as error:  # the library raises whatever its C code tells
            raise InputError(f"'{path}' is a damaged {kind} file ({_reason(error)}).") from error
        if not self._count:
            raise InputError(f"'{path}' has no frames.")
        if found != len(self._order):
            raise InputError(
                f"'{path}' has {found:,} atoms in each frame, its 'topology' {len(self._order):,}: give the model that "
                "the trajectory was written with."
            )

    def __len__(self) -> int:
        return self._count

    def read(self, frame: int) -> NDArray[np.float64]:
        """See `Frames.read`."""
        try:
            xyz = self._read(frame)
        except Exception as error:
            raise InputError(f"Frame {frame + 1} of '{self._path}' cannot be read ({_reason(error)}).") from error
        if not np.isfinite(xyz).all():
            raise InputError(f"Frame {frame + 1} of '{self._path}' has coordinates that are no numbers.")
        return xyz[self._order]

    def _read(self, frame: int) -> NDArray[np.float64]:
        self._file.seek(frame)
        read: Callable[[int], Any] = self._file.read
        xyz = np.asarray(read(1)[0], np.float64)[0]
        return np.asarray(xyz * _NANOMETRE if self._xtc else xyz)


def is_trajectory(path: Path) -> bool:
    """Whether a file is a DCD or XTC trajectory, by its first bytes."""
    return _kind(path) is not None


def _kind(path: Path) -> str | None:
    try:
        with open(path, "rb") as handle:
            head = handle.read(16)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror or error}).") from error
    if head[4:8] == b"CORD" or head[8:12] == b"CORD":
        return _DCD
    return _XTC if head[:4] in _XTC_MAGIC else None


def _opened(path: Path, kind: str) -> Any:
    try:
        from mdtraj.formats import DCDTrajectoryFile, XTCTrajectoryFile
    except ImportError as error:
        raise InputError(
            f"{kind} trajectories need the package mdtraj: install it with 'pip install mdtraj', or save the frames as "
            "a PDB or mmCIF file of several models."
        ) from error
    try:
        return (DCDTrajectoryFile if kind == _DCD else XTCTrajectoryFile)(str(path), "r")
    except Exception as error:
        raise InputError(f"'{path}' is a damaged {kind} file ({_reason(error)}).") from error


def _places(model: gemmi.Model) -> list[tuple[str, str, str, str, str]]:
    return [
        (chain.name, str(residue.seqid), residue.name, atom.name, atom.altloc)
        for chain in model
        for residue in chain
        for atom in residue
    ]


def _named(place: tuple[str, str, str, str, str]) -> str:
    chain, number, residue, atom, _ = place
    return f"has the atom {chain}/{residue} {number}/{atom} where the first one has another"


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")[:200]
