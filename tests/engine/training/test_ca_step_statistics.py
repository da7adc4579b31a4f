"""Statistics of steps from few chains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_structures import helix

import adp3d
from adp3d.tracing.steps import directions, label_steps
from adp3d.training.ca_step_statistics import main, peptide_statistics, step_statistics

SHIPPED = Path(adp3d.__file__).parent / "tracing" / "data" / "ca_steps.npz"


def test_a_helix_goes_on_as_a_helix():
    trace = helix(40)[:, 1]
    first, following = step_statistics([trace, trace[:3]])
    label = int(label_steps(trace)[5])
    assert first.argmax() == label and following[label].argmax() == label
    np.testing.assert_allclose(np.exp(first).sum(), 1.0)
    np.testing.assert_allclose(np.exp(following).sum(1), 1.0)


def test_steps_across_breaks_do_not_count():
    trace = helix(12)[:, 1]
    apart = np.concatenate([trace[:6], trace[6:] + 20.0])
    (whole, _), (broken, _) = step_statistics([trace]), step_statistics([apart])
    counts = [np.exp(f).max() / np.exp(f).min() for f in (whole, broken)]
    # 9 and 6 quads, each beside half a count beforehand
    assert counts == pytest.approx([(9 + 0.5) / 0.5, (6 + 0.5) / 0.5])


def test_peptides_are_means_in_the_frame_of_the_steps():
    x = helix(30)
    peptide = peptide_statistics([x, x[:3]])
    label = int(label_steps(x[:, 1])[5])
    np.testing.assert_allclose(np.linalg.norm(peptide[label, 0]), np.linalg.norm(x[5, 2] - x[5, 1]), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(peptide[label, 2]), np.linalg.norm(x[6, 0] - x[5, 1]), atol=1e-3)
    assert peptide.shape == (len(directions()), 3, 3)
    rare = (label + 40) % len(directions())
    np.testing.assert_allclose(peptide[rare], peptide[label])  # without any of its own: the mean of all


def test_command_line_writes_what_tracing_reads(archive, packed, tmp_path, capsys):
    out = tmp_path / "ca_steps.npz"
    main([str(packed(archive.Record(), archive.Record(pdb="2abc", split="val"))), str(out)])
    assert "1 chains" in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as made, np.load(SHIPPED, allow_pickle=False) as shipped:
        assert {name: made[name].shape for name in made} == {name: shipped[name].shape for name in shipped}
