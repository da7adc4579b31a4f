"""The models that show one job: its best replica as a cartoon, the others as faint traces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..handover.colouring import UNKNOWN, ColourScale
from ..handover.record import Handover
from .backbone import build_backbone, colour_residues, move_backbone, residue_rows, rows_fit, set_bfactors
from .ghost import new_ghost
from .glide import Glide
from .pins import Pins
from .pull_arrow import PullArrow
from .traces import CA, faint_colour, move_trace, new_trace, trace_fits

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..jobs.job import Job
    from ..jobs.state import Layout

__all__ = ["MAX_TRACES", "JobView", "is_live", "shown_layout"]

MAX_TRACES = 15
"""Most replicas shown as traces; more of them would hide the map."""

_ATTRIBUTE = "adp3d_live_of"
"""Attribute of the best replica's model: the folder of its job. Sessions keep it."""


class JobView:
    """Models of one job under one parent: #n.1 the best replica, #n.2... the other replicas.

    All of them can be closed, changed or cut by the user at any time; what is left goes on moving.

    Parameters
    ----------
    n_residues : int
        Residues N of the job.
    group : Model
        Parent of the others.
    best : AtomicStructure
    traces : list of Model
        The other replicas, in the order of their numbers without the best.

    Attributes
    ----------
    serial : int
        Number of the frame that is shown, or will be when they have got there.
    glide : Glide
        How they get there.
    replica : int
        Replica that is shown as the best one.
    ghost : Model or None
        Line where the starting model was.
    confidence : ndarray or None
        Final confidence (N,) of a finished job.
    """

    def __init__(self, n_residues: int, group: Model, best: AtomicStructure, traces: list[Model]) -> None:
        self.group = group
        self.best = best
        self.traces = traces
        self.serial = -1
        self.glide = Glide()
        self._pins = Pins()
        self._arrow = PullArrow()
        self.replica = 0
        self.ghost: Model | None = None
        self.confidence: NDArray[np.floating] | None = None
        self._n_residues = n_residues
        self._ca: NDArray[np.floating] = _ca_atoms(best, n_residues)
        self._shown = {i for i, trace in enumerate(traces) if not trace.deleted and trace.display}

    @classmethod
    def open(cls, session: Session, job: Job) -> JobView:
        """Open the models of a job that has a layout."""
        from chimerax.core.models import Model
        from chimerax.geometry import Place

        layout = shown_layout(job)
        best = build_backbone(session, layout, "best replica")
        n_traces = min(job.prepared.replicas - 1, MAX_TRACES)
        colour = faint_colour(session.main_view.background_color)
        traces = [new_trace(session, layout, f"other replica {i + 1}", colour) for i in range(n_traces)]
        for model in (best, *traces):
            model.position = job.prepared.frame_to_scene or Place()
        _show_as_cartoon(best)
        for trace in traces:
            trace.display = False  # until there are coordinates for it
        _mark(session, best, job)
        ghost = new_ghost(session, layout, colour)
        beside = [] if ghost is None else [ghost]
        for model in beside:
            model.position = best.position
        group = Model(f"ADP-3D job {job.id}", session)
        group.add([best, *traces, *beside])
        view = cls(layout.n_residues, group, best, traces)
        view.ghost = ghost
        view.find_secondary_structure()
        session.models.add([group])
        return view

    @classmethod
    def adopt(cls, job: Job, group: Model, best: AtomicStructure, traces: Sequence[Model]) -> JobView | None:
        """View of models that are open already; None if they are not of the job's layout."""
        layout = shown_layout(job)
        if not rows_fit(best, layout) or not all(trace_fits(trace, layout.n_residues) for trace in traces):
            return None
        _mark(best.session, best, job)
        return cls(layout.n_residues, group, best, list(traces))

    @property
    def closed(self) -> bool:
        """Whether nothing is left to be moved."""
        return all(structure.deleted for structure in (self.best, *self.traces))

    def move(self, frame: NDArray[np.floating], best: int) -> None:
        """Show a frame, (replica, N, 4, 3) in angstrom, whose replica ``best`` fits best."""
        if frame.shape[1] != self._n_residues:
            raise ValueError(f"a frame of {frame.shape[1]} residues for a model of {self._n_residues}")
        self.replica = best
        best = min(max(best, 0), len(frame) - 1)
        others = [i for i in range(len(frame)) if i != best]
        if not self.best.deleted:
            move_backbone(self.best, frame[best])
            self._ca = frame[best, :, CA]
            self._pins.move(self._ca)
            self._arrow.move(self._ca)
        for i, (trace, replica) in enumerate(zip(self.traces, others)):  # noqa: B905 - there may be more of either
            if not trace.deleted:
                move_trace(trace, frame[replica, :, CA])
                if i not in self._shown:  # once: from then on the user decides
                    self._shown.add(i)
                    trace.display = True

    def pin(self, rows: Collection[int]) -> None:
        """Mark those residues (positions in the layout) as held, and no others."""
        if self.best.deleted:
            return
        if not rows:
            self._pins.close()
            return
        self._pins.mark(self.best, rows, self._ca)

    def pull(self, row: int, target: NDArray[np.floating]) -> None:
        """Show that a residue (position in the layout) is tugged towards a place (3,) of the model's frame."""
        if not self.best.deleted:
            self._arrow.point(self.best, row, target, self._ca)

    def let_go(self) -> None:
        """Show that no residue is tugged any more."""
        self._arrow.close()

    def colour(self, values: NDArray[np.floating], scale: ColourScale) -> None:
        """Colour the best replica by a value for each residue, (N,), and write the values as B-factors."""
        if not self.best.deleted and len(values) == self._n_residues:
            colour_residues(self.best, scale.rgba(values))
            set_bfactors(self.best, values)

    def find_secondary_structure(self) -> None:
        """Find helices and strands of the best replica as it is now."""
        from chimerax.dssp import compute_ss

        if not self.best.deleted:
            # Otherwise ChimeraX searches by itself, with a line in the log, and at every frame if it finds none.
            self.best.ss_assigned = True
            compute_ss(self.best)

    def close_ghost(self) -> None:
        """Show no more where the starting model was: the job has ended."""
        ghost, self.ghost = self.ghost, None
        if ghost is not None and not ghost.deleted:
            ghost.delete()

    def rename_finished(self) -> None:
        """Say in the names that this is the result."""
        if not self.best.deleted:
            self.best.name = "result"

    def close(self) -> None:
        """Close what is left of the models."""
        if not self.group.deleted:
            self.group.delete()


