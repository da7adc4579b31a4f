"""The choice of the best replica."""

from __future__ import annotations

import json

import pytest

from adp3d.contract.kinds import KINDS, Merit
from adp3d.job.leader import Leader

FIT = Merit("correlation")


def test_the_first_replica_stands_for_all_until_something_is_known():
    leader = Leader()
    assert leader.replica == 0
    leader.hear(FIT, [float("nan"), float("nan")])
    assert leader.replica == 0


@pytest.mark.parametrize(
    ("merit", "values", "best"),
    [(FIT, [0.1, 0.5, 0.2], 1), (Merit("spread", lowest=True), [0.9, 0.5, 0.2], 2), (FIT, [-80.0, -50.0, -70.0], 1)],
)
def test_the_best_value_leads(merit, values, best):
    leader = Leader()
    leader.hear(merit, values)
    assert leader.replica == best


def test_no_change_for_a_trifle():
    leader = Leader()
    leader.hear(FIT, [0.5, 0.1])
    leader.hear(FIT, [0.5, 0.504])
    assert leader.replica == 0
    leader.hear(FIT, [0.5, 0.506])
    assert leader.replica == 1
    leader.hear(FIT, [0.51, 0.506])
    assert leader.replica == 1


def test_replicas_of_a_later_batch_have_numbers_of_their_own():
    leader = Leader()
    leader.hear(FIT, [0.3, 0.5])
    leader.hear(FIT, [0.4, 0.6], first_replica=2)
    assert leader.replica == 3
    leader.hear(FIT, [0.4, float("nan")], first_replica=2)
    assert leader.replica == 3, "what is not known changes nothing"


def test_a_stage_begins_with_the_best_of_the_one_before():
    leader = Leader()
    leader.enter("first")
    leader.hear(FIT, [0.1, 0.9])
    leader.enter("second")
    assert leader.replica == 1
    leader.hear(FIT, [0.3, 0.2])
    assert leader.replica == 0, "figures of another stage do not count"


def test_state_survives_a_checkpoint():
    leader = Leader()
    leader.enter("first")
    leader.hear(FIT, [0.5, 0.52, 0.1])
    again = Leader(json.loads(json.dumps(leader.state)))
    assert again.replica == 1 and again.state == leader.state
    again.enter("first")
    again.hear(FIT, [0.522], first_replica=2)
    assert again.replica == 1, "what was told before is remembered"


def test_what_decides_is_plotted():
    for kind in (each for each in KINDS.values() if each.samples_backbones):
        assert kind.merit is not None and kind.merit.figure in {figure.name for figure in kind.curves}
