from __future__ import annotations

import struct

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.job.log import History
from adp3d.pipeline import plots
from adp3d.pipeline.plots import plot_confidence, plot_convergence, plot_displacement, plot_rmsd_completeness


def pixels(path):
    """Width, height and share of pixels that are not white."""
    from matplotlib.image import imread

    image = imread(path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert image.shape[:2] == (height, width)
    return width, height, float((image[..., :3].min(-1) < 0.98).mean())


def test_convergence(tmp_path):
    fit = {k: {r: 0.1 * k + r for r in range(3)} for k in range(5)}
    noise = {k: {0: 10.0 ** (2 - k)} for k in range(5)}
    history = History({"fit": fit, "noise": noise})
    curves = [("fit", "Fit"), ("noise", "Noise (\u00c5)"), ("absent", "x")]
    assert plot_convergence(history, tmp_path / "c.png", curves, chosen=1)
    assert pixels(tmp_path / "c.png")[2] > 0.01
    assert plot_convergence(history, tmp_path / "one.png", curves[:1])
    assert pixels(tmp_path / "one.png")[1] < pixels(tmp_path / "c.png")[1]
    assert not plot_convergence(history, tmp_path / "none.png", [("absent", "x")])
    assert not (tmp_path / "none.png").exists()


def test_rmsd_against_completeness(tmp_path):
    x = np.linspace(5, 100, 20)
    empty = np.array([])
    curves = {"input": (x[:10], x[:10] / 50), "result": (x, x / 80), "nothing": (empty, empty)}
    plot_rmsd_completeness(curves, tmp_path / "r.png")
    assert pixels(tmp_path / "r.png")[2] > 0.01


def test_confidence_shades_rebuilt_residues(tmp_path):
    labels = [("A", 5 + i, "") for i in range(30)] + [("B", i, "") for i in range(20)]
    confidence = np.linspace(10, 95, 50)
    confidence[3] = np.nan
    known = np.ones(50, bool)
    plot_confidence(confidence, known, tmp_path / "all.png", labels)
    known[10:25] = False
    plot_confidence(confidence, known, tmp_path / "part.png", labels)
    assert pixels(tmp_path / "part.png")[2] > pixels(tmp_path / "all.png")[2]
    plot_confidence(confidence[:30], known[:30], tmp_path / "chain.png")
    assert pixels(tmp_path / "chain.png")[1] < pixels(tmp_path / "all.png")[1]


def test_displacement_shades_domains_and_adds_fits(tmp_path):
    labels = [("A", 5 + i, "") for i in range(30)] + [("B", i, "") for i in range(20)]
    ways = np.linspace(0, 5, 50), np.linspace(0, 1, 50)
    ways[0][10:14] = ways[1][10:14] = np.nan
    none = np.full(50, -1)
    plot_displacement(ways, none, tmp_path / "plain.png", labels)
    plot_displacement(ways, np.repeat([0, 1], 25), tmp_path / "domains.png", labels)
    assert pixels(tmp_path / "domains.png")[2] > 2 * pixels(tmp_path / "plain.png")[2]
    plot_displacement(ways, none, tmp_path / "fits.png", labels, (np.full(50, 0.4), np.full(50, 0.7)))
    assert pixels(tmp_path / "fits.png")[1] > pixels(tmp_path / "plain.png")[1]
    with pytest.raises(ValueError, match="same length"):
        plot_displacement(ways, none[1:], tmp_path / "wrong.png", labels)
    assert not (tmp_path / "wrong.png").exists()


def test_many_chains_stay_readable(tmp_path):
    labels = [(str(i), 1, "") for i in range(40)]
    plot_confidence(np.full(40, 80.0), np.ones(40, bool), tmp_path / "c.png", labels)
    assert pixels(tmp_path / "c.png")[1] < 4000


def test_wrong_lengths_and_places(tmp_path):
    with pytest.raises(ValueError, match="same length"):
        plot_confidence(np.zeros(3), np.ones(4, bool), tmp_path / "c.png")
    with pytest.raises(InputError):
        plot_confidence(np.zeros(3), np.ones(3, bool), tmp_path / "no" / "c.png")


def test_the_first_twelve_chains_have_panels_with_their_own_residues():
    labels = [("A", 1, ""), ("B", 1, ""), ("A", 2, ""), ("", 1, "")]
    shown, part = plots._chains_shown(labels)
    assert [(chain, rows.tolist()) for chain, rows in shown] == [("A", [0, 2]), ("B", [1]), ("", [3])]
    assert part == ""
    shown, part = plots._chains_shown([(f"C{i}", 1, "") for i in range(14)])
    assert len(shown) == 12 and part == "; first 12 of 14 chains"
