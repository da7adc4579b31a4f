"""Stretches out of register, from a model and its map to what is told."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from atom14_model import DEMO

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import NullEvents
from adp3d.measurement.density import load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.register import check_register, register_figures, register_lines
from adp3d.pipeline.side_chains import map_view

FIRST, LAST = 60, 76
"""Rows of the stretch."""


@pytest.fixture
def examined(tmp_path):
    """What is found in the demo's map when types of the stretch are those of the residues before."""

    def examine(shift):
        structure = gemmi.read_structure(str(DEMO))
        chain = structure[0]["A"]
        names = [residue.name for residue in chain]
        for row in range(FIRST, LAST + 1):
            chain[row].name = names[row - shift]
            for k in range(len(chain[row]) - 1, -1, -1):
                if shift and chain[row][k].name not in ("N", "CA", "C", "O"):
                    del chain[row][k]
        structure.entities.clear()
        structure.make_mmcif_document().write_file(str(tmp_path / "model.cif"))
        map = str(DEMO.with_name("emd_20026_protomer.map.gz"))
        spec = RefineSpec(
            output=str(tmp_path / "job"), model=str(tmp_path / "model.cif"), map=map, prior="gaussian", device="cpu",
            sequence=gemmi.one_letter_code([residue.name for residue in chain]),
        )  # fmt: skip
        problem = load_problem(spec, NullEvents())
        density = load_density(MapFiles(map, None, 1.75), problem.scene(NullEvents()))
        return problem, check_register(problem.structure, problem.target, problem.target.xyz, map_view(density, None))

    return examine


def test_a_planted_shift_of_one_residue_is_told(examined):
    problem, found = examined(1)
    (figures,) = register_figures(found, problem.target)
    assert figures["shift"] == 1 and figures["chain"] == "A" and figures["better_by_nats"] > 9
    number = {label[1]: row for row, label in enumerate(problem.target.labels)}
    assert abs(number[int(figures["first"])] - FIRST) <= 4
    assert abs(number[int(figures["last"])] - LAST) <= 4
    (line,) = register_lines(found, problem.target)
    assert f"Residues {figures['first']} to {figures['last']} of chain A look like those one residue further on" in line


def test_nothing_is_told_of_the_true_model(examined):
    problem, found = examined(0)
    assert found == []
    assert register_lines(found, problem.target) == []
    assert np.isfinite(problem.target.xyz).all()
