"""Files on their way to and from an engine elsewhere: jobs name files here, the engine sees copies there, and back.

The outgoing half runs in the connection's writing thread, the incoming one in its reading thread.
"""

from __future__ import annotations

import itertools
import re
import shutil
import threading
import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from ..engine.contract import messages
from ..engine.contract.errors import InputError
from ..engine.contract.pieces import Assembly, checked_name, checksum, pieces, safe_path
from ..engine.contract.travel import files_in, with_files
from .engine_note import read_note, write_note

__all__ = ["Courier", "Line"]

_ANSWER_SECONDS = 600.0
"""How long a file that has been sent may need to be written there."""
_NOT_RUNNING = re.compile(r"(No job '.*' is running|The engine is busy with job '.*')\.")
"""Answers to wishes that crossed the end of a job, or its beginning."""
_UNUSUAL = re.compile(r"[^A-Za-z0-9._+-]")
_CHECKPOINTS = "checkpoints"
_STAGE_SENDING, _STAGE_FETCHING = "sending files", "fetching files"
_MEGABYTE = 1e6
_TOLD_BYTES = 5e6
"""Files of less are there in a moment: their progress would only flicker."""


class Line(Protocol):
    """What a courier needs of the connection that it works for."""

    @property
    def open(self) -> bool:
        """Whether the other side may still answer."""
        ...

    def send(self, message: messages.Message) -> None:
        """Send a message."""
        ...

    def deliver(self, message: messages.Message) -> None:
        """Let the client take a message."""
        ...


@dataclass
class _Trip:
    """A job that is computed elsewhere.

    ``last`` is the report that waits for files, ``held`` are those that came after it.
    """

    here: Path
    there: str
    last: messages.Message | None = None
    held: list[messages.Message] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    got: int = 0
    assembly: Assembly | None = None


_Sending = Generator[messages.Message, None, dict[str, Any]]


class _Lost(Exception):
    """The connection ended while an answer was waited for."""


