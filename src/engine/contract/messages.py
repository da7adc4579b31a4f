"""Messages between the engine and its client: plain frozen records, without any transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from .steering import Fix, Pause, Resume, SetWeight, Steering, Stop, Tug
from .transfer import Fetch, Fetched, List, Listing, Offer, Piece, Received, Wanted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "MESSAGES",
    "PROTOCOL_VERSION",
    "Best",
    "Check",
    "Checked",
    "Dock",
    "Docked",
    "Error",
    "Fetch",
    "Fetched",
    "Fix",
    "Frame",
    "Hello",
    "Layout",
    "List",
    "Listing",
    "Log",
    "Message",
    "Metric",
    "Offer",
    "Pause",
    "Piece",
    "Ping",
    "Pong",
    "Progress",
    "Question",
    "Received",
    "Reopen",
    "Report",
    "Request",
    "Result",
    "Resume",
    "Score",
    "Scored",
    "SetWeight",
    "Started",
    "Steering",
    "Stop",
    "Stopped",
    "Submit",
    "Tug",
    "Wanted",
    "Welcome",
]

PROTOCOL_VERSION = 8
"""Raised with every change of a message; client and engine must agree exactly."""


@dataclass(frozen=True)
class Hello:
    """Client to engine, first of all: the protocol spoken and who is asking."""

    kind: ClassVar[str] = "hello"
    protocol: int = PROTOCOL_VERSION
    client: str = ""


@dataclass(frozen=True)
class Submit:
    """Client to engine: run a new job (``spec`` as `to_dict` gives it) under the client's ``job_id``."""

    kind: ClassVar[str] = "submit"
    job_id: str
    spec: dict[str, Any]
    overwrite: bool = False


@dataclass(frozen=True)
class Reopen:
    """Client to engine: go on with the unfinished job in ``folder``."""

    kind: ClassVar[str] = "reopen"
    job_id: str
    folder: str


@dataclass(frozen=True)
class Check:
    """Client to engine: examine a job without running it; answered by `Checked`, also while a job runs."""

    kind: ClassVar[str] = "check"
    job_id: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Dock:
    """Client to engine: find where models lie in a map; answered by `Docked`, also while a job runs.

    ``spec`` is what `adp3d.pipeline.dock_report.dock_report` takes.
    """

    kind: ClassVar[str] = "dock"
    job_id: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Score:
    """Client to engine: what energies a prior gives to models; answered by `Scored`, also while a job runs.

    ``spec`` is what `adp3d.pipeline.score_request.score_request` takes.
    """

    kind: ClassVar[str] = "score"
    job_id: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Ping:
    """Client to engine: are you there? Answered by `Pong` even while a job runs."""

    kind: ClassVar[str] = "ping"
    token: int = 0


@dataclass(frozen=True)
class Welcome:
    """Engine to client, answer to `Hello`.

    ``priors`` and ``measurements`` are all that this engine has, those of other packages included.
    """

    kind: ClassVar[str] = "welcome"
    protocol: int
    engine: str
    process: int
    priors: list[str] = field(default_factory=list)
    measurements: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pong:
    """Engine to client, answer to `Ping`; ``job_id`` is the running job, empty when idle."""

    kind: ClassVar[str] = "pong"
    token: int
    job_id: str
    memory_bytes: int


@dataclass(frozen=True)
class Started:
    """Engine to client: the job exists in ``folder`` and runs."""

    kind: ClassVar[str] = "started"
    job_id: str
    folder: str


@dataclass(frozen=True, eq=False)
class Layout:
    """Engine to client, once after `Started`: the residues of all frames, and a full-length model to show.

    Attributes
    ----------
    chains, numbers, insertion_codes, names : list, length N
        Labels that the result will have; ``names`` are three-letter codes.
    known : list of bool, length N
        Residues that the starting model shows.
    links : list of bool, length N
        Whether a peptide bond leads to the next residue; the last entry is False.
    coordinates : ndarray, shape (1, N, 4, 3)
        N, CA, C, O in angstrom: known atoms where they are, the others on a plausible course between them.
    """

    kind: ClassVar[str] = "layout"
    job_id: str
    chains: list[str]
    numbers: list[int]
    insertion_codes: list[str]
    names: list[str]
    known: list[bool]
    links: list[bool]
    coordinates: NDArray[np.float32]

    def __post_init__(self) -> None:
        columns = (self.chains, self.numbers, self.insertion_codes, self.names, self.known, self.links)
        if {len(column) for column in columns} != {len(self.chains)}:
            raise ValueError("the columns of a layout differ in length")
        if self.coordinates.shape != (1, len(self.chains), 4, 3):
            raise ValueError(f"the coordinates have the shape {self.coordinates.shape}")


