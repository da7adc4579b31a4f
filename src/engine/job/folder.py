"""The job folder: everything one job reads and writes, in one place that can be moved and re-run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compression import PACKED_SUFFIXES
from ..contract.errors import InputError
from ..contract.folder_state import (
    CHECKPOINTS,
    EVENTS_LOG,
    JOB_FILE,
    METRICS,
    REPORT,
    RESIDUES,
    RESULT,
    SEGMENTS,
    SHARED,
    failed_start,
)
from ..contract.segments import Segment, from_text
from ..contract.specification import Spec, from_json, input_files, to_json, with_inputs
from . import checkpoint
from .checkpoint import Checkpoint
from .lock import exclusive
from .sharing import SharedReplicas
from .storage import TEMPORARY_PREFIX, plain_values, storage_errors, write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["JobFolder"]

_INPUTS, _NEW_INPUTS, _LOCK = "inputs", TEMPORARY_PREFIX + "inputs", "lock"
_ORIGINS = "origins.json"
"""In the folder of inputs: which file of the user each copy was made from."""
_CLIENT = "chimerax.json"
"""What ChimeraX notes of where a job belongs in its scene."""
_CONFIDENCE = "residue_confidence.defattr"
_DOCKING = "docking.json"
"""Where the model was put before it was refined."""
_RESULT_PDB = "result.pdb"
_RESULTS = (
    EVENTS_LOG,
    "trajectory.bin",
    "trajectory.cif",
    "ensemble.cif",
    RESULT,
    _CONFIDENCE,
    RESIDUES,
    SEGMENTS,
    METRICS,
)
_MADE_OF_RESULTS = (REPORT,)
"""By whoever asks for it; out of date when the job is run again."""
_PICTURES = ("convergence.png", "confidence.png", "displacement.png", "rmsd_completeness.png")
"""By name: other pictures in the folder are the user's."""


