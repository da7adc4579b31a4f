"""What ADP-3D remembers between sessions, in ChimeraX's own preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimerax.core.settings import Settings

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["ADP3DSettings", "adp3d_settings"]

_ATTRIBUTE = "_adp3d_settings"


class ADP3DSettings(Settings):
    """Settings of ADP-3D, saved as plain values; assigning to an attribute saves it at once.

    Attributes
    ----------
    engine_python : str
        Interpreter of the engine's environment, set by ``adp3d install``; empty before.
    engine_directory : str
        Folder of the environment that ``adp3d install`` made; empty for one that was only pointed to.
    engine_device : str
        Device that the environment was installed for: ``auto``, ``cpu`` or ``cuda``.
    engine_found_device : str
        Device that the engine chose when the environment was verified.
    engine_plugins : dict
        Names of priors and measurements that the latest engine had, by the entry point group of others' packages.
    engines : dict
        Engines on other computers, by name; see `adp3d.process.hosts.Host`.
    job_folder : str
        Where new job folders go; empty for the folder of the model's own file.
    job_device : str
        What ``device auto`` means, one of the devices or an engine on another computer; empty leaves it to the engine.
    job_threads : int
        Threads of the engine; 0 leaves that to it.
    job_b_factors : str
        B-factors of jobs that do not say which; empty for the usual ones.
    """

    engine_python: str
    engine_directory: str
    engine_device: str
    engine_found_device: str
    engine_plugins: dict[str, list[str]]
    engines: dict[str, dict[str, object]]
    job_folder: str
    job_device: str
    job_threads: int
    job_b_factors: str

    AUTO_SAVE = {  # noqa: RUF012  (ChimeraX reads it from the class)
        "engine_python": "",
        "engine_directory": "",
        "engine_device": "auto",
        "engine_found_device": "",
        "engine_plugins": {},
        "engines": {},
        "job_folder": "",
        "job_device": "",
        "job_threads": 0,
        "job_b_factors": "",
    }


def adp3d_settings(session: Session) -> ADP3DSettings:
    """Settings of ADP-3D in a session."""
    settings: ADP3DSettings | None = getattr(session, _ATTRIBUTE, None)
    if settings is None:
        settings = ADP3DSettings(session, "ADP-3D")
        setattr(session, _ATTRIBUTE, settings)
    return settings
