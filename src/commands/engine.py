"""``adp3d engine``: engines on other computers are added, listed, tested and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..process.hosts import Host

__all__ = ["adp3d_engine", "engine_desc"]

_ADD, _LIST, _TEST, _REMOVE = "add", "list", "test", "remove"


def adp3d_engine(
    session: Session,
    action: str,
    name: str | None = None,
    ssh: str | None = None,
    port: int | None = None,
    folder: str | None = None,
    python: str | None = None,
    device: str | None = None,
    lost: str | None = None,
    wait: bool | None = None,
) -> Any:
    """Add an engine on another computer that is reached by ssh, list, test or remove engines.

    Parameters
    ----------
    session : Session
    action : str
        ``add``: set up the engine there, or change and repair one that was added. ``test``: connect to it, verify it,
        and bring it up to date with this bundle. ``list``: tell which there are. ``remove``: know it no more; what
        lies there stays.
    name : str, optional
        What ``device`` is to call it; for all but ``list``.
    ssh : str, optional
        ``user@host``, or a name of the user's ssh configuration; for ``add``.
    port : int, optional
        Port of ssh, if it is another than the configuration says.
    folder : str, optional
        Folder there for the environment and jobs, by default ``~/.adp3d``.
    python : str, optional
        Ready environment there to use: its interpreter or its folder. Nothing is installed then.
    device : str, optional
        Device to compute on there, by default ``auto``.
    lost : str, optional
        What becomes of a running job when the connection is lost: ``continue`` (default) or ``stop``.
    wait : bool, optional
        Return when it has ended; by default without a GUI.

    Returns
    -------
    FarEngineWork, list of dict, or None

    Raises
    ------
    UserError
        If something cannot be used, or what was waited for failed.
    """
    from chimerax.core.errors import UserError

    given = {"ssh": ssh, "port": port, "folder": folder, "python": python, "device": device, "lost": lost}
    if action != _ADD and any(value is not None for value in given.values()):
        word = next(key for key, value in given.items() if value is not None)
        raise UserError(f"'{word}' belongs to 'adp3d engine add', not to 'adp3d engine {action}'.")
    if action == _LIST:
        return _told(session)
    if name is None:
        raise UserError(f"Name the engine, such as 'adp3d engine {action} gpu{' ssh user@host' * (action == _ADD)}'.")
    if action == _REMOVE:
        _remove(session, name.lower())
        return None
    from ..jobs.far_engines import set_up

    host = _described(session, name, given) if action == _ADD else _known(session, name.lower())
    work = set_up(session, host, make=action == _ADD)
    if wait if wait is not None else not session.ui.is_gui:
        work.wait()
    return work


def engine_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, IntArg, StringArg

    from ..process.hosts import LOST

    return CmdDesc(
        required=[("action", EnumOf((_ADD, _LIST, _TEST, _REMOVE)))],
        optional=[("name", StringArg)],
        keyword=[
            ("ssh", StringArg),
            ("port", IntArg),
            ("folder", StringArg),
            ("python", StringArg),
            ("device", StringArg),
            ("lost", EnumOf(LOST)),
            ("wait", BoolArg),
        ],
        synopsis="Use an engine of ADP-3D on another computer",
    )


def _described(session: Session, name: str, given: dict[str, Any]) -> Host:
    """Host as it was described; what is not said of one that was added before stays."""
    from dataclasses import replace

    from chimerax.core.errors import UserError

    from ..engine.contract.domains import Device
    from ..engine.contract.errors import InputError
    from ..process.hosts import Host, checked_destination, checked_name, host_named

    name = checked_name(name)
    known = host_named(session, name)
    if given["ssh"] is None and known is None:
        raise UserError(f"Say where the engine is, such as 'adp3d engine add {name} ssh user@host'.")
    if given["port"] is not None and not 1 <= given["port"] <= 65535:
        raise UserError(f"There is no port {given['port']}; give one from 1 to 65535.")
    if given["device"] is not None:
        try:
            given["device"] = Device().check("device", str(given["device"]).lower())
        except InputError as error:
            raise UserError(str(error)) from error
    destination = given.pop("ssh")
    if destination is not None:
        checked_destination(destination)
        if known is None or destination != known.destination:
            known = Host(name, destination)  # another computer: nothing of the old one is true there
    if known is None:
        raise RuntimeError("a host that is neither known nor described")
    moved = given["folder"] is not None and given["folder"] != known.folder and given["python"] is None
    if moved or (known.python and given["python"] is None and known.python.startswith(f"{known.folder}/")):
        known = replace(known, python="")  # its environment is made, or repaired, in the folder
    return replace(known, **{key: value for key, value in given.items() if value is not None})


def _known(session: Session, name: str) -> Host:
    from chimerax.core.errors import UserError

    from ..process.hosts import host_named, hosts

    host = host_named(session, name)
    if host is None:
        names = ", ".join(hosts(session))
        raise UserError(
            f"There is no engine '{name}'; there are {names}."
            if names
            else f"There is no engine '{name}'; add it with 'adp3d engine add {name} ssh user@host'."
        )
    return host


def _remove(session: Session, name: str) -> None:
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager
    from ..process.hosts import forget_host

    host = _known(session, name)
    busy = [job for job in job_manager(session).jobs if not job.ended and job.prepared.device == name]
    if busy:
        raise UserError(f"ADP-3D job {busy[0].id} uses the engine '{name}'; wait for it or stop it first.")
    job_manager(session).end_idle_engines()
    forget_host(session, name)
    where = f"; its files in {host.folder} on {host.destination} stay there" if host.folder else ""
    session.logger.info(f"The engine '{name}' is not known any more{where}.")


def _told(session: Session) -> list[dict[str, Any]]:
    """Tell which engines there are, as a list of plain values too."""
    from dataclasses import asdict

    from ..process.hosts import hosts

    found = list(hosts(session).values())
    if not found:
        session.logger.info("There are no engines on other computers; 'adp3d engine add gpu ssh user@host' adds one.")
    for host in found:
        port = f" port {host.port}" if host.port else ""
        lost = "goes on" if host.lost == "continue" else "stops"
        session.logger.info(
            f"{host.name}: {host.destination}{port}, {host.folder}, version {host.found}, device {host.device}; a job "
            f"{lost} when the connection is lost."
        )
    return [asdict(host) for host in found]