@dataclass(frozen=True)
class Progress:
    """Engine to client: ``step`` of ``total`` of a stage is done; seconds left of it where they can be told.

    ``done`` is the part of the whole job that is done, 0 to 1, and ``job_eta_seconds`` what is left of that.
    """

    kind: ClassVar[str] = "progress"
    job_id: str
    stage: str
    step: int
    total: int
    eta_seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    done: float | None = None
    job_eta_seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """Engine to client: coordinates of replicas ``first_replica``..., (replica, N, 4, 3) in angstrom."""

    kind: ClassVar[str] = "frame"
    job_id: str
    step: int
    coordinates: NDArray[np.float32]
    first_replica: int = 0


@dataclass(frozen=True)
class Metric:
    """Engine to client: a named figure, one value or one for each replica.

    ``residue_fit`` (0 to 1, local map-model correlation of the best replica, see `Best`) and ``residue_spread``
    (angstrom, of the other replicas from it) have one value for each residue instead, in the order of `Layout`.
    """

    kind: ClassVar[str] = "metric"
    job_id: str
    name: str
    values: list[float]
    step: int | None = None
    first_replica: int = 0


@dataclass(frozen=True)
class Best:
    """Engine to client: the best replica from here on.

    It is the one to show, and the one that `Fix` and figures of residues refer to. Told when sampling begins or goes
    on, whenever it changes, before the figures of residues at ``step``, and when the result is chosen.
    """

    kind: ClassVar[str] = "best"
    job_id: str
    replica: int
    step: int | None = None


@dataclass(frozen=True)
class Log:
    """Engine to client: a sentence for the user; ``level`` is ``info`` or ``warning``."""

    kind: ClassVar[str] = "log"
    job_id: str
    text: str
    level: str = "info"


@dataclass(frozen=True)
class Result:
    """Engine to client: the job is finished; files written by role, and the figures of merit."""

    kind: ClassVar[str] = "result"
    job_id: str
    paths: dict[str, str]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Stopped:
    """Engine to client: the job ended on request and can be reopened from ``folder``.

    The folder is empty for a `Question` that was taken back.
    """

    kind: ClassVar[str] = "stopped"
    job_id: str
    folder: str


@dataclass(frozen=True)
class Checked:
    """Engine to client, answer to `Check`: what was found, see `adp3d.pipeline.check.check`."""

    kind: ClassVar[str] = "checked"
    job_id: str
    report: dict[str, Any]


@dataclass(frozen=True)
class Docked:
    """Engine to client, answer to `Dock`: what was found, see `adp3d.pipeline.dock_report.dock_report`."""

    kind: ClassVar[str] = "docked"
    job_id: str
    report: dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """Engine to client, answer to `Score`: what was found, see `adp3d.pipeline.score_request.score_request`."""

    kind: ClassVar[str] = "scored"
    job_id: str
    report: dict[str, Any]


@dataclass(frozen=True)
class Error:
    """Engine to client: what went wrong and plain advice; ``job_id`` is empty when no job is meant."""

    kind: ClassVar[str] = "error"
    job_id: str
    text: str
    advice: str = ""


Transfer = Offer | List | Fetch | Piece
Request = Hello | Submit | Reopen | Steering | Check | Dock | Score | Ping | Transfer
Question = Check | Dock | Score
Answer = Checked | Docked | Scored
Arrival = Piece | Wanted | Received | Listing | Fetched
Report = (
    Welcome
    | Pong
    | Started
    | Layout
    | Progress
    | Frame
    | Metric
    | Best
    | Log
    | Answer
    | Result
    | Stopped
    | Error
    | Arrival
)
Message = Request | Report

MESSAGES: dict[str, Any] = {
    message.kind: message
    for message in (
        *(Hello, Submit, Reopen, Stop, Pause, Resume, SetWeight, Fix, Tug, Check, Dock, Score, Ping),
        *(Welcome, Pong, Started, Layout, Progress, Frame, Metric, Best, Log),
        *(Checked, Docked, Scored, Result, Stopped, Error),
        *(Offer, List, Fetch, Piece, Wanted, Received, Listing, Fetched),
    )
}
"""Message types by kind."""
