"""Draw the CA trace of a finished job: ``python docs/make_pictures.py JOB PICTURE``.

The starting model is grey, what the job built has the colours of its confidence, and the reference, if the
job has one, is a thin line. Nothing but the job folder is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from adp3d.contract.errors import InputError
from adp3d.job.folder import JobFolder
from adp3d.placing.confidence_records import read_confidence
from adp3d.structure.read import read_structure

__all__ = ["Trace", "draw", "main", "read_trace"]

Label = tuple[str, int, str]
GREY, REFERENCE = "#b4b8bf", "#30343b"
BANDS = ((90.0, "#1f5fa8"), (70.0, "#5bb0d6"), (50.0, "#f0c419"), (0.0, "#e0662b"))
"""Lowest confidence and colour, as in ``confidence.png``."""

_FINE = 8
"""Pieces of the smooth curve between two CA atoms."""
_WIDTH = 8.0
"""Inches."""
_BONDED = 4.5
"""Angstrom between CA atoms beyond which the line is broken."""


@dataclass(frozen=True)
class Trace:
    """CA atoms of a model: names of the N residues, positions (N, 3) in angstrom, confidence (N,)."""

    labels: tuple[Label, ...]
    xyz: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def rows(self, labels: Sequence[Label]) -> NDArray[np.bool_]:
        """Mark the residues that are among ``labels``."""
        wanted = set(labels)
        return np.array([label in wanted for label in self.labels])


def read_trace(path: str | Path, stated: Mapping[Label, float] | None = None) -> Trace:
    """CA trace of the protein chains of a file, with the confidence that is stated of its residues, else 0.

    Raises
    ------
    InputError
        If the file cannot be read or has no CA atom.
    """
    labels: list[Label] = []
    xyz: list[list[float]] = []
    confidence: list[float] = []
    for chain in read_structure(path)[0]:
        for residue in chain:
            atom = residue.find_atom("CA", "*", gemmi.Element("C"))
            if atom is not None:
                labels.append((chain.name, residue.seqid.num, residue.seqid.icode.strip()))
                xyz.append(atom.pos.tolist())
                confidence.append((stated or {}).get(labels[-1], 0.0))
    if not labels:
        raise InputError(f"'{path}' has no CA atoms to draw.")
    return Trace(tuple(labels), np.array(xyz), np.array(confidence))


def draw(result: Trace, start: Trace, reference: Trace | None, path: Path) -> None:
    """Write the picture (PNG).

    Parameters
    ----------
    result, start : Trace
    reference : Trace or None
    path : Path
    """
    centre, axes = _view(result.xyz)
    known = result.rows(start.labels)
    lines: list[tuple[NDArray[np.float64], str, float, bool]] = []
    if reference is not None:
        lines += [(piece, REFERENCE, 0.8, False) for _, piece in _pieces(reference)]
    lines += [(piece, GREY, 3.4, True) for _, piece in _pieces(start)]
    for (i, j), piece in _pieces(result):
        if not (known[i] and known[j]):
            confidence = min(result.confidence[k] for k in (i, j) if not known[k])
            colour = next(colour for lowest, colour in BANDS if confidence >= lowest)
            lines.append((piece, colour, 4.2, True))
    seen = [((piece - centre) @ axes.T, colour, width, outlined) for piece, colour, width, outlined in lines]
    seen.sort(key=lambda line: float(line[0][:, 2].mean()))
    points = np.vstack([line[0] for line in seen])
    low, extent = points.min(0), np.ptp(points, axis=0)

    segments, colours, widths = [], [], []
    for piece, colour, width, outlined in seen:
        if outlined:  # a white rim lets lines in front cover those behind; shorter, to spare its neighbours
            segments.append(piece[2:-2, :2])
            colours.append("white")
            widths.append(width + 2.5)
        segments.append(piece[:, :2])
        colours.append(_faded(colour, float((piece[:, 2].mean() - low[2]) / max(extent[2], 1e-6))))
        widths.append(width)
    height = _WIDTH * (extent[1] + 4.0) / (extent[0] + 4.0)
    figure = Figure(figsize=(_WIDTH, height + 0.6), dpi=150, layout="constrained")
    panel = figure.subplots()
    panel.add_collection(LineCollection(segments, colors=colours, linewidths=widths, capstyle="round"))
    panel.set_xlim(low[0] - 2.0, low[0] + extent[0] + 2.0)
    panel.set_ylim(low[1] - 2.0, low[1] + extent[1] + 2.0)
    panel.set_aspect("equal")
    panel.set_axis_off()
    figure.legend(handles=_legend(reference is not None), frameon=False, loc="outside lower center", ncols=3)
    figure.savefig(path, format="png", facecolor="white")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: a finished job folder in, a picture out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("job", type=Path, help="folder of a finished job that started from a model")
    parser.add_argument("picture", type=Path, help="PNG file to write")
    options = parser.parse_args(arguments)
    try:
        job = JobFolder.open(options.job)
        model = getattr(job.spec, "model", None)
        if model is None or not job.finished:
            raise InputError(f"'{options.job}' is not a finished job that started from a model.")
        reference = None if job.spec.reference is None else read_trace(job.spec.reference)
        result = read_trace(job.result, read_confidence(job.result))
        draw(result, read_trace(model), reference, options.picture)
    except InputError as error:
        parser.error(str(error))


def _pieces(trace: Trace) -> Iterator[tuple[tuple[int, int], NDArray[np.float64]]]:
    """Smooth curve between each two bonded CA atoms: their rows, and points (`_FINE` + 1, 3)."""
    for run in _runs(trace):
        if len(run) < 2:
            continue
        curve = CubicSpline(np.arange(len(run)), trace.xyz[run])
        for k in range(len(run) - 1):
            yield (int(run[k]), int(run[k + 1])), curve(np.linspace(k, k + 1, _FINE + 1))


def _runs(trace: Trace) -> list[NDArray[np.int64]]:
    """Rows of uninterrupted stretches."""
    gaps = np.linalg.norm(np.diff(trace.xyz, axis=0), axis=-1) > _BONDED
    changes = [a[0] != b[0] for a, b in zip(trace.labels[:-1], trace.labels[1:], strict=True)]
    return np.split(np.arange(len(trace.labels)), np.flatnonzero(gaps | np.array(changes, dtype=bool)) + 1)


def _view(xyz: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre, and a rotation (3, 3) that puts the longest axis across and the shortest towards the viewer."""
    centre = xyz.mean(0)
    _, _, axes = np.linalg.svd(xyz - centre, full_matrices=False)
    axes = axes.copy()
    axes[2] *= np.sign(np.linalg.det(axes))
    return centre, axes


def _faded(colour: str, nearness: float) -> tuple[float, float, float]:
    """Colour mixed with white in the distance; ``nearness`` runs from 0 (far) to 1."""
    red, green, blue = (1.0 - (0.55 + 0.45 * nearness) * (1.0 - part) for part in to_rgb(colour))
    return red, green, blue


def _legend(has_reference: bool) -> list[Line2D]:
    names = ["above 90", "70 to 90", "50 to 70", "below 50"]
    handles = [Line2D([], [], color=GREY, linewidth=3.4, label="starting model")]
    handles += [
        Line2D([], [], color=colour, linewidth=4.2, label=f"built, confidence {name}")
        for name, (_, colour) in zip(names, BANDS, strict=True)
    ]
    if has_reference:
        handles.append(Line2D([], [], color=REFERENCE, linewidth=0.8, label="deposited model"))
    return handles


if __name__ == "__main__":
    main()