class JobFolder:
    """One job on disk.

    ``job.json`` (the validated specification), ``inputs/`` (copies, so that the job can be run again),
    ``events.log``, ``checkpoints/``, ``trajectory.bin``, ``result.cif``, ``metrics.json`` (written last:
    its presence means finished) and pictures ``*.png``. Use `create` or `open`.

    Attributes
    ----------
    path : Path
        The folder, absolute.
    spec : Spec
        The specification, its inputs being the absolute paths of the copies.
    shared : SharedReplicas or None
        Where several processes compute its replicas, if they do.
    """

    def __init__(self, path: Path, spec: Spec, shared: SharedReplicas | None = None) -> None:
        self.path = path
        self.spec = spec
        self.shared = shared

    @classmethod
    def create(cls, spec: Spec, *, overwrite: bool = False) -> JobFolder:
        """Make the folder ``spec.output``, copy the inputs and write ``job.json``.

        Parameters
        ----------
        spec : Spec
            The job; its input paths are taken from the present working directory.
        overwrite : bool
            Replace a job that the folder already holds.

        Raises
        ------
        InputError
            If an input is missing or unreadable, the folder holds something else, holds a job (that did more
            than fail at its start) and ``overwrite`` is false, is in use, or cannot be written. The folder is then
            as it was.
        """
        folder = Path(os.path.abspath(spec.output))
        sources = {name: tuple(map(Path, paths)) for name, paths in input_files(spec).items()}
        for name, paths in sources.items():
            for path in paths:
                _check_input(name, path)
        _check_free(folder, overwrite)
        existed = folder.is_dir()
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        failed = False
        try:
            with exclusive(folder / _LOCK):
                try:
                    _check_free(folder, overwrite)  # again: another process may have been quicker
                    stored = _fill(folder, spec, sources)
                except BaseException:
                    failed = True
                    raise
        finally:
            if failed:  # after the lock, which Windows does not remove while it is held
                _undo(folder, keep_folder=existed)
        return cls(folder, _absolute(stored, folder))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> JobFolder:
        """Open an existing job, given its folder or its ``job.json``.

        Raises
        ------
        InputError
            If that is not a job folder, its specification cannot be used, or an input was removed.
        """
        given = Path(os.path.abspath(path))
        folder = given.parent if given.name == JOB_FILE else given
        try:
            text = (folder / JOB_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"'{folder}' is not a job folder: it has no readable {JOB_FILE}.") from error
        spec = _absolute(from_json(text), folder)
        for name, paths in input_files(spec).items():
            for source in paths:
                _check_input(name, Path(source))
        return cls(folder, spec, SharedReplicas.found(folder / SHARED))

    def on(self, device: str) -> JobFolder:
        """The same job, to be computed on another device."""
        return JobFolder(self.path, replace(self.spec, device=device), self.shared)

    @property
    def events_log(self) -> Path:
        """Log of all events, one JSON object a line."""
        return self.path / EVENTS_LOG

    @property
    def trajectory(self) -> Path:
        """Frames in compact form, see `adp3d.job.trajectory`."""
        return self.path / "trajectory.bin"

    @property
    def docking(self) -> Path:
        """Where the model was put before it was refined."""
        return self.path / _DOCKING

    @property
    def result(self) -> Path:
        """The finished model."""
        return self.path / RESULT

    @property
    def result_pdb(self) -> Path:
        """The finished model in the PDB format, where that was asked for."""
        return self.path / _RESULT_PDB

    def write_confidence(self, text: str) -> None:
        """Write the confidence of the result's residues, as text of an attribute that ChimeraX can open."""
        write_text(self.path / _CONFIDENCE, text)

    def write_residues(self, text: str) -> None:
        """Write the table of the result's residues, as CSV."""
        write_text(self.path / RESIDUES, text)

    def write_segments(self, text: str) -> None:
        """Write the list of stretches, as `adp3d.contract.segments.to_text` gives it."""
        write_text(self.path / SEGMENTS, text)

    def read_segments(self) -> tuple[Segment, ...]:
        """The list of stretches of a finished job, the most troubled first.

        Raises
        ------
        InputError
            If there is none, or it cannot be read.
        """
        if not self.finished:
            raise InputError(f"The job in '{self.path}' has not finished; go on with it by 'adp3d resume'.")
        if not (self.path / SEGMENTS).is_file():
            raise InputError(
                f"The job in '{self.path}' has no list of stretches: it did not start from a model, or an earlier "
                "version ran it; run the job again."
            )
        try:
            return from_text((self.path / SEGMENTS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"'{self.path / SEGMENTS}' cannot be read ({error}); run the job again.") from error

    @property
    def finished(self) -> bool:
        """Whether the job ran to its end."""
        return (self.path / METRICS).is_file()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from running this job; `InputError` if one does."""
        with exclusive(self.path / _LOCK):
            for leftover in self.path.glob(TEMPORARY_PREFIX + "*"):
                _remove(leftover)
            yield

    def save_checkpoint(
        self,
        step: int,
        tensors: Mapping[str, Tensor | NDArray[np.generic]],
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Store the state after ``step`` steps; see `adp3d.job.checkpoint.save`."""
        checkpoint.save(self.path / CHECKPOINTS, step, tensors, state)

    def load_checkpoint(self) -> Checkpoint | None:
        """Newest checkpoint that can be read, or ``None``: start from the beginning."""
        return checkpoint.load_latest(self.path / CHECKPOINTS)

    def restart(self) -> None:
        """Remove all results, so that the job starts from the beginning; inputs and settings stay."""
        for path in _owned(self.path):
            if path.name not in (JOB_FILE, _INPUTS, _LOCK, _CLIENT):
                _remove(path)
        self.shared = None

    def in_users_terms(self, text: str) -> str:
        """Replace the names of the copied inputs in a sentence by those of the user's own files."""
        try:
            origins = json.loads((self.path / _INPUTS / _ORIGINS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return text  # a job of an earlier version
        for copy, origin in origins.items() if isinstance(origins, dict) else ():
            text = text.replace(str(self.path / _INPUTS / copy), str(origin))
            # readers of maps name the file without its folder
            name = Path(str(origin)).name.replace("\\", r"\\")
            text = re.sub(rf"(?<![\w./\\-]){re.escape(copy)}(?![\w-])", name, text)
        return text

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write ``metrics.json``, which marks the job as finished.

        Raises
        ------
        InputError
            If the disk is full or refuses.
        """
        text = json.dumps(plain_values(metrics), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(self.path / METRICS, text + "\n")

    def read_metrics(self) -> dict[str, Any] | None:
        """Figures of a finished job, ``None`` before that."""
        try:
            metrics = json.loads((self.path / METRICS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return metrics if isinstance(metrics, dict) else None

    def outputs(self) -> dict[str, Path]:
        """Files that the job has written, by role: ``result``, ``metrics``, ``trajectory``, pictures..."""
        named = {Path(name).stem: self.path / name for name in _RESULTS}
        named["trajectory"] = self.path / "trajectory.cif"
        named["frames"] = self.trajectory
        named["log"] = named.pop("events")
        named["result_pdb"] = self.result_pdb
        named |= {Path(name).stem: self.path / name for name in sorted(_PICTURES)}
        return {role: path for role, path in named.items() if path.is_file()}


def _check_input(name: str, path: Path) -> None:
    label = name.replace("_", " ").replace("half maps", "half map")
    if path.is_dir():
        raise InputError(f"The {label} '{path}' is a folder; give a file.")
    try:
        with open(path, "rb"):
            pass
    except FileNotFoundError:
        raise InputError(f"The {label} file '{path}' does not exist.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"The {label} file '{path}' cannot be read ({reason}).") from error


def _check_free(folder: Path, overwrite: bool) -> None:
    with storage_errors(folder):
        if not folder.exists():
            return
        if not folder.is_dir():
            raise InputError(f"The output '{folder}' is a file; give the name of a folder.")
        is_empty = not any(path.name != _LOCK for path in folder.iterdir())
    if is_empty:
        return
    if not (folder / JOB_FILE).is_file():
        raise InputError(f"The folder '{folder}' holds other files; choose a new or empty output folder.")
    if not overwrite and not failed_start(folder):
        raise InputError(
            f"The folder '{folder}' already holds a job; choose another output folder, replace the job with "
            "'overwrite', or go on with it by 'adp3d resume'."
        )


def _fill(folder: Path, spec: Spec, sources: Mapping[str, tuple[Path, ...]]) -> Spec:
    """Replace what the folder holds by a new job; inputs first, so that the old job's may be among them."""
    stored = with_inputs(spec, _copy_inputs(sources, folder), ".")
    with storage_errors(folder):
        for path in _owned(folder):
            if path.name not in (_NEW_INPUTS, _LOCK):
                _remove(path)
        os.replace(folder / _NEW_INPUTS, folder / _INPUTS)
    write_text(folder / JOB_FILE, to_json(stored))
    return stored


def _copy_inputs(sources: Mapping[str, tuple[Path, ...]], folder: Path) -> dict[str, tuple[str, ...]]:
    """Copy inputs aside, under the names of their settings; paths relative to the folder."""
    size = sum(path.stat().st_size for paths in sources.values() for path in paths)
    with storage_errors(folder):
        target = folder / _NEW_INPUTS
        _remove(target)
        target.mkdir()
        if size > shutil.disk_usage(folder).free:
            raise InputError(f"The disk of '{folder}' is too full: the inputs take {size:,} bytes; free some space.")
    copies: dict[str, tuple[str, ...]] = {}
    origins: dict[str, str] = {}
    for name, paths in sources.items():
        stems = [name] if len(paths) == 1 else [f"{name}_{i}" for i in range(1, len(paths) + 1)]
        names = [stem + _suffix(path) for stem, path in zip(stems, paths, strict=True)]
        for path, copy in zip(paths, names, strict=True):
            with storage_errors(target / copy):
                shutil.copyfile(path, target / copy)
            origins[copy] = os.path.abspath(path)
        copies[name] = tuple(f"{_INPUTS}/{copy}" for copy in names)
    write_text(target / _ORIGINS, json.dumps(origins, indent=2, ensure_ascii=False) + "\n")
    return copies


def _suffix(path: Path) -> str:
    """Return the suffix that readers choose the format by: '.cif', '.map.gz', ..."""
    return "".join(path.suffixes[-2:] if path.suffix.lower() in PACKED_SUFFIXES else path.suffixes[-1:])


def _absolute(spec: Spec, folder: Path) -> Spec:
    files = {name: tuple(str(folder / path) for path in paths) for name, paths in input_files(spec).items()}
    return with_inputs(spec, files, str(folder))


def _owned(folder: Path) -> list[Path]:
    names = (
        JOB_FILE,
        _INPUTS,
        _NEW_INPUTS,
        CHECKPOINTS,
        _LOCK,
        _CLIENT,
        SHARED,
        _DOCKING,
        _RESULT_PDB,
        *_RESULTS,
        *_PICTURES,
        *_MADE_OF_RESULTS,
    )
    owned = [folder / name for name in names]
    owned += folder.glob(TEMPORARY_PREFIX + "*")
    return [path for path in dict.fromkeys(owned) if path.exists()]


def _undo(folder: Path, *, keep_folder: bool) -> None:
    """Clean up after a `create` that failed; a job that was there before stays."""
    _remove(folder / _NEW_INPUTS)
    if not (folder / JOB_FILE).exists():
        _remove(folder / _INPUTS)
        _remove(folder / _LOCK)
    if not keep_folder:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
