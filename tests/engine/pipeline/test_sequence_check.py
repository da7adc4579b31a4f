"""What the map of the bundled example says of residue types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from atom14_model import DEMO, demo_atom14

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import NullEvents
from adp3d.measurement.density import load_density
from adp3d.measurement.map_evidence import load_map_evidence
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.sequence_check import SequenceCheck
from adp3d.prior.evidence import DensityEvidence
from adp3d.structure.polymer import Polymer
from adp3d.tracing.sequence_fit import residue_fit


@pytest.fixture(scope="module")
def case() -> tuple[DensityEvidence, Polymer, torch.Tensor]:
    """The map as priors see it, the residues, and their CA atoms (172, 3)."""
    volume = DEMO.with_name("emd_20026_protomer.map.gz")
    spec = RefineSpec(output="none", map=str(volume), model=str(DEMO), device="cpu", prior="gaussian", resolution=1.75)
    problem = load_problem(spec, NullEvents())
    scene = problem.scene(NullEvents())
    density = load_density(MapFiles(spec.map, None, spec.resolution), scene)
    return load_map_evidence(density, scene, problem.known_residues).whole, problem.polymer, demo_atom14()[0][:, 1]


def test_known_residues_tell_how_clearly_a_map_tells_types_apart(case):
    seen, polymer, ca = case
    known = np.ones(len(ca), bool)
    clear = SequenceCheck.of(seen, polymer, ca, known).clarity
    assert clear.share > 0.6
    shifted = replace(polymer, sequence=polymer.sequence[3:] + polymer.sequence[:3])
    assert SequenceCheck.of(seen, shifted, ca, known).clarity.share < 0.1


def test_few_known_residues_leave_what_is_usual(case):
    seen, polymer, ca = case
    few = np.arange(len(ca)) < 15
    usual = SequenceCheck.of(seen, polymer, ca, few)
    assert usual.clarity.share == 1.0
    assert usual.statistics.wrong < usual.clarity.middle < usual.statistics.right


def test_right_places_are_told_from_those_of_others(case):
    seen, polymer, ca = case
    check = SequenceCheck.of(seen, polymer, ca, np.ones(len(ca), bool))
    segment = slice(60, 80)
    elsewhere = ca.clone()
    elsewhere[segment] = ca[100:120]
    told = check.probability(torch.stack([ca, elsewhere]), [segment])
    assert told.shape == (2, len(ca)) and (told[:, :60] == 1).all() and (told[:, 80:] == 1).all()
    assert told[0, segment].min() > 0.8 and told[1, segment].mean() < 0.4


def test_a_search_counts_them_by_the_clarity_and_unknown_types_for_nothing(case):
    seen, polymer, ca = case
    check = SequenceCheck.of(seen, polymer, ca, np.ones(len(ca), bool))
    trace = tuple(part.double().numpy() for part in (ca[:10], ca[1:11], ca[2:12]))
    own = residue_fit(check.field, trace, np.full(10, 4), check.statistics)
    np.testing.assert_allclose(check.beside(*trace, 4), 1.5 * check.clarity.share * own)
    muted = replace(check, clarity=replace(check.clarity, share=0.0))
    assert (muted.beside(*trace, 4) == 0).all() and (check.beside(*trace, 20) == 0).all()


def test_known_residues_that_the_map_does_not_show_leave_what_is_usual(case):
    seen, polymer, ca = case
    apart = SequenceCheck.of(seen, polymer, ca + 200.0, np.ones(len(ca), bool))
    assert apart.clarity.share == 1.0
