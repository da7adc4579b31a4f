"""``adp3d install``: the engine's environment is made, repaired, verified or pointed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..process.installer import Installer

__all__ = ["adp3d_install", "install_desc"]


def adp3d_install(
    session: Session,
    directory: str | None = None,
    device: str = "auto",
    python: str | None = None,
    cancel: bool = False,
    wait: bool | None = None,
) -> Installer | None:
    """Install the engine of ADP-3D; also repairs and updates an environment that is there.

    Parameters
    ----------
    session : Session
    directory : str, optional
        Folder for the environment.
    device : str
        ``auto`` (a graphics card if there is one), ``cpu`` or ``cuda``.
    python : str, optional
        Ready environment to use instead: its interpreter or its folder. Nothing is installed then.
    cancel : bool
        End the installation that is running, instead.
    wait : bool, optional
        Return when it has ended; by default without a GUI.

    Returns
    -------
    Installer or None
        None if there was nothing to cancel.
    """
    from ..process.installer import current_installer, plan_installation, start_installer

    if cancel:
        running = current_installer(session)
        if running is None:
            session.logger.info("No installation of ADP-3D is running.")
            return None
        running.cancel()
        return running
    installer = start_installer(session, plan_installation(session, directory, device, python))
    if wait or (wait is None and not session.ui.is_gui):
        installer.wait()
    return installer


def install_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, FileNameArg, SaveFolderNameArg

    return CmdDesc(
        optional=[("directory", SaveFolderNameArg)],
        keyword=[
            ("device", EnumOf(("auto", "cpu", "cuda"))),
            ("python", FileNameArg),
            ("cancel", BoolArg),
            ("wait", BoolArg),
        ],
        synopsis="Install, repair or verify the engine of ADP-3D",
    )
