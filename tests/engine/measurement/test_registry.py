"""Names of measurements that are light to import are those of the registry."""

from __future__ import annotations

import pytest

from adp3d.contract.domains import Plugin, Requests, Word, known_elsewhere
from adp3d.contract.errors import InputError
from adp3d.contract.specification import MEASUREMENT_NAMES, MEASUREMENTS, CompleteSpec, plain_elsewhere
from adp3d.measurement.registry import BUILT_IN, registered


def test_names_of_the_contract_are_those_of_the_registry():
    assert set(MEASUREMENTS) == set(BUILT_IN)
    assert set(MEASUREMENT_NAMES.options) == set(registered())


def test_unknown_measurements_are_refused_with_those_that_there_are():
    with pytest.raises(InputError, match=r"'measure' must be one of .*distances.*, not 'plane'"):
        CompleteSpec(output="o", model="m", measure=("plane 1 2",))


def test_where_plugins_are_not_known_any_name_is_taken():
    given = {"version": 1, "kind": "complete", "output": "o", "model": "m", "measure": ["plane 1 2"], "prior": "stiff"}
    plain = plain_elsewhere(given)
    assert (plain["measure"], plain["prior"], plain["steps"]) == (["plane 1 2"], "stiff", None)
    with pytest.raises(InputError, match="'prior' must be one word"):
        plain_elsewhere({**given, "prior": "two words"})
    with pytest.raises(InputError, match="names no measurement"):
        plain_elsewhere({**given, "measure": ["@file"]})
    with pytest.raises(InputError, match="no setting 'stepz'; did you mean 'steps'"):
        plain_elsewhere({**given, "stepz": 3})
    assert known_elsewhere(Requests(Plugin(("a",), "none"))) == Requests(Word())