class Courier:
    """Carries files for the jobs of one engine; it outlives connections.

    Parameters
    ----------
    engine : str
        Name of the engine.
    device : str
        Device that it computes on.
    """

    def __init__(self, engine: str, device: str = "auto") -> None:
        self._engine = engine
        self._device = device
        self._trips: dict[str, _Trip] = {}
        self._known: dict[str, Path] = {}
        self._places: dict[str, str] = {}
        self._store = ""
        self._sums: dict[tuple[str, int, int], tuple[int, str]] = {}
        self._given_up: set[str] = set()
        self._token = itertools.count(1)
        self._answers: dict[object, Any] = {}
        self._answered = threading.Condition()

    # ----- to the engine -----

    def outgoing(self, message: messages.Message, line: Line) -> Iterator[messages.Message]:
        """What is to be sent for a message, files first."""
        try:
            if isinstance(message, messages.Submit):
                yield from self._submit(message, line)
            elif isinstance(message, messages.Check | messages.Dock | messages.Score):
                spec = yield from self._sent(message.job_id, message.spec, line)
                yield replace(message, spec=spec)
            elif isinstance(message, messages.Reopen):
                yield self._reopen(message)
            else:
                yield message
        except _Lost:
            return
        except (InputError, OSError) as error:
            job = str(getattr(message, "job_id", ""))
            if job in self._given_up:
                self._given_up.discard(job)
                line.deliver(messages.Stopped(job, ""))
                return
            line.deliver(messages.Error(job, _said(error)))

    def give_up(self, job_id: str) -> None:
        """Send no further files for a job; the user has stopped it."""
        self._given_up.add(job_id)
        with self._answered:
            self._answered.notify_all()

    def lost(self) -> None:
        """The connection has ended."""
        with self._answered:
            self._answers.clear()
            self._answered.notify_all()
        for trip in self._trips.values():
            if trip.assembly is not None:
                trip.assembly.close()
            trip.assembly, trip.last, trip.held = None, None, []

    def _submit(self, message: messages.Submit, line: Line) -> Iterator[messages.Message]:
        here = Path(str(message.spec["output"]))
        trip = self._trips.get(message.job_id)
        if trip is None or trip.here != here:
            name = _UNUSUAL.sub("_", here.name)[:60]
            trip = self._trips[message.job_id] = _Trip(here, f"{name}-{uuid.uuid4().hex[:8]}")
        self._given_up.discard(message.job_id)
        spec = yield from self._sent(message.job_id, message.spec, line)
        spec["output"] = str(PurePosixPath(self._store, "jobs", PurePosixPath(trip.there).name))
        trip.there = spec["output"]
        self._places[trip.there] = str(here)
        # the folder there is this job's alone: what it holds is from an attempt of which nothing was heard
        yield messages.Submit(message.job_id, spec, True)

    def _reopen(self, message: messages.Reopen) -> messages.Message:
        here = Path(message.folder)
        note = read_note(here)
        if note is None or note["engine"] != self._engine:
            raise InputError(
                f"The job in '{here}' was not computed on the engine '{self._engine}', so it cannot go on there; run "
                "it again with its command."
            )
        self._trips[message.job_id] = _Trip(here, note["folder"])
        self._places[note["folder"]] = str(here)
        return messages.Reopen(message.job_id, note["folder"])

    def _sent(
        self, job_id: str, spec: Mapping[str, Any], line: Line
    ) -> Generator[messages.Message, None, dict[str, Any]]:
        """Send files that the engine lacks; gives the specification with the paths there."""
        names: dict[str, str] = {}
        sizes: dict[str, int] = {}
        for path in files_in(spec):
            size, digest = self._sum(Path(path))
            name = f"{digest}/{_UNUSUAL.sub('_', Path(path).name)[-80:]}"
            names[path], sizes[name] = name, size
            self._known[f"{size} {digest}"] = Path(path)
        token = next(self._token)
        yield messages.Offer(token, list(dict.fromkeys(names.values())), sum(sizes.values()))
        wanted = self._wait(job_id, token, line)
        if wanted.problem:
            raise InputError(wanted.problem)
        self._store = wanted.folder
        total, sent = sum(sizes[name] for name in wanted.names if name in sizes), 0
        paths = {name: path for path, name in names.items()}
        for name in wanted.names:
            if name not in paths:
                raise InputError(f"The engine '{self._engine}' asks for a file that no job names; nothing was sent.")
            for piece in pieces(Path(paths[name]), name):
                if job_id in self._given_up:
                    raise InputError("stopped")
                yield piece
                sent += len(piece.data)
                line.deliver(_progress(job_id, _STAGE_SENDING, sent, total))
            received = self._wait(job_id, name, line)
            if received.problem:
                raise InputError(f"{_short(paths[name])} could not be stored on '{self._engine}': {received.problem}")
        there = {path: str(PurePosixPath(wanted.folder, "files", name)) for path, name in names.items()}
        self._places |= {far: path for path, far in there.items()}
        sent_spec = with_files(spec, lambda path: there[path])
        return {**sent_spec, "device": self._device} if "device" in sent_spec else sent_spec

    def _sum(self, path: Path) -> tuple[int, str]:
        """Size and checksum of a file, computed once."""
        try:
            state = path.stat()
            key = (str(path), state.st_size, state.st_mtime_ns)
            if key not in self._sums:
                self._sums[key] = checksum(path)
        except OSError as error:
            raise InputError(f"The file '{path}' cannot be read ({error.strerror or error}).") from error
        return self._sums[key]

    def _wait(self, job_id: str, key: object, line: Line) -> Any:
        """Answer of the engine to an offer, or to the last piece of a file."""
        waited = 0.0
        with self._answered:
            while key not in self._answers:
                if job_id in self._given_up:
                    raise InputError("stopped")
                if not line.open:
                    raise _Lost
                if waited > _ANSWER_SECONDS:
                    raise InputError(f"The engine '{self._engine}' does not answer; try it again.")
                self._answered.wait(1.0)
                waited += 1.0
            return self._answers.pop(key)

    # ----- from the engine -----

    def incoming(self, message: messages.Message, line: Line) -> Iterator[messages.Message]:
        """What is to be told for a message of the engine, files first; last reports of jobs wait for theirs."""
        if isinstance(message, messages.Wanted):
            self._answer(message.token, message)
        elif isinstance(message, messages.Received):
            self._answer(message.name, message)
        elif isinstance(message, messages.Listing | messages.Piece | messages.Fetched):
            yield from self._arrived(message, line)
        else:
            trip = self._trips.get(str(getattr(message, "job_id", "")))
            if trip is None or not _needs_files(message, trip):
                if trip is not None and trip.last is not None:
                    trip.held.append(message)
                else:
                    yield self._here(message)
            elif trip.last is not None:
                trip.held.append(message)
            else:
                trip.last = message
                line.send(messages.List(str(getattr(message, "job_id", "")), trip.there))

    def _answer(self, key: object, message: messages.Message) -> None:
        with self._answered:
            self._answers[key] = message
            self._answered.notify_all()

    def _arrived(
        self, message: messages.Listing | messages.Piece | messages.Fetched, line: Line
    ) -> Iterator[messages.Message]:
        trip = self._trips.get(message.job_id)
        if trip is None or trip.last is None:
            return
        try:
            if isinstance(message, messages.Listing):
                self._compare(message, trip)
                line.send(messages.Fetch(message.job_id, trip.there, trip.wanted))
            elif isinstance(message, messages.Piece):
                if message.name not in trip.wanted or trip.assembly is None:
                    raise InputError(f"The engine sent a file that was not asked for ({message.name[:60]!r}).")
                trip.assembly.add(message)
                trip.got += len(message.data)
                total = sum(trip.sizes[name] for name in trip.wanted)
                if total > _TOLD_BYTES:
                    yield _progress(message.job_id, _STAGE_FETCHING, trip.got, total)
            else:
                if message.problem:
                    raise InputError(message.problem)
                yield self._concluded(trip)
                yield from self._held(trip, line)
        except (InputError, OSError) as error:
            yield self._not_fetched(message.job_id, trip, error)

    def _held(self, trip: _Trip, line: Line) -> Iterator[messages.Message]:
        """What came while files were fetched."""
        held, trip.held = trip.held, []
        for message in held:
            yield from self.incoming(message, line)

    def _compare(self, listing: messages.Listing, trip: _Trip) -> None:
        """Settle which files of the job folder are to be fetched; what lies here anyway is copied."""
        trip.here.mkdir(parents=True, exist_ok=True)
        trip.assembly, trip.wanted, trip.sizes, trip.got = Assembly(trip.here), [], {}, 0
        started = isinstance(trip.last, messages.Started)
        for name, said in listing.files.items():
            checked = checked_name(name)
            if started and checked.parts[0] != "inputs" and name != "job.json":
                continue  # while it runs, what the job writes is told by messages
            size = int(said.split()[0]) if said.split()[0].isdigit() else 0
            path = safe_path(trip.here, name)
            if path.is_file() and "{} {}".format(*checksum(path)) == said:
                continue
            known = self._known.get(said)
            if known is not None and known.is_file() and "{} {}".format(*self._sum(known)) == said:
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(known, path)
                continue
            trip.wanted.append(name)
            trip.sizes[name] = size
        if not started and "job.json" in listing.files:
            for path in (trip.here / _CHECKPOINTS).glob("*"):
                if f"{_CHECKPOINTS}/{path.name}" not in listing.files and path.is_file():
                    path.unlink()  # an older one, which the engine has removed

    def _concluded(self, trip: _Trip) -> messages.Message:
        last, trip.last, trip.assembly = trip.last, None, None
        if isinstance(last, messages.Started):
            write_note(trip.here, self._engine, trip.there)
        if last is None:
            raise RuntimeError("a job ended twice")
        return self._here(last)

    def _not_fetched(self, job_id: str, trip: _Trip, error: Exception) -> messages.Message:
        """Say that files could not be stored here; they stay there."""
        if trip.assembly is not None:
            trip.assembly.close()
        last, trip.last, trip.assembly, trip.held = trip.last, None, None, []
        if isinstance(last, messages.Error):
            return self._here(last)  # why the job failed says more
        return messages.Error(
            job_id,
            f"The files of the job could not be fetched to '{trip.here}': {_said(error)}",
            f"They are safe on '{self._engine}' in '{trip.there}'; put right what is wrong and resume the job.",
        )

    def _here(self, message: messages.Message) -> messages.Message:
        """Message with paths here in the places of those there."""
        if isinstance(message, messages.Started | messages.Stopped):
            return replace(message, folder=self._places.get(message.folder, message.folder))
        if isinstance(message, messages.Result):
            return replace(message, paths={role: self._worded(path) for role, path in message.paths.items()})
        if isinstance(message, messages.Error):
            return replace(message, text=self._worded(message.text), advice=self._worded(message.advice))
        if isinstance(message, messages.Log):
            return replace(message, text=self._worded(message.text))
        if isinstance(message, messages.Answer):
            return replace(message, report=self._reworded(message.report))
        return message

    def _reworded(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._worded(value)
        if isinstance(value, dict):
            return {key: self._reworded(item) for key, item in value.items()}
        return [self._reworded(item) for item in value] if isinstance(value, list) else value

    def _worded(self, text: str) -> str:
        for there, here in self._places.items():
            text = text.replace(there, here)
        return text


def _needs_files(message: messages.Message, trip: _Trip) -> bool:
    """Whether a report means that files of the job are to be fetched: it begins, or has ended after it began."""
    if isinstance(message, messages.Started):
        return True
    if isinstance(message, messages.Error) and _NOT_RUNNING.fullmatch(message.text):
        return False
    ends = isinstance(message, messages.Result | messages.Stopped | messages.Error)
    return ends and (read_note(trip.here) is not None or trip.last is not None)


def _progress(job_id: str, stage: str, done: int, total: int) -> messages.Progress:
    return messages.Progress(
        job_id, f"{stage} (MB)", round(done / _MEGABYTE), max(1, round(total / _MEGABYTE)), None, {}, None, None
    )


def _short(path: str) -> str:
    return f"'{Path(path).name}'"


def _said(error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: '{error.filename}'." if error.filename else f"{error.strerror}."
    return f"{error}."
