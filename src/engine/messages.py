"""Messages between the engine and its client: plain frozen records, without any transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "MESSAGES",
    "PROTOCOL_VERSION",
    "Error",
    "Frame",
    "Hello",
    "Log",
    "Message",
    "Metric",
    "Pause",
    "Ping",
    "Pong",
    "Progress",
    "Reopen",
    "Report",
    "Request",
    "Result",
    "Resume",
    "SetWeight",
    "Started",
    "Stop",
    "Stopped",
    "Submit",
    "Welcome",
]

PROTOCOL_VERSION = 1
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
class Stop:
    """Client to engine: end the running job after a checkpoint."""

    kind: ClassVar[str] = "stop"
    job_id: str


@dataclass(frozen=True)
class Pause:
    """Client to engine: hold the running job."""

    kind: ClassVar[str] = "pause"
    job_id: str


@dataclass(frozen=True)
class Resume:
    """Client to engine: let a paused job go on."""

    kind: ClassVar[str] = "resume"
    job_id: str


@dataclass(frozen=True)
class SetWeight:
    """Client to engine: change a weight (such as ``density_weight``) of the running job."""

    kind: ClassVar[str] = "set_weight"
    job_id: str
    name: str
    value: float


@dataclass(frozen=True)
class Ping:
    """Client to engine: are you there? Answered by `Pong` even while a job runs."""

    kind: ClassVar[str] = "ping"
    token: int = 0


@dataclass(frozen=True)
class Welcome:
    """Engine to client, answer to `Hello`."""

    kind: ClassVar[str] = "welcome"
    protocol: int
    engine: str
    process: int


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


@dataclass(frozen=True)
class Progress:
    """Engine to client: ``step`` of ``total`` of a stage is done; seconds left where they can be told."""

    kind: ClassVar[str] = "progress"
    job_id: str
    stage: str
    step: int
    total: int
    eta_seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


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
    """Engine to client: a named figure, one value or one for each replica."""

    kind: ClassVar[str] = "metric"
    job_id: str
    name: str
    values: list[float]
    step: int | None = None
    first_replica: int = 0


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
    """Engine to client: the job ended on request and can be reopened from ``folder``."""

    kind: ClassVar[str] = "stopped"
    job_id: str
    folder: str


@dataclass(frozen=True)
class Error:
    """Engine to client: what went wrong and plain advice; ``job_id`` is empty when no job is meant."""

    kind: ClassVar[str] = "error"
    job_id: str
    text: str
    advice: str = ""


Request = Hello | Submit | Reopen | Stop | Pause | Resume | SetWeight | Ping
Report = Welcome | Pong | Started | Progress | Frame | Metric | Log | Result | Stopped | Error
Message = Request | Report

MESSAGES: dict[str, Any] = {
    message.kind: message
    for message in (
        *(Hello, Submit, Reopen, Stop, Pause, Resume, SetWeight, Ping),
        *(Welcome, Pong, Started, Progress, Frame, Metric, Log, Result, Stopped, Error),
    )
}
"""Message types by kind."""
