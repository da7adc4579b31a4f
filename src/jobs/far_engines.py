"""Engines on other computers as the session sees them: set up and tested in the background, told in the log."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from ..process.background import NoteLog, wait_for
from ..process.far_setup import FarSetup
from ..process.hosts import Host, remember_host
from .manager import job_manager

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["FarEngineWork", "set_up"]

_ATTRIBUTE = "_adp3d_far_setups"


def set_up(session: Session, host: Host, *, make: bool) -> FarEngineWork:
    """Begin to set up, or only to test, the engine of a host; it is remembered when that has worked.

    Raises
    ------
    UserError
        If that runs already, or a job uses the engine.
    """
    from chimerax.core.errors import UserError

    running: dict[str, FarEngineWork] = getattr(session, _ATTRIBUTE, {})
    setattr(session, _ATTRIBUTE, running)
    if host.name in running and running[host.name].running:
        raise UserError(f"The engine '{host.name}' is being set up or tested already.")
    busy = [job for job in job_manager(session).jobs if not job.ended and job.prepared.device == host.name]
    if busy and make:
        raise UserError(f"ADP-3D job {busy[0].id} uses the engine '{host.name}'; wait for it or stop it first.")
    work = running[host.name] = FarEngineWork(session, host, make=make)
    return work


class FarEngineWork:
    """Setting up or testing an engine; main thread only.

    Parameters
    ----------
    session : Session
    host : Host
    make : bool
        Whether an environment may be made there.
    """

    def __init__(self, session: Session, host: Host, *, make: bool) -> None:
        self.session = weakref.ref(session)
        self._setup = FarSetup(host, make=make)
        self._told = False
        self._log = NoteLog("ADP-3D engine")
        self._handlers = [
            session.triggers.add_handler("new frame", self._new_frame),
            session.triggers.add_handler("app quit", lambda *_: self._setup.cancel()),
        ]

    @property
    def running(self) -> bool:
        """Whether it has not ended, or its end has not been told yet."""
        return not self._told

    @property
    def error(self) -> str:
        """Why it failed; empty for success."""
        return self._setup.error

    @property
    def host(self) -> Host:
        """The host, with what was found there."""
        return self._setup.host

    def cancel(self) -> None:
        """End it."""
        self._setup.cancel()

    def wait(self) -> None:
        """Work until it has ended.

        Raises
        ------
        UserError
            If it failed.
        """
        wait_for(self)

    def pump(self) -> None:
        """Write what is new to the log, and remember the engine at the end."""
        session = self.session()
        if session is None or self._told:
            return
        ended = not self._setup.running
        self._log.tell(session, self._setup.take())
        if not ended:
            return
        self._told = True
        for handler in self._handlers:
            handler.remove()
        session.logger.status("")
        if self.error:
            session.logger.warning(f"ADP-3D engine '{self.host.name}': {self.error}")
            return
        remember_host(session, self.host)
        session.logger.info(
            f"ADP-3D engine '{self.host.name}' is ready: version {self.host.found}, in {self.host.folder} on "
            f"{self.host.destination}. Give 'device {self.host.name}' to compute there."
        )

    def _new_frame(self, *_: object) -> None:
        session = self.session()
        try:
            self.pump()
        except Exception:
            # An exception would remove the handler, or open a dialog at every frame.
            self._told = True
            if session is not None:
                session.logger.report_exception(preface="Setting up an engine of ADP-3D")
