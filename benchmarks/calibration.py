"""Whether confidences mean what they say: how many residues of a given confidence are right.

Usage: ``python benchmarks/calibration.py --jobs OUT/jobs.csv [--out FOLDER] [--fit]``, with the table that
``gaps.py`` leaves. ``--fit`` prints the constants of `adp3d.ensemble.confidence.calibrated_confidence` that suit
these jobs best; those of the package are fitted to jobs of validation chains (``gaps.py --split val``). Writes
``calibration.csv`` (ten bins with equally many of the residues that were missing, for each resolution) and
``calibration.png``, and prints one number for each resolution: the expected calibration error, the mean over residues
of how far the confidence of their bin is from the share of it that lies within 2 A of its place.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from command import run_command
from gaps import TEXT
from numpy.typing import NDArray
from report import Row, Table, write_table
from scipy.optimize import minimize

from adp3d.contract.errors import InputError
from adp3d.ensemble.confidence import RIGHT, calibration_features, uncalibrated_confidence

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BINS = 10
EVIDENCE = 0.1
"""Of the residues that count as independent in a fit: right and wrong ones lie in stretches of about ten."""
SHRINKAGE = (0.2, 2.0, 0.2)
"""Inverse variances of the constants about (0, 1, 0), which would leave confidences as they are."""


def calibration_of(confidence: NDArray[np.float64], error: NDArray[np.float64]) -> list[Row]:
    """Bins of residues in the order of their confidence, with what was stated and what came out.

    Parameters
    ----------
    confidence : ndarray, shape (N,)
        0 to 100.
    error : ndarray, shape (N,)
        Distance of CA from its place in angstrom.
    """
    order = np.argsort(confidence, kind="stable")
    return [
        {
            "residues": len(rows),
            "lowest": float(confidence[rows].min()),
            "highest": float(confidence[rows].max()),
            "confidence": float(confidence[rows].mean()),
            "percent_within_1": 100.0 * float((error[rows] < 1.0).mean()),
            "percent_within_2": 100.0 * float((error[rows] < RIGHT).mean()),
            "median_error": float(np.median(error[rows])),
        }
        for rows in np.array_split(order, min(BINS, len(order)))
    ]


def calibration_error(bins: list[Row]) -> float:
    """Mean over residues of the distance of stated from observed percentages."""
    weight = np.array([row["residues"] for row in bins], np.float64)
    off = np.array([abs(float(str(row["confidence"])) - float(str(row["percent_within_2"]))) for row in bins])
    return float((weight * off).sum() / weight.sum())


def fitted(stated: NDArray[np.float64], level: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Constants (3,) of a calibration.

    Parameters
    ----------
    stated : ndarray, shape (N,)
        Confidences before any calibration.
    level : ndarray, shape (N,)
        Resolutions in angstrom.
    right : ndarray of bool, shape (N,)
    """
    features = calibration_features(stated, level)

    def loss(constants: NDArray[np.float64]) -> float:
        odds = features @ constants
        shrunk = 0.5 * np.square(constants - [0.0, 1.0, 0.0]) @ np.array(SHRINKAGE)
        return float(EVIDENCE * (np.logaddexp(0.0, odds) - right * odds).sum() + shrunk)

    return np.asarray(minimize(loss, np.array([0.0, 1.0, 0.0])).x)


def draw(path: Path, found: dict[float, list[Row]]) -> None:
    """Observed against stated."""
    figure, axes = plt.subplots(figsize=(4.4, 4.2), layout="constrained")
    axes.plot([0, 100], [0, 100], color="C7", linewidth=0.8)
    for resolution, bins in found.items():
        label = f"{resolution:g} Å, {calibration_error(bins):.1f} % off"
        axes.plot([r["confidence"] for r in bins], [r["percent_within_2"] for r in bins], "o-", label=label)
    axes.set(xlabel="confidence, mean of each tenth", ylabel="residues within 2 Å (%)", xlim=(40, 101), ylim=(40, 101))
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Read the jobs, write table and picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--jobs", type=Path, required=True, help="jobs.csv of gaps.py")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "calibration")
    parser.add_argument("--fit", action="store_true", help="print constants of the calibration for these jobs")
    options = parser.parse_args()
    table = Table(options.jobs)
    table.restore(("protein", "variant", *TEXT))
    if not table.rows:
        raise InputError(f"{options.jobs} has no jobs: run gaps.py first.")
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[float, list[Row]] = {}
    stated, level, right = [], [], []
    for resolution in sorted({float(str(row["resolution"])) for row in table.rows}):
        own = [row for row in table.rows if row["resolution"] == resolution]
        confidence, error = (
            np.concatenate([np.array(str(row[name]).split(), np.float64) for row in own])
            for name in ("confidences", "errors")
        )
        stated.append(uncalibrated_confidence(confidence, resolution))
        level.append(np.full(len(error), resolution))
        right.append(error < RIGHT)
        found[resolution] = calibration_of(confidence, error)
        off = calibration_error(found[resolution])
        print(f"{resolution:g} A: {len(error)} residues, calibration error {off:.1f} %")
    if options.fit:
        constants = fitted(*(np.concatenate(part) for part in (stated, level, right)))
        print("constants: " + ", ".join(f"{value:.3f}" for value in constants))
    write_table(
        options.out / "calibration.csv",
        [{"resolution": resolution, **row} for resolution, bins in found.items() for row in bins],
    )
    draw(options.out / "calibration.png", found)


if __name__ == "__main__":
    run_command(main)
