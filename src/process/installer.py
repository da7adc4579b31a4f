"""Installations as the session sees them: one at a time, told in the log, and remembered."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..settings import adp3d_settings
from .background import NoteLog, wait_for
from .environment import configured, default_directory, interpreter_of
from .install import Installation, Plan, Progress, is_complete, is_ours

if TYPE_CHECKING:
    from chimerax.core.session import Session
    from chimerax.core.triggerset import _TriggerHandler as Handler

__all__ = ["Installer", "current_installer", "lacks_engine", "plan_installation", "start_installer", "when_started"]

Ask = Callable[["Session", str, Callable[[bool], None]], Callable[[], None]]
"""Puts a question to the user and returns at once; the answer goes to a function. What it returns withdraws it."""

STARTED = "adp3d installation started"
"""Trigger of the session, whose data is the `Installer`."""

_ATTRIBUTE = "_adp3d_installer"


def current_installer(session: Session) -> Installer | None:
    """The installation that runs, None if there is none."""
    installer: Installer | None = getattr(session, _ATTRIBUTE, None)
    return installer if installer is not None and installer.running else None


def lacks_engine(session: Session) -> bool:
    """Whether there is no engine, or only one whose installation has not come to its end."""
    environment = configured(session)
    if environment is None:
        return True
    folder = environment.python.parent.parent
    return environment.source != "variable" and is_ours(folder) and not is_complete(folder)


def plan_installation(
    session: Session,
    directory: str | None,
    device: str,
    python: str | None,
    *,
    large_download: bool = False,
    asks: bool = False,
) -> Plan:
    """Check what the user asks for.

    Parameters
    ----------
    session : Session
    directory : str or None
        Folder for the environment; by default the one of last time, else one in the user's data folder.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    python : str or None
        Ready environment to use instead: its interpreter, or its folder.
    large_download, asks : bool
        See `Plan`.

    Raises
    ------
    UserError
        If the two exclude each other, or the folder or interpreter cannot be used.
    """
    from chimerax.core.errors import UserError
    from chimerax.core.python_utils import chimerax_python_executable

    own = Path(chimerax_python_executable())
    if python is not None:
        if directory is not None:
            raise UserError("Give either a folder to install into or the 'python' of a ready environment, not both.")
        ready = Path(python).expanduser().absolute()
        if ready.is_dir():
            ready = interpreter_of(ready)
        if not ready.is_file():
            raise UserError(f"There is no Python '{ready}'; give the interpreter or the folder of an environment.")
        return Plan(None, device, ready, own)
    before = adp3d_settings(session).engine_directory
    folder = Path(directory).expanduser().absolute() if directory else Path(before) if before else default_directory()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file; give a folder to install into.")
    if folder.is_dir() and not is_ours(folder) and any(folder.iterdir()):
        raise UserError(f"The folder '{folder}' holds other files; give a new or empty folder to install into.")
    return Plan(folder, device, None, own, large_download, asks)


def start_installer(session: Session, plan: Plan, ask: Ask | None = None) -> Installer:
    """Begin an installation.

    Parameters
    ----------
    session : Session
    plan : Plan
    ask : callable, optional
        Puts a question to the user; needed for a plan that asks.

    Raises
    ------
    UserError
        If one is running.
    """
    from chimerax.core.errors import UserError

    if current_installer(session) is not None:
        raise UserError("An installation is running; end it first with 'adp3d install cancel true'.")
    installer = Installer(session, plan, ask)
    setattr(session, _ATTRIBUTE, installer)
    _trigger(session)
    session.triggers.activate_trigger(STARTED, installer)
    return installer


def when_started(session: Session, function: Callable[[str, Installer], object]) -> Handler:
    """Call a function with (trigger name, installer) whenever an installation starts; returns its handler."""
    _trigger(session)
    return session.triggers.add_handler(STARTED, function)


def _trigger(session: Session) -> None:
    if not session.triggers.has_trigger(STARTED):
        session.triggers.add_trigger(STARTED)


class Installer:
    """An installation that writes to the log; main thread only.

    Parameters
    ----------
    session : Session
    plan : Plan
    ask : callable, optional
    """

    def __init__(self, session: Session, plan: Plan, ask: Ask | None = None) -> None:
        self.session = weakref.ref(session)
        self._ask = ask
        self._withdraw: Callable[[], None] | None = None
        self._listeners: list[Callable[[str], None]] = []
        self._done = False
        self._log = NoteLog("ADP-3D installation")
        self._installation = Installation(plan)
        self._handlers = [
            session.triggers.add_handler("new frame", self._new_frame),
            session.triggers.add_handler("app quit", lambda *_: self._installation.cancel()),
        ]

    @property
    def running(self) -> bool:
        """Whether it has not ended, or its end has not been told yet."""
        return not self._done

    @property
    def error(self) -> str:
        """Why it failed; empty for success."""
        return self._installation.error

    @property
    def report(self) -> dict[str, Any]:
        """What the engine's doctor said."""
        return self._installation.report

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._installation.progress

    def sentence(self) -> str:
        """How far it is, in words."""
        progress = self.progress
        where = f"step {progress.step} of {progress.steps}: " if progress.steps else ""
        waits = " (waits for your answer)" if self._installation.question else ""
        return f"The engine is being installed ({where}{progress.text.lower()}){waits}."

    def when_ended(self, listener: Callable[[str], None]) -> None:
        """Call a function once when it has ended, with the reason why it failed, empty for success."""
        self._listeners.append(listener)

    def cancel(self) -> None:
        """End it."""
        self._installation.cancel()

    def wait(self) -> None:
        """Work until it has ended.

        Raises
        ------
        UserError
            If it failed or was cancelled.
        """
        wait_for(self)

    def pump(self) -> None:
        """Write what is new to the log, and remember the environment at the end."""
        session = self.session()
        if session is None or self._done:
            return
        ended = not self._installation.running
        self._log.tell(session, self._installation.take())
        self._put_question(session, self._installation.question)
        if ended:
            self._done = True
            for handler in self._handlers:
                handler.remove()
            self._conclude(session)
            for listener in self._listeners:
                listener(self.error)

    def _put_question(self, session: Session, question: str) -> None:
        """Ask what the installation wants to know, once; withdraw a question that it no longer waits for."""
        if question and self._withdraw is None and self._ask is not None:
            self._withdraw = self._ask(session, question, self._installation.answer)
        elif not question and self._withdraw is not None:
            withdraw, self._withdraw = self._withdraw, None
            if self._installation.cancelled:
                withdraw()

    def _conclude(self, session: Session) -> None:
        done = self._installation
        if done.error or done.python is None:
            if done.cancelled:
                session.logger.info(f"ADP-3D installation: {done.error} Run 'adp3d install' to go on with it.")
            else:
                session.logger.warning(f"ADP-3D installation: {done.error}")
            session.logger.status("")
            return
        settings = adp3d_settings(session)
        settings.engine_python = str(done.python)
        settings.engine_directory = "" if done.plan.directory is None else str(done.plan.directory)
        settings.engine_device = done.plan.device
        settings.engine_found_device = str(done.report.get("device", ""))
        session.logger.info(
            f"ADP-3D installation: the engine {done.report.get('adp3d', '')} is ready (Python "
            f"{done.report.get('python', '')}, torch {done.report.get('versions', {}).get('torch', '')}, device "
            f"{settings.engine_found_device})."
        )
        session.logger.status("ADP-3D is ready.")

    def _new_frame(self, *_: object) -> None:
        session = self.session()
        try:
            self.pump()
        except Exception:
            # An exception would remove the handler, or open a dialog at every frame.
            self._done = True
            if session is not None:
                session.logger.report_exception(preface="The installation of ADP-3D's engine")
