"""A job that samples some of its residues, as those see it who listen."""

from __future__ import annotations

import numpy as np

from adp3d.job.events import NullEvents, shift_replicas, shift_steps
from adp3d.job.sampled_part import SampledPart


class Heard(NullEvents):
    def __init__(self):
        self.frames, self.previews, self.figures, self.metrics = [], [], [], []

    def frame(self, step, coordinates, first_replica=0):
        self.frames.append((step, first_replica, coordinates))

    def preview(self, step, coordinates, first_replica=0):
        self.previews.append((step, first_replica, coordinates))

    def residue_metric(self, name, values, step):
        self.figures.append((name, values, step))

    def metric(self, name, value, step=None, first_replica=0):
        self.metrics.append((name, value, step, first_replica))


WHOLE = np.arange(6 * 12, dtype=np.float64).reshape(6, 4, 3)
PART = SampledPart(np.array([1, 2, 4]), WHOLE)


def test_frames_are_those_of_all_residues_and_the_others_stay():
    heard = Heard()
    x = -np.arange(2 * 3 * 12, dtype=np.float32).reshape(2, 3, 4, 3) - 1
    told = shift_replicas(shift_steps(PART.told_to(heard), 10), 5)
    told.frame(3, x)
    told.preview(4, x)
    for (step, first, found), expected in ((heard.frames[0], 13), (heard.previews[0], 14)):
        assert (step, first, found.shape, found.dtype) == (expected, 5, (2, 6, 4, 3), np.float32)
        np.testing.assert_array_equal(found[:, PART.rows], x)
        np.testing.assert_array_equal(found[:, [0, 3, 5]], np.stack([WHOLE[[0, 3, 5]]] * 2))


def test_figures_of_residues_are_those_of_all_and_others_pass():
    heard = Heard()
    told = PART.told_to(heard)
    told.residue_metric("fit", [0.1, 0.2, 0.3], 7)
    told.metric("correlation", [0.5], 7)
    assert heard.figures == [("fit", [0.0, 0.1, 0.2, 0.0, 0.3, 0.0], 7)]
    assert heard.metrics == [("correlation", [0.5], 7, 0)]


def test_residues_that_are_held_are_found_among_those_that_are_sampled():
    assert PART.own([0, 4, 1, 5]) == [2, 0]
