"""The Ramachandran plot: torsions of open models, points that are clicked, and energies beside other figures."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest


def _handover_fixtures():
    path = Path(__file__).resolve().parents[1] / "handover" / "conftest.py"
    spec = importlib.util.spec_from_file_location("adp3d_handover_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_model = _handover_fixtures().make_model


def test_torsions_are_those_of_another_definition(session, make_model):
    """Against dihedrals from normals of planes, by the arccosine; kinds by name and neighbour."""
    from chimerax.adp3d.handover.torsions import backbone_torsions

    model = make_model(missing=(8, 9), sequence="MALEKGLEKMALEKMALEKM")
    for number, name in ((13, "PRO"), (16, "PRO"), (17, "PRO")):
        model.find_residue("A", number).name = name
    rng = np.random.default_rng(2)
    for atom in model.atoms:
        atom.coord = np.asarray(atom.coord) + rng.normal(0.0, 0.05, 3)
    addresses = [("A", number, "") for number in range(1, 21)]
    found = backbone_torsions(model, addresses)

    def place(number, name):
        return np.asarray(model.find_residue("A", number).find_atom(name).coord)

    def angle(*points):
        a, b, c = (points[i + 1] - points[i] for i in range(3))
        one, two = np.cross(a, b), np.cross(b, c)
        cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
        return np.degrees(np.arccos(cosine)) * np.sign(a @ two)

    for number in (2, 3, 6, 12, 19):
        phi = angle(place(number - 1, "C"), *(place(number, name) for name in ("N", "CA", "C")))
        psi = angle(*(place(number, name) for name in ("N", "CA", "C")), place(number + 1, "N"))
        assert found.phi[number - 1] == pytest.approx(phi, abs=1e-6)
        assert found.psi[number - 1] == pytest.approx(psi, abs=1e-6)
    assert np.flatnonzero(np.isnan(found.phi)).tolist() == [0, 7, 8, 9], "ends of the chain and what is missing"
    assert np.flatnonzero(np.isnan(found.psi)).tolist() == [6, 7, 8, 19]
    kinds = {number: int(found.kinds[number - 1]) for number in (3, 6, 12, 13, 15, 16, 17)}
    assert kinds == {3: 0, 6: 1, 12: 3, 13: 2, 15: 3, 16: 2, 17: 2}


def test_points_are_named_counted_and_found(area):
    from chimerax.adp3d.handover.torsions import Torsions
    from chimerax.adp3d.panel.ramachandran_plot import RamachandranPlot

    rows = []
    plot = RamachandranPlot(rows.append, area)
    plot.resize(300, 300)
    plot.grab()
    phi = np.array([-63.0, 75.0, 75.0, np.nan, -120.0])
    psi = np.array([-42.0, -150.0, -150.0, 120.0, 130.0])
    names = [f"A {n}" for n in range(1, 6)]
    plot.show_torsions(Torsions(phi, psi, np.array([0, 0, 1, 0, 0])), names)
    assert plot.counts() == {"outlier": 1, "allowed": 0, "favoured": 3}, "what is none for glycine is one for others"
    whole = plot.caption(10_000)
    assert whole.startswith("1 outlier, 0 allowed, 3 favoured; regions: ")
    for width in (340, 200, 60):
        said = plot.caption(width)
        assert said.startswith("1 outlier") and plot.fontMetrics().horizontalAdvance(said) <= width
    assert plot.item_at(plot.place(0)) == 0 and plot.item_at(plot.place(4)) == 4
    frame = plot._frame()
    assert plot.item_at(frame.topLeft()) is None
    line = plot.fontMetrics().height()
    assert frame.top() - line / 2 > line + 2, "the label at the upper end of psi lies below the caption"
    assert frame.bottom() + 1 + line <= plot.height() and frame.width() == frame.height() > 200
    middle = plot.place(0) - frame.center()
    assert middle.x() == pytest.approx(-63.0 / 360.0 * frame.width()), "phi to the right"
    assert middle.y() == pytest.approx(42.0 / 360.0 * frame.height()), "psi upwards"
    assert plot.tip(1) == "A 2: outlier, \u03c6 75\u00b0, \u03c8 -150\u00b0 (general)"
    plain = plot.grab().toImage()
    plot.mark([2])
    glycine = plot.grab().toImage()
    assert glycine != plain, "a ring, and the regions of glycine"
    pixel = frame.center().toPoint()
    pixel.setX(int(frame.left() + (75 + 180) / 360 * frame.width()))
    pixel.setY(int(frame.bottom() - (25 + 180) / 360 * frame.height()))
    assert glycine.pixelColor(pixel) != plot.palette().base().color()


def test_contours_and_points_agree(area):
    """A point is favoured where the ground says so: at points of the table, at random."""
    from chimerax.adp3d.engine.contract.ramachandran import FAVOURED, classify, load_contours
    from chimerax.adp3d.panel.ramachandran_plot import _OPACITY, RamachandranPlot

    plot = RamachandranPlot(lambda _: None, area)
    rng = np.random.default_rng(1)
    grid = load_contours().log_density.shape[1]
    for kind in range(4):
        plot._kind = kind
        image = plot._regions()
        i, j = rng.integers(0, grid, (2, 40))
        inside = classify(-180.0 + 360.0 * i / grid, -180.0 + 360.0 * j / grid, np.full(40, kind)) == FAVOURED
        drawn = [image.pixelColor(int(a), int(grid - 1 - b)).alpha() for a, b in zip(i, j, strict=True)]
        assert [alpha == _OPACITY[max(_OPACITY)] for alpha in drawn] == inside.tolist()


def test_figures_torsions_and_energies_share_a_chooser(session, area, make_model):
    from chimerax.adp3d.handover.attributes import ENERGY_ATTRIBUTE, register_attributes
    from chimerax.adp3d.handover.residue_values import ResidueValues
    from chimerax.adp3d.panel.figure_stack import FigureStack
    from Qt.QtWidgets import QComboBox

    model = make_model(missing=())
    addresses = tuple(("A", number, "") for number in range(1, 21))
    values = ResidueValues(addresses, {"confidence": np.linspace(50, 90, 20)})
    chooser, rows = QComboBox(area), []
    stack = FigureStack(chooser, rows.append, area)
    chooser.currentIndexChanged.connect(lambda _: stack.show_chosen())

    def offered():
        return [chooser.itemText(i) for i in range(chooser.count())]

    stack.show_figures(values, [(3, 5)], None)
    assert offered() == ["Confidence"] and stack.currentWidget() is stack.line
    stack.show_figures(values, [(3, 5)], model)
    assert offered() == ["Confidence", "Ramachandran"]
    chooser.setCurrentText("Ramachandran")
    assert stack.currentWidget() is stack.ramachandran
    assert stack.ramachandran.counts()["favoured"] == 18, "a helix, without its ends"
    assert stack.minimumSizeHint().height() > stack.line.minimumSizeHint().height()
    stack.mark(0)
    assert stack.ramachandran._marked == {3, 4, 5}
    register_attributes(session)
    for number in (1, 2):
        setattr(model.find_residue("A", number), ENERGY_ATTRIBUTE, float(number))
    stack.show_figures(values, [(3, 5)], model)
    assert offered() == ["Confidence", "Energy (nats)", "Ramachandran"] and chooser.currentText() == "Ramachandran"
    chooser.setCurrentText("Energy (nats)")
    assert stack.line._values[:2].tolist() == [1.0, 2.0] and np.isnan(stack.line._values[2:]).all()
    stack.show_figures(ResidueValues((), {}), [], None)
    assert offered() == []


def test_a_click_takes_little_time(area):
    """1,000 residues."""
    from chimerax.adp3d.handover.torsions import Torsions
    from chimerax.adp3d.panel.ramachandran_plot import RamachandranPlot

    rng = np.random.default_rng(0)
    plot = RamachandranPlot(lambda _: None, area)
    plot.resize(340, 260)
    torsions = Torsions(*rng.uniform(-180, 180, (2, 1000)), np.zeros(1000, np.int64))
    plot.show_torsions(torsions, [f"A {n}" for n in range(1000)])
    plot.grab()
    took = []
    for number in range(30):
        start = time.process_time()
        plot.mark([number])
        plot.grab()
        took.append(time.process_time() - start)
    print(f"Ramachandran plot: {1000 * float(np.median(took)):.1f} ms for each click")
    assert min(took) < 0.02
