"""Chroma's package, for all tests that need it."""

from __future__ import annotations

import pytest

from adp3d.contract.errors import InputError
from adp3d.prior.chroma.package import load_package


@pytest.fixture(scope="module")
def package():
    try:
        return load_package()
    except InputError as error:
        pytest.skip(str(error))
