"""Engines on other computers that the user has added: where they are, and how they are started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..engine.contract.domains import Device
from ..settings import adp3d_settings

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["LOST", "Host", "checked_destination", "checked_name", "forget_host", "host_named", "hosts", "remember_host"]

LOST = ("continue", "stop")
"""What becomes of a running job when the connection is lost: it goes on, or stops with a checkpoint."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_DESTINATION = re.compile(r"[A-Za-z0-9_][^\s\x00-\x1f]{0,254}")


@dataclass(frozen=True)
class Host:
    """An engine on another computer.

    Attributes
    ----------
    name : str
        What commands call it.
    destination : str
        ``user@host``, or a name of the user's configuration of ssh.
    port : int
        0 for the usual one, or what the configuration of ssh says.
    folder : str
        Folder of the engine there, absolute once it was set up.
    python : str
        Interpreter there, absolute once it was set up.
    device : str
        Device that it computes on, such as ``auto`` or ``cuda:1``.
    lost : str
        One of `LOST`.
    found : str
        What the doctor there said last: version of the engine, device.
    """

    name: str
    destination: str
    port: int = 0
    folder: str = ""
    python: str = ""
    device: str = "auto"
    lost: str = LOST[0]
    found: str = ""

    @property
    def ready(self) -> bool:
        """Whether it was set up."""
        return bool(self.folder and self.python)


def hosts(session: Session) -> dict[str, Host]:
    """All that the user has added, by name."""
    told = adp3d_settings(session).engines
    found = {}
    for name, values in told.items() if isinstance(told, Mapping) else ():
        host = _read(name, values)
        if host is not None:
            found[host.name] = host
    return found


def host_named(session: Session, name: str) -> Host | None:
    """An engine elsewhere by its name; None for devices of this computer."""
    return hosts(session).get(name)


def remember_host(session: Session, host: Host) -> None:
    """Add an engine, or replace the one of that name."""
    settings = adp3d_settings(session)
    settings.engines = {**settings.engines, host.name: asdict(host)}


def forget_host(session: Session, name: str) -> None:
    """Know an engine no more."""
    settings = adp3d_settings(session)
    settings.engines = {known: values for known, values in settings.engines.items() if known != name}
    if settings.job_device == name:
        settings.job_device = ""


def checked_name(name: str) -> str:
    """Name of an engine, as commands can take it beside devices of this computer.

    Raises
    ------
    UserError
        If it is none.
    """
    from chimerax.core.errors import UserError

    low = name.lower()
    if not _NAME.fullmatch(low) or low in Device.options or low.startswith(("cuda", "mps", "cpu")):
        raise UserError(
            f"'{name}' cannot name an engine: use a word of letters, digits, '-' and '_' that is no device of this "
            "computer (auto, cpu, cuda, mps)."
        )
    return low


def checked_destination(text: str) -> str:
    """Destination for ssh, which must not be taken for one of its options.

    Raises
    ------
    UserError
        If it is none.
    """
    from chimerax.core.errors import UserError

    if not _DESTINATION.fullmatch(text) or "@-" in text:
        raise UserError(f"'{text}' is no host; write user@host, or a name of your ssh configuration.")
    return text


def _read(name: object, values: Any) -> Host | None:
    """Engine from the settings; None where they were damaged."""
    if not isinstance(values, Mapping):
        return None
    texts = {key: value for key, value in values.items() if key in Host.__dataclass_fields__}
    try:
        host = replace(Host(str(name), ""), **texts)
    except TypeError:
        return None
    ok = all(isinstance(getattr(host, key), int if key == "port" else str) for key in Host.__dataclass_fields__)
    return host if ok and _DESTINATION.fullmatch(host.destination) and host.lost in LOST else None