def is_live(model: Model) -> bool:
    """Whether a model is, or was, the best replica of a job on its way: no starting model for another one."""
    return getattr(model, _ATTRIBUTE, None) is not None


def shown_layout(job: Job) -> Layout:
    """Layout with the chain names of the session, which may differ from those in the job's files."""
    assert job.layout is not None
    handover = Handover.of(job.prepared.extra)
    return replace(job.layout, chains=tuple(map(handover.session_chain, job.layout.chains)))


def _ca_atoms(best: AtomicStructure, n_residues: int) -> NDArray[np.float64]:
    """CA atoms (N, 3) of the best replica as it is, in angstrom; where the user has cut it, in no place."""
    places = np.full((n_residues, 3), np.nan)
    if not best.deleted:
        residues, rows = residue_rows(best, n_residues)
        found = [(row, atom) for residue, row in zip(residues, rows, strict=True) if (atom := residue.find_atom("CA"))]
        for row, atom in found:
            places[row] = atom.coord
    return places


def _mark(session: Session, structure: AtomicStructure, job: Job) -> None:
    type(structure).register_attr(session, _ATTRIBUTE, "ADP-3D", attr_type=str)
    setattr(structure, _ATTRIBUTE, str(job.folder))


def _show_as_cartoon(structure: AtomicStructure) -> None:
    structure.atoms.displays = False
    structure.residues.ribbon_displays = True
    structure.overall_color = np.array(UNKNOWN, dtype=np.uint8)
