"""Replicas of one job that several processes compute together, through files that all of them see.

Nobody hands work out. Each process runs the whole job and comes to the same stages in the same order; of each stage
it takes a group of replicas that nobody else holds, until none is left. What a process that dies held is free again, as
its lock ends with it, and one process alone comes to the same end. Between the stages all have the estimates of all
replicas and do the same with them: each computes that for itself, since it takes little beside the sampling.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.errors import InputError
from .events import Stopped
from .lock import JobBusy, exclusive
from .storage import replace_atomically, storage_errors, write_text

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Group", "NothingLeft", "SharedReplicas"]

_SETTINGS = "replicas.json"
_ENDED = "ended"
_ESTIMATE = "estimate"
_LOOK_SECONDS = 0.5
"""Between looks for groups that others compute: they take seconds at the least."""


class NothingLeft(Stopped):
    """All replicas of a job that others lead are computed: what remains of it is theirs."""


@dataclass(frozen=True)
class Group:
    """Some replicas of a stage.

    Attributes
    ----------
    replicas : range
    estimate : Tensor, shape (replica, N, 4, 3)
        On the CPU.
    own : bool
        Whether this process computed them.
    """

    replicas: range
    estimate: Tensor
    own: bool


@dataclass(frozen=True)
class SharedReplicas:
    """Where the replicas of a job are shared, and how.

    Attributes
    ----------
    folder : Path
        Folder of that, which all processes see.
    size : int
        Replicas in a group: the same for all, for results that do not depend on who computed them.
    helping : bool
        Whether another process leads the job, and writes its result.
    """

    folder: Path
    size: int
    helping: bool = False

    @classmethod
    def begin(cls, folder: Path, size: int) -> SharedReplicas:
        """Make the folder, or go on with the groups that it has.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _ENDED).unlink(missing_ok=True)
        found = cls.found(folder)
        if found is None:
            found = cls(folder, size)
            write_text(folder / _SETTINGS, json.dumps({"group": size}) + "\n")
        return found

    @classmethod
    def found(cls, folder: Path, *, helping: bool = False) -> SharedReplicas | None:
        """What is shared in a folder, if anything is."""
        try:
            size = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))["group"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return cls(folder, size, helping) if isinstance(size, int) and size > 0 else None

    @property
    def ended(self) -> Path:
        """File that tells helpers that the job needs them no more."""
        return self.folder / _ENDED

    def compute(
        self, stage: str, replicas: int, compute: Callable[[range], Tensor], obey: Callable[[], None]
    ) -> list[Group]:
        """Replicas of a stage, in order, computed here or by others.

        Parameters
        ----------
        stage : str
            Its name, unique within the job.
        replicas : int
        compute : callable
            Estimates (replica, N, 4, 3) of some replicas.
        obey : callable
            Called while others are waited for; raises `Stopped` to end that.

        Raises
        ------
        InputError
            If others computed something else, or the folder cannot be written.
        """
        groups = [range(a, min(a + self.size, replicas)) for a in range(0, replicas, self.size)]
        own: set[range] = set()
        while missing := [group for group in groups if not self._path(stage, group).is_file()]:
            taken = next((group for group in missing if self._take(stage, group, compute)), None)
            if taken is not None:
                own.add(taken)
                continue
            obey()
            time.sleep(_LOOK_SECONDS)
        found = [Group(group, self._load(stage, group), group in own) for group in groups]
        expected = [(len(each.replicas), *found[0].estimate.shape[1:]) for each in found]
        if [tuple(each.estimate.shape) for each in found] != expected:
            raise InputError(
                f"Processes that share the job in '{self.folder.parent}' do not agree on what it samples ({stage}): "
                "let computers of one kind with one version of ADP-3D share it, and begin it anew with 'overwrite'."
            )
        return found

    def _take(self, stage: str, group: range, compute: Callable[[range], Tensor]) -> bool:
        """Compute a group that is neither done nor held by another process; whether it was."""
        from safetensors.torch import save as serialise

        path = self._path(stage, group)
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(path.with_suffix(".lock")))
            except JobBusy:
                return False
            if path.is_file():
                return False
            estimate = compute(group).detach().cpu().contiguous()
            with replace_atomically(path) as temporary:
                temporary.write_bytes(serialise({_ESTIMATE: estimate}))
        return True

    def _load(self, stage: str, group: range) -> Tensor:
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self._path(stage, group)
        try:
            return load(path.read_bytes())[_ESTIMATE]
        except (OSError, KeyError, SafetensorError) as error:
            raise InputError(f"'{path}' cannot be read ({error}); delete it and go on with the job.") from error

    def _path(self, stage: str, group: range) -> Path:
        name = re.sub(r"[^\w.]+", "_", stage)
        return self.folder / f"{name}.{group.start}-{group.stop}.safetensors"
