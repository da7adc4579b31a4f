"""The bundled example: a real cryo-EM map and its model made incomplete (see README.md beside this file)."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ...contract.specification import RefineSpec
from ...job.events import Control, Events
from ...job.execute import execute
from ...job.folder import JobFolder

__all__ = ["RESOLUTION", "run_demo"]

RESOLUTION = 1.75
"""Of EMD-20026, in angstrom."""


def run_demo(
    output: Path, replicas: int, steps: int, seed: int, device: str, events: Events, control: Control
) -> dict[str, Any]:
    """Refine the bundled example in a new job folder and return its metrics.

    Parameters
    ----------
    output : Path
        Job folder to make.
    replicas, steps, seed, device
        As in `RefineSpec`.
    events : Events
    control : Control

    Raises
    ------
    InputError
        If the folder cannot be used or memory does not suffice.
    """
    data = files(__name__)
    with ExitStack() as stack:
        volume, model, reference = (
            str(stack.enter_context(as_file(data / file)))
            for file in (
                "emd_20026_protomer.map.gz",
                "emd_20026_incomplete.cif.gz",
                "emd_20026_deposited.cif.gz",
            )
        )
        spec = RefineSpec(
            output=str(output),
            map=volume,
            model=model,
            reference=reference,
            resolution=RESOLUTION,
            replicas=replicas,
            steps=steps,
            seed=seed,
            device=device,
            unseen="build",  # the map shows all of it: what few steps do not build well is to be seen
        )
        job = JobFolder.create(spec)
    return execute(job, events, control)
