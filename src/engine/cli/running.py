"""Running a job in the terminal: progress, Ctrl-C, summary."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from ..contract.folder_state import failed_start
from ..contract.validation_figures import labelled
from ..job.events import Control, Events, Stopped
from ..job.execute import execute
from ..job.folder import JobFolder
from .console import plain_console
from .session import Session
from .terminal import duration, terminal_events

__all__ = ["free_folder", "run_job", "show_summary", "stop_on_interrupt", "watch"]

_FIRST = {
    "completeness_before": "Completeness before",
    "completeness_after": "Completeness after",
    "map_cc_before": "Map-model correlation before",
    "map_cc_after": "Map-model correlation after",
    "ca_rmsd_known": "CA RMSD where known (\u00c5)",
    "ca_rmsd_missing": "CA RMSD where missing (\u00c5)",
}
"""Figures that lead the summary, and how they are called there."""
_ALL_ATOMS = labelled("clashscore", "ramachandran_favoured_percent", "rotamer_outliers_percent", "cc_mask", "q_score")
"""Figures of the validation of the result, which come next."""
_CALLED = {
    "ca_rmsd_all": "CA RMSD of all (\u00c5)",
    "ca_rmsd_start": "CA RMSD of the starting model (\u00c5)",
    "ca_lddt": "lDDT of CA atoms",
    "tm_score": "TM-score",
    "resolution": "Resolution (\u00c5)",
    "b_factor": "B-factor that the map shows (\u00c5\u00b2)",
    "density_weight": "Weight of the map",
    "mean_confidence": "Mean confidence (0 to 100)",
}
"""Others whose names do not say enough."""


def run_job(session: Session, job: JobFolder) -> None:
    """Run a job with a progress bar and show its summary.

    Raises
    ------
    typer.Exit
        With code 130 if the user stopped it.
    InputError
        If the input cannot be used.
    """
    metrics = watch(lambda events, control: execute(job, events, control, session.load), job.path)
    show_summary(metrics, job.outputs())


def watch(compute: Callable[[Events, Control], Mapping[str, Any]], folder: Path) -> Mapping[str, Any]:
    """Compute under a progress bar; the first Ctrl-C stops cleanly, the second one at once."""
    console = plain_console(stderr=True)
    control = Control()
    try:
        with stop_on_interrupt(control), terminal_events(console) as events:
            return compute(events, control)
    except Stopped:
        console.print(Text(f"Stopped. Go on with:  adp3d resume {_quoted(folder)}"), soft_wrap=True)
    except KeyboardInterrupt:
        console.print(
            Text(f"Aborted. Go on from the last checkpoint with:  adp3d resume {_quoted(folder)}"),
            soft_wrap=True,
        )
    raise typer.Exit(130)


@contextmanager
def stop_on_interrupt(control: Control) -> Iterator[None]:
    """Let the first Ctrl-C (or termination signal) ask the job to stop; the second one interrupts.

    Outside the main thread, where Python takes no signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if control.stop_requested:
            raise KeyboardInterrupt
        control.stop()
        # Not through the console: this may run in the middle of its drawing.
        os.write(2, b"\nStopping after this step (press Ctrl-C again to abort at once) ...\n")

    signals = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show_summary(metrics: Mapping[str, Any], outputs: Mapping[str, Path]) -> None:
    """Print the figures and files of a finished job on standard output."""
    console = plain_console()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    validation = metrics.get("validation")
    after = validation.get("after") if isinstance(validation, Mapping) else None
    judged = {title: after.get(name) for name, title in _ALL_ATOMS.items()} if isinstance(after, Mapping) else {}
    rest = {
        _CALLED.get(name) or name.replace("_bytes", "").replace("_", " ").capitalize(): (name, value)
        for name, value in metrics.items()
        if name not in _FIRST
    }
    rows = {title: (name, metrics[name]) for name, title in _FIRST.items() if name in metrics}
    rows |= {title: ("", value) for title, value in judged.items()} | rest
    for title, (name, each) in rows.items():
        value = _value(name, each)
        if value is not None:
            table.add_row(Text(title), value)
    console.print(table)
    for role, path in outputs.items():
        if role in ("result", "metrics", "trajectory"):
            console.print(Text(f"{role.capitalize() + ':':12}{path}"), soft_wrap=True)


def free_folder(stem: str, *, overwrite: bool = False) -> str:
    """Folder of that name in the working directory, numbered if it is taken and not to be replaced.

    What a job left that failed at its start does not count.
    """
    number, name = 1, stem
    while not overwrite and os.path.lexists(name) and not failed_start(name):
        number += 1
        name = f"{stem}_{number}"
    return name


def _value(name: str, value: object) -> Text | None:
    if isinstance(value, bool | str):
        return Text(str(value))
    if not isinstance(value, int | float):
        return None
    if name.endswith("_bytes"):
        return Text(f"{value / 1e9:.2f} GB")
    if name == "seconds":
        return Text(duration(value))
    if name.startswith("completeness"):
        return Text(f"{value:.1f} %")
    return Text(f"{value:,}" if isinstance(value, int) else f"{value:.4g}")


def _quoted(folder: Path) -> str:
    text = str(folder)
    return f'"{text}"' if " " in text else text
