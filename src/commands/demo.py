"""``adp3d demo``: open the map and the incomplete model that come with the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session
    from chimerax.map import Volume

__all__ = ["adp3d_demo", "demo_desc", "demo_files"]

RESOLUTION = 1.75
"""Of EMD-20026, in angstrom."""

QUICK: dict[str, Any] = {"replicas": 4, "steps": 40}
"""Settings of the example: those of the engine's own ``adp3d demo``, for less than ten minutes on two CPU cores."""

_LEVEL = 0.035
_TRANSPARENCY = 0.65
_SPECK = 6
"""Size in angstrom of the pieces of surface that are not shown."""

_ATTRIBUTE = "_adp3d_example"
"""Attribute of models of the example: their file."""

_NAMES = {"map": "protomer.map.gz", "model": "incomplete.cif.gz", "reference": "deposited.cif.gz"}


def demo_files() -> dict[str, Path]:
    """Files of the example: ``map``, ``model`` (incomplete) and ``reference`` (deposited)."""
    folder = Path(__file__).resolve().parent.parent / "engine" / "pipeline" / "demo"
    return {role: folder / f"emd_20026_{name}" for role, name in _NAMES.items()}


def adp3d_demo(session: Session, reference: bool = False, run: bool = False) -> list[Any]:
    """Open the example: one protomer of apoferritin at 1.75 angstrom with 61 of 172 residues removed.

    What is open of it already stays as it is; a model into which a result was accepted is no example any more.

    Parameters
    ----------
    session : Session
    reference : bool
        Also open the deposited model, to compare with.
    run : bool
        Start the refinement right away.

    Returns
    -------
    list of Model
        Map, model, and the deposited model if wanted.
    """
    from chimerax.core.errors import UserError

    files = demo_files()
    wanted = ["map", "model", *(["reference"] if reference else [])]
    missing = [role for role in wanted if not files[role].is_file()]
    if missing:
        raise UserError("The example is missing from the installed bundle; install the ADP-3D bundle again.")
    opened = []
    for role in wanted:
        path = _unpacked(session, files[role])
        present = _open_already(session, path)
        if present is None:
            models, status = session.open_command.open_data(str(path))
            session.models.add(models)
            if status:
                session.logger.info(status)
            present = models[0]
            setattr(present, _ATTRIBUTE, str(path))
            if role == "map":
                _show_surface(session, present)
            present.display = role != "reference"
        opened.append(present)
    volume, model = opened[:2]
    what = f"#{model.id_string} inMap #{volume.id_string} resolution {RESOLUTION}"
    settings = " ".join(f"{name} {value}" for name, value in QUICK.items())
    command, check = f"adp3d refine {what} {settings}", f"adp3d check {what} {settings}"
    session.logger.info(
        f"Map #{volume.id_string}: EMD-20026 around one protomer of apoferritin. Model #{model.id_string}: 111 of its "
        f'172 residues. Complete and refine it with <a href="cxcmd:{command}">{command}</a>; '
        f'<a href="cxcmd:{check}">{check}</a> says how long that takes.',
        is_html=True,
    )
    if run:
        from ..handover.part import ModelPart
        from .refine import adp3d_refine

        adp3d_refine(session, ModelPart(model), in_map=volume, resolution=RESOLUTION, **QUICK)
    return opened


def _open_already(session: Session, path: Path) -> Any | None:
    """Model of a file of the example that is open and as it was opened, also in a restored session."""
    from ..handover.accepted import accepted_into

    for model in session.models.list():
        data = getattr(model, "data", None)
        sources = (getattr(model, _ATTRIBUTE, ""), getattr(data, "path", ""), getattr(model, "filename", ""))
        if str(path) in map(str, sources) and not accepted_into(model):
            return model
    return None


def _show_surface(session: Session, volume: Volume) -> None:
    """Show the map as a surface through which the model is seen, without specks, which only cost drawing time."""
    from chimerax.core.commands import run

    spec = f"#{volume.id_string}"
    run(session, f"volume {spec} style surface level {_LEVEL} transparency {_TRANSPARENCY}", log=False)
    run(session, f"surface dust {spec} size {_SPECK}", log=False)


def _unpacked(session: Session, packed: Path) -> Path:
    """Uncompressed copy of a file, where it stays: sessions refer to maps by their files."""
    import gzip

    from chimerax.core.errors import UserError

    from ..handover.staging import base_folder

    path = base_folder(session) / "demo" / packed.name.removesuffix(".gz")
    content = gzip.decompress(packed.read_bytes())
    if path.is_file() and path.read_bytes() == content:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"The example could not be written to '{path.parent}': {error.strerror or error}.") from error
    return path


def demo_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc

    return CmdDesc(
        keyword=[("reference", BoolArg), ("run", BoolArg)],
        synopsis="Open the example map and incomplete model of ADP-3D",
    )
