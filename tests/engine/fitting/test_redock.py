"""Misplaced parts are put back into the map as rigid bodies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import adp3d
from adp3d.density.read import read_map
from adp3d.fitting.redock import _bodies, _doubtful_parts, _rejected_runs, redock
from adp3d.fitting.support import Support
from adp3d.job.events import Stopped
from adp3d.placing.target import Target, build_target
from adp3d.structure.read import read_structure

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"
WRONG = slice(90, 172)


@pytest.fixture(scope="module")
def deposited() -> Target:
    return build_target(read_structure(DEMO / "emd_20026_deposited.cif.gz"), None)


@pytest.fixture(scope="module")
def density():
    return read_map(DEMO / "emd_20026_protomer.map.gz")


def support(target: Target, wrong: slice | None) -> Support:
    trusted = target.known[:, 1].copy()
    if wrong is not None:
        trusted[wrong] = False
    return Support(np.where(trusted, 0.8, 0.0), 0.8, trusted, ~trusted, 0.28)


def bent(target: Target, degrees: float) -> Target:
    """The end of the chain turned about the residue that it hangs on."""
    xyz = target.xyz.copy()
    pivot = xyz[WRONG.start - 1, 1]
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * np.array([0.6, 0.0, 0.8])).as_matrix()
    xyz[WRONG] = (xyz[WRONG] - pivot) @ turn.T + pivot
    return replace(target, xyz=xyz)


def rmsd(a: Target, b: Target) -> float:
    return float(np.sqrt(np.nanmean(np.square(a.xyz[WRONG, 1] - b.xyz[WRONG, 1]).sum(-1))))


@pytest.mark.slow
def test_what_the_map_does_not_reach_goes_with_its_body(density, deposited):
    start = bent(deposited, 40.0)
    verdict = support(start, WRONG)
    fit = verdict.fit.copy()
    fit[[*range(WRONG.start, WRONG.start + 3), *range(120, 124), *range(165, 172)]] = np.nan
    found, (placement,) = redock(density, start, replace(verdict, fit=fit), seed=0)
    assert rmsd(found, deposited) < 2
    assert (placement.first, placement.last) == (WRONG.start, WRONG.stop - 1)
    steps = np.linalg.norm(np.diff(found.xyz[WRONG, 1], axis=0), axis=-1)
    assert np.allclose(steps, np.linalg.norm(np.diff(deposited.xyz[WRONG, 1], axis=0), axis=-1))


@pytest.mark.slow
def test_a_hinge_motion_is_undone(density, deposited):
    start = bent(deposited, 40.0)
    assert rmsd(start, deposited) > 8
    found, (placement,) = redock(density, start, support(start, WRONG), seed=0)
    assert rmsd(found, deposited) < 2
    assert (placement.first, placement.last) == (WRONG.start, WRONG.stop - 1)
    assert placement.angle == pytest.approx(40, abs=10) and placement.z > 4
    np.testing.assert_array_equal(found.xyz[: WRONG.start], start.xyz[: WRONG.start])
    # a rigid body: no distance within it has changed
    inside = [np.linalg.norm(t.xyz[WRONG, 1][::7, None] - t.xyz[WRONG, 1][::7], axis=-1) for t in (found, start)]
    np.testing.assert_allclose(*inside, atol=1e-6)


@pytest.mark.slow
def test_a_turned_part_is_found_though_stretches_of_it_lie_in_density_of_others(density, deposited):
    start = bent(deposited, 40.0)
    verdict = support(start, WRONG)
    fit, trusted = verdict.fit.copy(), verdict.trusted.copy()
    by_chance = [*range(105, 120), *range(140, 152)]  # what is left of the part is too short to be tried alone
    fit[by_chance], trusted[by_chance] = 0.4, True
    found, (placement,) = redock(density, start, replace(verdict, fit=fit, trusted=trusted), seed=0)
    assert rmsd(found, deposited) < 2
    assert (placement.first, placement.last) == (WRONG.start, WRONG.stop - 1)


def test_a_part_that_is_mostly_right_is_no_misplaced_one(deposited):
    verdict = support(deposited, slice(40, 70))
    chains = deposited.polymer.chain_index
    assert _doubtful_parts(verdict, chains) == [[slice(40, 70)]]
    for level, expected in ((0.1, [[slice(40, 70)]]), (0.6, [])):
        doubtful = replace(verdict, fit=np.where(verdict.trusted, 0.8, 0.8 * level))
        assert _doubtful_parts(doubtful, chains) == expected


def test_what_is_missing_makes_no_part_long_enough(deposited):
    """Fifteen known residues beside a gap of fifteen are a loop, as they are without it: few atoms fit anywhere."""
    fit = np.full(deposited.n_residues, 0.8)
    fit[40:70] = 0.1
    known = np.ones(len(fit), bool)
    chains = deposited.polymer.chain_index
    for missing, parts in ((slice(0, 0), [[slice(40, 70)]]), (slice(40, 55), [])):
        known[missing] = False
        seen = np.where(known, fit, np.nan)
        verdict = Support(seen, 0.8, known.copy(), np.zeros_like(known), 0.28)
        assert _doubtful_parts(verdict, chains) == parts
        rejected = known & (seen < 0.28)
        assert bool(_rejected_runs(rejected, known, chains)) is bool(parts)


def test_what_is_supported_stays(density, deposited):
    found, placements = redock(density, deposited, support(deposited, None), seed=0)
    assert found is deposited and placements == []


def test_the_search_ends_when_asked(density, deposited):
    start = bent(deposited, 40.0)
    calls = []

    def poll():
        calls.append(1)
        raise Stopped

    with pytest.raises(Stopped):
        redock(density, start, support(start, WRONG), 0, poll)
    assert calls == [1]


def test_short_runs_are_left_to_be_built(density, deposited):
    found, placements = redock(density, deposited, support(deposited, slice(60, 75)), seed=0)
    assert found is deposited and placements == []


def test_runs_bridge_short_interruptions_but_not_chain_ends():
    rejected = np.zeros(200, bool)
    rejected[10:30] = rejected[35:60] = True
    rejected[90:130] = True
    chains = np.repeat([0, 1], [110, 90])
    runs = _rejected_runs(rejected, np.ones_like(rejected), chains)
    assert runs[0] == slice(10, 60)
    assert all(chains[run.start] == chains[run.stop - 1] for run in runs)
    groups = _bodies(runs, chains)
    assert all(len({int(chains[run.start]) for run in group}) == 1 for group in groups)
