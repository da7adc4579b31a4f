"""Options and set-up that the benchmark commands share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from adp3d.contract.errors import InputError
from adp3d.job.runtime import tune_process

__all__ = ["begin", "benchmark_parser", "positive", "run_command"]


def positive(text: str) -> int:
    """Whole number above zero, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not above zero")
    return value


def benchmark_parser(
    name: str, description: str | None, *, steps: int, replicas: int = 8, proteins: int | None = None
) -> argparse.ArgumentParser:
    """Parser with the options of all benchmarks; ``--proteins`` only where there is a default for it."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with structures/, maps/ and targets/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / name)
    parser.add_argument("--replicas", type=positive, default=replicas)
    parser.add_argument("--steps", type=positive, default=steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    if proteins is not None:
        parser.add_argument("--proteins", type=positive, default=proteins, help="how many of the list, in its order")
    return parser


def begin(options: argparse.Namespace) -> None:
    """Tune the process, set its threads and make the output folder."""
    # the pipelines take their threads from here, and so do subprocesses
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    tune_process()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)


def run_command(main: Callable[[], None]) -> None:
    """Run a benchmark; unusable input ends it with one sentence and exit code 2."""
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
