"""What the user sees while a job runs: a progress bar, or plain lines where output is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from ..contract.wording import in_flags
from ..job.events import Eta, Events, NullEvents
from .console import plain_console

__all__ = ["BarEvents", "LineEvents", "duration", "say_error", "terminal_events"]


def say_error(text: str) -> None:
    """One red sentence on standard error."""
    console = plain_console(stderr=True)
    console.print(Text.assemble(("Error: ", "bold red"), (text, "red")), soft_wrap=True)


@contextmanager
def terminal_events(console: Console) -> Iterator[Events]:
    """Give a listener that shows a running job on ``console``."""
    if not console.is_terminal:
        yield LineEvents(lambda line: console.print(Text(line), soft_wrap=True))
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[figures]}", style="cyan", markup=False),
    )
    with Progress(*columns, console=console, expand=False) as bar:
        yield BarEvents(bar)


class BarEvents(NullEvents):
    """Listener that draws a bar for each stage, with step, time left and fit, and one for all, in per cent."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._eta, self._job_eta = Eta(), Eta()
        self._whole: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Move the bar of this stage."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total, left="", figures="")
        left = self._eta.update(stage, step, total)
        self._bar.update(
            self._tasks[stage],
            completed=step,
            total=total,
            left="" if left is None or step >= total else f"{duration(left)} left",
            figures=_figures(metrics),
        )

    def overall(self, done: int, total: int) -> None:
        """Move the bar of the whole job, which stands above the others."""
        if self._whole is None:
            self._whole = self._bar.add_task("whole job", total=100, left="", figures="")
        left = self._job_eta.update("", done, total)
        self._bar.update(
            self._whole,
            completed=100 * done / max(total, 1),
            left="" if left is None or done >= total else f"{duration(left)} left",
        )

    def message(self, text: str, level: str = "info") -> None:
        """Print above the bars."""
        self._bar.console.print(Text(in_flags(text), style="yellow" if level == "warning" else ""), soft_wrap=True)


class LineEvents(NullEvents):
    """Listener that prints a line now and then: the start and end of a stage, and every ten seconds."""

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        interval: float = 10.0,
    ) -> None:
        self._write = write
        self._clock = clock
        self._interval = interval
        self._eta, self._job_eta = Eta(clock), Eta(clock)
        self._job: tuple[int, int] | None = None
        self._job_left: float | None = None
        self._last: tuple[str, float] | None = None

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Print if it is time to."""
        left = self._eta.update(stage, step, total)
        now = self._clock()
        same = self._last is not None and self._last[0] == stage
        if same and step < total and self._last is not None and now - self._last[1] < self._interval:
            return
        self._last = stage, now
        parts = [f"{stage}: {step}/{total}", _figures(metrics)]
        if self._job is not None:
            (step, total), left = self._job, self._job_left
            parts.append(f"{100 * step / total:.0f} % of the job")
        parts.append("" if left is None or step >= total else f"{duration(left)} left")
        self._write(", ".join(part for part in parts if part))

    def overall(self, done: int, total: int) -> None:
        """Keep how far the job is for the next line."""
        self._job, self._job_left = (done, total), self._job_eta.update("", done, total)

    def message(self, text: str, level: str = "info") -> None:
        """Print the sentence."""
        self._write(in_flags(f"Warning: {text}" if level == "warning" else text))


def duration(seconds: float) -> str:
    """Duration in words: ``'42 s'``, ``'3 min 05 s'``, ``'2 h 10 min'``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _figures(metrics: Mapping[str, float] | None) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in (metrics or {}).items())
