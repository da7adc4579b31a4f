"""Plots of a job's residues, of which one is shown: figures along the chains, and the Ramachandran plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from Qt.QtCore import QSize
from Qt.QtWidgets import QComboBox, QStackedWidget, QWidget

from ..handover.attributes import ENERGY_ATTRIBUTE
from ..handover.residue_values import FIGURES, ResidueValues
from ..handover.torsions import backbone_torsions
from .ramachandran_plot import RamachandranPlot
from .residue_plot import ResiduePlot

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure

__all__ = ["FigureStack"]

_ENERGY, _RAMACHANDRAN = "Energy (nats)", "Ramachandran"


class FigureStack(QStackedWidget):
    """The plots, and what fills their chooser.

    Parameters
    ----------
    chooser : QComboBox
        Lists the plots.
    chosen : callable
        Called with the row of the residue that is clicked.
    parent : QWidget
    """

    def __init__(self, chooser: QComboBox, chosen: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chooser = chooser
        self.line = ResiduePlot(chosen, self)
        self.ramachandran = RamachandranPlot(chosen, self)
        self.addWidget(self.line)
        self.addWidget(self.ramachandran)
        self._values = ResidueValues((), {})
        self._stretches: Sequence[tuple[int, int]] = ()
        self._structure: AtomicStructure | None = None
        self._figures: dict[str, NDArray[np.float64]] = {}
        self._marked = -1

    def sizeHint(self) -> QSize:
        """That of the plot which is shown: a square needs more height than a line."""
        return self._shown().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Size below which the plot that is shown cannot be read."""
        return self._shown().minimumSizeHint()

    def _shown(self) -> ResiduePlot | RamachandranPlot:
        return self.ramachandran if self.currentWidget() is self.ramachandran else self.line

    def show_figures(
        self, values: ResidueValues, stretches: Sequence[tuple[int, int]], structure: AtomicStructure | None
    ) -> None:
        """Offer the figures that there are, and show that which was shown, else the first.

        Parameters
        ----------
        values : ResidueValues
        stretches : sequence of (int, int)
            First and last row of each stretch, in the order of the list.
        structure : AtomicStructure or None
            Model that shows the job: its torsions are plotted, and the energies that it was given.
        """
        self._values, self._stretches, self._structure = values, stretches, structure
        self._figures = {FIGURES[name]: figures for name, figures in values.figures.items()}
        energies = _energies(values, structure)
        if np.isfinite(energies).any():
            self._figures[_ENERGY] = energies
        names = [*self._figures, *([_RAMACHANDRAN] if structure is not None and values.addresses else [])]
        before = self._chooser.currentText()
        if names != [self._chooser.itemText(i) for i in range(self._chooser.count())]:
            self._chooser.blockSignals(True)
            self._chooser.clear()
            self._chooser.addItems(names)
            if before in names:
                self._chooser.setCurrentText(before)
            self._chooser.blockSignals(False)
        self.show_chosen()

    def show_chosen(self) -> None:
        """Show what the chooser says."""
        chosen = self._chooser.currentText()
        labels = [f"{chain} {number}{code}" for chain, number, code in self._values.addresses]
        structure = self._structure
        if chosen == _RAMACHANDRAN and structure is not None and not structure.deleted:
            self.ramachandran.show_torsions(backbone_torsions(structure, self._values.addresses), labels)
            self.setCurrentWidget(self.ramachandran)
        else:
            known = chosen in self._figures
            figure = self._figures[chosen] if known else np.zeros(0)
            self.line.show_values(figure, labels if known else (), self._stretches if known else ())
            self.setCurrentWidget(self.line)
        self.updateGeometry()
        self.mark(self._marked)

    def mark(self, stretch: int) -> None:
        """Mark one of the stretches; -1 for none."""
        self._marked = stretch
        self.line.mark(stretch)
        first, last = self._stretches[stretch] if 0 <= stretch < len(self._stretches) else (0, -1)
        self.ramachandran.mark(range(first, last + 1))


def _energies(values: ResidueValues, structure: AtomicStructure | None) -> NDArray[np.float64]:
    """What ``adp3d score`` has given the residues, (N,); NaN for those without."""
    found = np.full(len(values.addresses), np.nan)
    if structure is not None and not structure.deleted:
        for row, (chain, number, code) in enumerate(values.addresses):
            residue = structure.find_residue(chain, number, code or " ")
            energy = None if residue is None else getattr(residue, ENERGY_ATTRIBUTE, None)
            if energy is not None:
                found[row] = energy
    return found
