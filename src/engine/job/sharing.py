"""Replicas of one job that several processes compute together, through files that all of them see.

Nobody hands work out. Each process runs the whole job and comes to the same stages in the same order; of each stage
it takes a group of replicas that nobody else holds, until none is left. What a process that dies held is free again, as
its lock ends with it, and one process alone comes to the same end. Between the stages all have the estimates of all
replicas and do the same with them: each computes that for itself, since it takes little beside the sampling.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ..contract.errors import InputError
from .events import Stopped
from .lock import JobBusy, exclusive
from .storage import replace_atomically, storage_errors, write_text

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Computation", "Group", "NothingLeft", "SharedReplicas"]

_SETTINGS, _ENDED, _CLOSED = "replicas.json", "ended", "closed"
_ESTIMATE = "estimate"
_LOOK_SECONDS = 0.5
"""Between looks for groups that others compute: they take seconds at the least."""
_PATIENCE_SECONDS, _PATIENCE_TIMES = 300.0, 3.0
"""How long the process that leads waits for others before it computes their groups itself: at least, and in units of
what its own ones took. They may hang, or be a hundred times slower; the result is the same, whoever is first."""


Computation: TypeAlias = "Callable[[range, Path | None], Tensor]"


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
    token : str
        Of this run of the job: who still helps with an earlier one in the same folder does no harm.
    helping : bool
        Whether another process leads the job, and writes its result.
    """

    folder: Path
    size: int
    token: str
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
        found = cls.found(folder)
        if found is not None:
            found.reopen()
        else:
            found = cls(folder, size, secrets.token_hex(4))
            write_text(folder / _SETTINGS, json.dumps({"group": size, "token": found.token}) + "\n")
        return found

    @classmethod
    def found(cls, folder: Path, *, helping: bool = False) -> SharedReplicas | None:
        """What is shared in a folder, if anything is.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        path = folder / _SETTINGS
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            return cls(folder, int(settings["group"]), str(settings["token"]), helping)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"'{path}', which says how workers share the job, cannot be read ({error}); delete the folder "
                f"'{folder}' to go on without sharing."
            ) from error

    def end(self) -> None:
        """Tell helpers that the job needs them no more; nothing happens where all is gone already.

        Raises
        ------
        InputError
            If the disk is full or refuses.
        """
        if self.folder.is_dir():
            with storage_errors(self.folder / _ENDED):
                (self.folder / _ENDED).touch()

    def reopen(self) -> None:
        """Let helpers come again after `end`.

        Raises
        ------
        InputError
            If the disk refuses.
        """
        with storage_errors(self.folder / _ENDED):
            (self.folder / _ENDED).unlink(missing_ok=True)

    def close(self) -> None:
        """Let nobody help from here on: what follows is not known to others.

        Raises
        ------
        InputError
            If the disk is full or refuses.
        """
        with storage_errors(self.folder / _CLOSED):
            (self.folder / _CLOSED).touch()

    @property
    def closed(self) -> bool:
        """Whether nobody is to help any more."""
        return (self.folder / _CLOSED).exists()

    @property
    def over(self) -> bool:
        """Whether helpers are to leave."""
        return self.closed or (self.folder / _ENDED).exists() or not (self.folder / _SETTINGS).exists()

    def compute(self, stage: str, replicas: int, compute: Computation, obey: Callable[[], None]) -> list[Group]:
        """Replicas of a stage, in order, computed here or by others.

        Parameters
        ----------
        stage : str
            Its name, unique within the job.
        replicas : int
        compute : callable
            Estimates (replica, N, 4, 3) of some replicas. It gets the folder where their state is kept while they are
            computed, for whoever goes on with them; None if somebody else may be at it there.
        obey : callable
            Called while others are waited for; raises `Stopped` to end that.

        Raises
        ------
        InputError
            If others computed something else, or the folder cannot be written.
        """
        groups = [range(a, min(a + self.size, replicas)) for a in range(0, replicas, self.size)]
        own: set[range] = set()
        longest, waits_since = 0.0, time.monotonic()
        while missing := [group for group in groups if not self._path(stage, group).is_file()]:
            began = time.monotonic()
            patience = max(_PATIENCE_SECONDS, _PATIENCE_TIMES * longest)
            taken = next((group for group in missing if self._take(stage, group, compute)), None)
            if taken is None and not self.helping and began - waits_since > patience:
                taken = missing[0]
                self._keep(stage, taken, compute(taken, None))
            if taken is not None:
                own.add(taken)
                waits_since = time.monotonic()
                longest = max(longest, waits_since - began)
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

    def _take(self, stage: str, group: range, compute: Computation) -> bool:
        """Compute a group that is neither done nor held by another process; whether it was."""
        path = self._path(stage, group)
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(path.with_suffix(".lock")))
            except JobBusy:
                return False
            if path.is_file():
                return False
            states = path.with_suffix(".states")
            self._keep(stage, group, compute(group, states))
            shutil.rmtree(states, ignore_errors=True)  # of no use any more
        return True

    def _keep(self, stage: str, group: range, estimate: Tensor) -> None:
        from safetensors.torch import save as serialise

        with replace_atomically(self._path(stage, group)) as temporary:
            temporary.write_bytes(serialise({_ESTIMATE: estimate.detach().cpu().contiguous()}))

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
        return self.folder / f"{name}_{self.token}_{group.start}-{group.stop}.safetensors"
