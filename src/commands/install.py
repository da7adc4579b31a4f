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
    large_download: bool = False,
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
    large_download : bool
        Take the build of PyTorch for graphics cards, about 3 GB, where the processor's is wanted and cannot be had.
        Without it that is a question in the window, and an error without one.
    cancel : bool
        End the installation that is running, instead.
    wait : bool, optional
        Return when it has ended; by default without a GUI.

    Returns
    -------
    Installer or None
        None if there was nothing to cancel.
    """
    from ..jobs.installation import install_engine
    from ..process.installer import current_installer, plan_installation
    from .question import ask_yes_or_no

    if cancel:
        running = current_installer(session)
        if running is None:
            session.logger.info("No installation of ADP-3D is running.")
            return None
        running.cancel()
        return running
    waits = not session.ui.is_gui if wait is None else wait
    asks = session.ui.is_gui and not waits  # nothing can be answered while a command waits
    plan = plan_installation(session, directory, device, python, large_download=large_download, asks=asks)
    installer = install_engine(session, plan, ask_yes_or_no)
    if waits:
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
            ("large_download", BoolArg),
            ("cancel", BoolArg),
            ("wait", BoolArg),
        ],
        synopsis="Install, repair or verify the engine of ADP-3D",
    )
