"""Messages by which files travel between the client and an engine elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Fetch", "Fetched", "List", "Listing", "Offer", "Piece", "Received", "Wanted"]


@dataclass(frozen=True)
class Offer:
    """Client to an engine elsewhere: files that the next jobs name, ``SHA-256/NAME`` each; answered by `Wanted`."""

    kind: ClassVar[str] = "offer"
    token: int
    names: list[str]
    bytes: int


@dataclass(frozen=True)
class List:
    """Client to an engine elsewhere: what the folder of a job holds; answered by `Listing`."""

    kind: ClassVar[str] = "list"
    job_id: str
    folder: str


@dataclass(frozen=True)
class Fetch:
    """Client to an engine elsewhere: send files of a job's folder as `Piece`, and `Fetched` at the end."""

    kind: ClassVar[str] = "fetch"
    job_id: str
    folder: str
    names: list[str]


@dataclass(frozen=True)
class Piece:
    """Both ways: part of a file, from ``offset`` on.

    ``size`` is that of the whole file. The last piece, which may be empty, has the SHA-256 of the whole file, others
    none. ``job_id`` is empty for files of the client.
    """

    kind: ClassVar[str] = "piece"
    job_id: str
    name: str
    offset: int
    size: int
    data: bytes
    sha256: str = ""


@dataclass(frozen=True)
class Wanted:
    """Engine elsewhere to client, answer to `Offer`: the folder of offered files, and those that it lacks.

    ``problem`` says why they cannot be taken.
    """

    kind: ClassVar[str] = "wanted"
    token: int
    folder: str
    names: list[str]
    problem: str = ""


@dataclass(frozen=True)
class Received:
    """Engine elsewhere to client: a file has come as a whole, or ``problem`` says why not."""

    kind: ClassVar[str] = "received"
    name: str
    problem: str = ""


@dataclass(frozen=True)
class Listing:
    """Engine elsewhere to client, answer to `List`: files of the folder, with ``SIZE SHA-256`` of each."""

    kind: ClassVar[str] = "listing"
    job_id: str
    files: dict[str, str]


@dataclass(frozen=True)
class Fetched:
    """Engine elsewhere to client: all files that were asked for have been sent, or ``problem`` says why not."""

    kind: ClassVar[str] = "fetched"
    job_id: str
    problem: str = ""
