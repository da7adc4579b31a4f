"""Pictures of a job: convergence, RMSD against completeness, confidence and what moved along the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..job.log import History
from ..job.storage import replace_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "new_figure",
    "plot_confidence",
    "plot_convergence",
    "plot_displacement",
    "plot_rmsd_completeness",
    "save_figure",
    "tidy_axes",
]

_GREY, _BLUE, _ORANGE, _SHADE = "#8a8f98", "#1f5fa8", "#d9761b", "#fbe6cf"
_CONFIDENCE_BANDS = ((90, 101, "#1f5fa8"), (70, 90, "#5bb0d6"), (50, 70, "#f0c419"), (0, 50, "#e0662b"))
"""Lower bound, upper bound and colour; the bands that users know from predicted models."""

_DOMAINS = ("#dbe7f3", "#fbe6cf", "#dcefdc", "#ece0f3", "#f3e9c6", "#e3e5e8")
"""Shades behind the residues of each domain, in turn."""

_MAX_PANELS = 12


def plot_convergence(
    history: History,
    path: Path,
    curves: Sequence[tuple[str, str]],
    chosen: int | None = None,
) -> bool:
    """Draw metrics by step, one panel each and one line for each replica.

    Parameters
    ----------
    history : History
        From `adp3d.job.log.read_history`.
    path : Path
        PNG file to write.
    curves : sequence of (metric, axis label)
        What to draw; metrics that the history lacks are left out. Labels carry the units.
    chosen : int, optional
        Replica to draw in colour.

    Returns
    -------
    bool
        False if the history has none of the metrics; nothing is written then.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    """
    present = [(name, label) for name, label in curves if history.series.get(name)]
    if not present:
        return False
    figure = new_figure(7.0, 0.7 + 2.3 * len(present))
    panels = figure.subplots(len(present), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, unit_label) in zip(panels, present, strict=True):
        steps, values = history.curves(name)
        for replica, curve in enumerate(values):
            if replica != chosen:
                axes.plot(steps, curve, color=_GREY, linewidth=0.9, alpha=0.75)
        if chosen is not None and chosen < len(values):
            label = f"replica {chosen + 1} (chosen)"
            axes.plot(steps, values[chosen], color=_BLUE, linewidth=1.8, label=label)
            axes.legend(frameon=False, fontsize=8)
        finite = values[np.isfinite(values)]
        if finite.size and finite.min() > 0 and finite.max() > 50 * finite.min():
            axes.set_yscale("log")
        axes.set_ylabel(unit_label)
        tidy_axes(axes)
    panels[0].set_title(f"Convergence of {len(history.curves(present[0][0])[1])} replicas", loc="left")
    panels[-1].set_xlabel("Denoising step")
    save_figure(figure, path)
    return True


def plot_rmsd_completeness(
    curves: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]],
    path: Path,
) -> None:
    """Draw the RMSD of the best-fitting residues against the part of the sequence that they make up.

    Parameters
    ----------
    curves : mapping of str to (completeness, rmsd)
        By name, in order of drawing (input first, result last): completeness in percent of the
        sequence, increasing, and the CA RMSD in angstrom of that part to the reference.
    path : Path
        PNG file to write.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    """
    figure = new_figure(5.6, 4.0)
    axes = figure.subplots()
    colours = [_GREY, _BLUE, _ORANGE, "#4a8f3c", "#7a4fa3"]
    for number, (name, (completeness, rmsd)) in enumerate(curves.items()):
        colour = colours[number % len(colours)]
        axes.plot(completeness, rmsd, color=colour, linewidth=1.8, label=name)
        if len(completeness):
            axes.plot(completeness[-1], rmsd[-1], "o", color=colour, markersize=5)
    axes.set_xlim(0, 101)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Completeness (% of the sequence)")
    axes.set_ylabel("CA RMSD to the reference (\u00c5)")
    axes.set_title("Accuracy against completeness", loc="left")
    axes.legend(frameon=False)
    tidy_axes(axes)
    save_figure(figure, path)


def plot_confidence(
    confidence: NDArray[np.floating],
    known: NDArray[np.bool_],
    path: Path,
    labels: Sequence[tuple[str, int, str]] | None = None,
) -> None:
    """Draw the confidence of each residue, one panel for each chain (at most 12), rebuilt parts shaded.

    Parameters
    ----------
    confidence : ndarray, shape (N,)
        0 to 100; NaN is left blank.
    known : ndarray of bool, shape (N,)
        True where the starting model had the residue.
    path : Path
        PNG file to write.
    labels : sequence of (chain, number, insertion code), optional
        Names of the N residues; by default one chain numbered from 1.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    ValueError
        If lengths disagree.
    """
    n = len(confidence)
    labels = labels if labels is not None else [("", i + 1, "") for i in range(n)]
    if known.shape != (n,) or len(labels) != n or n == 0:
        raise ValueError("confidence, known and labels must have the same length, at least one")
    shown, part = _chains_shown(labels)
    figure = new_figure(8.0, 0.9 + 1.9 * len(shown))
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, (chain, members) in zip(panels, shown, strict=True):
        _confidence_panel(axes, confidence[members], known[members], [labels[i][1] for i in members])
        axes.set_ylabel(f"Chain {chain}\nconfidence" if chain else "Confidence")
    panels[-1].set_xlabel("Residue number")
    mean = float(np.nanmean(confidence)) if np.isfinite(confidence).any() else float("nan")
    panels[0].set_title(f"Confidence by residue (mean {mean:.0f}); shaded: rebuilt{part}", loc="left")
    save_figure(figure, path)


def plot_displacement(
    ways: tuple[NDArray[np.floating], NDArray[np.floating]],
    domain: NDArray[np.integer],
    path: Path,
    labels: Sequence[tuple[str, int, str]],
    fits: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
) -> None:
    """Draw how far each residue moved, one panel for each chain (at most 12), domains shaded.

    Parameters
    ----------
    ways : pair of ndarray, shape (N,)
        Way of each residue, and what is left of it after the motion of its domain, in angstrom; NaN is left blank.
    domain : ndarray of int, shape (N,)
        Domain of each residue; -1 for none.
    path : Path
        PNG file to write.
    labels : sequence of (chain, number, insertion code)
        Names of the N residues.
    fits : pair of ndarray, shape (N,), optional
        Local correlation with the map before and after, drawn below each chain.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    ValueError
        If lengths disagree.
    """
    n = len(labels)
    if n == 0 or any(len(values) != n for values in (*ways, domain, *(fits or ()))):
        raise ValueError("displacements, domains, fits and labels must have the same length, at least one")
    shown, part = _chains_shown(labels)
    rows = 1 if fits is None else 2
    figure = new_figure(8.0, 0.9 + (1.9 + 1.2 * (rows - 1)) * len(shown))
    panels = figure.subplots(rows * len(shown), 1, squeeze=False, height_ratios=[1.9, 1.2][:rows] * len(shown))[:, 0]
    for number, (chain, members) in enumerate(shown):
        numbers = [labels[i][1] for i in members]
        axes = panels[rows * number]
        _shade_domains(axes, domain[members])
        axes.plot(ways[0][members], color=_BLUE, linewidth=1.4, label="moved")
        axes.plot(ways[1][members], color=_ORANGE, linewidth=1.1, label="without the motion of its domain")
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"Chain {chain}\nCA moved by (\u00c5)" if chain else "CA moved by (\u00c5)")
        _along_chain(axes, numbers)
        if fits is not None:
            axes = panels[rows * number + 1]
            axes.plot(fits[0][members], color=_GREY, linewidth=1.1, label="start")
            axes.plot(fits[1][members], color=_BLUE, linewidth=1.4, label="result")
            axes.set_ylabel("Fit to the map")
            _along_chain(axes, numbers)
            if number == 0:
                axes.legend(frameon=False, fontsize=8, ncols=2)
    panels[0].legend(frameon=False, fontsize=8, ncols=2)
    panels[-1].set_xlabel("Residue number")
    panels[0].set_title(f"What moved; domains shaded{part}", loc="left")
    save_figure(figure, path)


def _chains_shown(labels: Sequence[tuple[str, int, str]]) -> tuple[list[tuple[str, NDArray[np.int64]]], str]:
    """Chains that get a panel with the rows of their residues, and what the title says where there are more."""
    chains = list(dict.fromkeys(label[0] for label in labels))
    names = np.array([label[0] for label in labels])
    shown = [(chain, np.flatnonzero(names == chain)) for chain in chains[:_MAX_PANELS]]
    part = "" if len(shown) == len(chains) else f"; first {len(shown)} of {len(chains)} chains"
    return shown, part


def _shade_domains(axes: Axes, domain: NDArray[np.integer]) -> None:
    for number in np.unique(domain[domain >= 0]).tolist():
        for start, stop in _runs(domain == number):
            colour = _DOMAINS[number % len(_DOMAINS)]
            axes.axvspan(start - 0.5, stop - 0.5, color=colour, linewidth=0, zorder=0)


def _confidence_panel(
    axes: Axes, confidence: NDArray[np.floating], known: NDArray[np.bool_], numbers: Sequence[int]
) -> None:
    # Drawn by position: author numbers may jump or repeat (insertion codes) and only label the axis.
    positions = np.arange(len(confidence))
    for start, stop in _runs(~known):
        axes.axvspan(start - 0.5, stop - 0.5, color=_SHADE, linewidth=0, zorder=0)
    for low, high, colour in _CONFIDENCE_BANDS:
        inside = (confidence >= low) & (confidence < high)
        axes.bar(positions[inside], confidence[inside], width=1.0, color=colour, linewidth=0, zorder=2)
    axes.set_ylim(0, 108)
    axes.set_yticks([0, 50, 70, 90])
    _along_chain(axes, numbers)


def _along_chain(axes: Axes, numbers: Sequence[int]) -> None:
    axes.set_xlim(-0.5, len(numbers) - 0.5)
    ticks = np.unique(np.linspace(0, len(numbers) - 1, min(9, len(numbers))).round().astype(int))
    axes.set_xticks(ticks, [str(numbers[i]) for i in ticks])
    tidy_axes(axes)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges of consecutive true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def new_figure(width: float, height: float) -> Figure:
    """An empty picture, in inches."""
    # Figure without pyplot: no window system, no global state, safe in the worker's thread.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def tidy_axes(axes: Axes) -> None:
    """The style of all pictures: light lines to read values by, no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e5e8", linewidth=0.7, zorder=-1)
    axes.set_axisbelow(True)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG file, replacing ``path`` once it is whole."""
    with replace_atomically(path) as temporary:
        figure.savefig(temporary, format="png", facecolor="white")
