"""What a job moved of its model, from the model of the user to figures, sentences and a table."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import NullEvents
from adp3d.pipeline.model_geometry import aligned_errors
from adp3d.pipeline.movement import find_movement, residue_table
from adp3d.pipeline.problem import load_problem
from adp3d.predictions.aligned_error import AlignedError


@pytest.fixture
def problem(small):
    """44 residues from 14 on, of which the model lacks 30 to 36."""
    threads = torch.get_num_threads()
    loaded = load_problem(
        CompleteSpec(output="x", model=str(small.model), device="cpu", prior="gaussian"), NullEvents()
    )
    torch.set_num_threads(threads)
    return loaded


@pytest.fixture
def start(problem):
    """CA atoms of the model; what it lacks lies somewhere."""
    return np.where(np.isfinite(problem.target.xyz[:, 1]), problem.target.xyz[:, 1], 0.0)


def two_domains(shown=37, first=16):
    """Aligned errors of two domains of a model that shows so many residues."""
    values = np.full((shown, shown), 20.0, np.float32)
    values[:first, :first] = values[first:, first:] = 1.0
    return AlignedError(values)


def test_nothing_moved(problem, start):
    movement = find_movement(problem, start)
    assert not movement.any and movement.lines() == ["Nothing that the model showed has moved."]
    figures = movement.figures()
    assert (figures["ca_rmsd"], figures["largest"]) == (0.0, 0.0)
    (domain,) = figures["domains"]
    assert domain["residues"] == "14-57" and domain["count"] == 37, "what is built inside does not divide a domain"


def test_a_small_protein_is_one_domain_that_moves(problem, start):
    moved = start + np.array([0.0, 3.0, 4.0])
    moved[40] += np.array([0.0, 6.0, 8.0])
    movement = find_movement(problem, moved)
    (domain,) = movement.figures()["domains"]
    assert domain["shift"] == pytest.approx(5.0, abs=1e-3) and domain["angle"] == pytest.approx(0, abs=0.01)
    assert domain["farthest"][0] == {"residue": "54", "distance": pytest.approx(15.0, abs=1e-3)}
    assert domain["ca_rmsd_internal"] == pytest.approx(10 / np.sqrt(37), abs=1e-3)
    (line,) = movement.lines()
    assert line.startswith("Residues 14-57 of chain A (37) moved by 5.00 A and 0.0 degrees as a whole and by 1.64 A")
    assert "most at 54 (15.0 A)" in line


def test_domains_are_those_of_the_aligned_errors(problem, start, monkeypatch):
    monkeypatch.setattr("adp3d.predictions.domains.SHORTEST_DOMAIN", 10)
    monkeypatch.setattr("adp3d.predictions.domains.domains_by_error.__defaults__", (10,))
    second = np.array([label[1] >= 37 for label in problem.target.labels])
    moved = start.copy()
    centre = start[second].mean(0)
    moved[second] = Rotation.from_rotvec([0, 0, np.radians(20)]).apply(start[second] - centre) + centre
    one, two = sorted(
        find_movement(problem, moved, aligned_errors(problem, two_domains())).figures()["domains"],
        key=lambda d: d["count"],
    )
    assert (one["residues"], two["residues"]) == ("14-29", "37-57")
    assert one["shift"] == 0.0 and two["angle"] == pytest.approx(20, abs=0.01)
    turned = next(d["hinge"] for d in (one, two) if d["hinge"])
    assert turned["angle"] == pytest.approx(20, abs=0.01) and abs(turned["axis"][2]) == pytest.approx(1, abs=1e-3)


def test_the_start_is_the_model_of_the_user(problem, start):
    """Whatever the job takes for known, and wherever it has put it before."""
    moved = replace(problem.target, xyz=problem.target.xyz + 7.0, known=np.zeros_like(problem.target.known))
    movement = find_movement(replace(problem, target=moved), start)
    assert not movement.any and np.isfinite(movement.ways.distance).sum() == 37


def test_table_of_residues(problem, start):
    movement = find_movement(problem, start + np.array([1.0, 0.0, 0.0]))
    fit = np.linspace(0.1, 0.9, 44)
    text = residue_table(movement, problem.target.names, np.full(44, 88.0), fit, fit / 2)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 44 and [row["number"] for row in rows] == [str(n) for n in range(14, 58)]
    assert rows[0] == {
        "chain": "A", "number": "14", "insertion_code": "", "name": problem.target.names[0], "domain": "1",
        "confidence": "88.00", "displacement": "1.000", "displacement_in_domain": "0.000",
        "fit_before": "0.050", "fit_after": "0.100",
    }  # fmt: skip
    built = rows[16]
    assert built["displacement"] == built["fit_before"] == "" and built["fit_after"] and built["domain"] == "1"
    bare = list(csv.DictReader(io.StringIO(residue_table(movement, problem.target.names, np.full(44, np.nan)))))
    assert {row["fit_after"] + row["confidence"] for row in bare} == {""}
