"""What a job remembers of the session, also when it comes from a folder that may hold anything."""

from __future__ import annotations

import numpy as np
import pytest

GOOD = {"model_to_frame": [[1, 0, 0, 5], [0, 1, 0, 6], [0, 0, 1, 7]], "model_id": "2", "chain_names": {"AA": "A"}}


def test_a_record_comes_back():
    from chimerax.adp3d.handover.record import Handover

    read = Handover.of({"handover": GOOD})
    assert read.matrix[:, 3].tolist() == [5, 6, 7] and read.model_id == "2" and read.session_chain("A") == "AA"
    assert Handover.of(read.to_extra()) == read


@pytest.mark.parametrize(
    "handover",
    [
        None,
        [1, 2],
        "text",
        {**GOOD, "model_to_frame": [1, 2, 3]},
        {**GOOD, "model_to_frame": [["x"] * 4] * 3},
        {**GOOD, "model_to_frame": [[np.nan] * 4] * 3},
        {**GOOD, "model_to_frame": {"a": 1}},
        {**GOOD, "chain_names": ["A"]},
        {**GOOD, "chain_names": {"A": 1}},
        {**GOOD, "staging": 3},
    ],
)
def test_a_record_that_cannot_be_used_counts_as_none(handover):
    from chimerax.adp3d.handover.record import Handover

    assert Handover.of({"handover": handover}) == Handover()
