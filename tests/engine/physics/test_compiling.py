"""Compiled kernels and what numba keeps of them."""

from __future__ import annotations

import importlib.util
import math
import sys
import warnings
from functools import partial

import numpy as np
import pytest
from numba import njit

from adp3d.physics.compiling import compiled

_KERNEL = """
from functools import partial
from numba import njit
from adp3d.physics.compiling import compiled

@compiled("f8(f8, f8)", partial(njit, nogil=True, error_model="{model}"))
def {name}(a, b):
    return a / b
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A module with a kernel that divides, written with an error model and loaded; its cache lies beside it."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)

    def load(model="numpy", name="divide"):
        path = tmp_path / "kernel_of_test.py"
        path.write_text(_KERNEL.format(model=model, name=name))
        specification = importlib.util.spec_from_file_location("kernel_of_test", path)
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(sys.modules, "kernel_of_test", module)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            specification.loader.exec_module(module)
        return getattr(module, name)

    return load


def test_flags_are_those_of_the_kernel_and_none_besides():
    asked = []

    def compiler(*args, **options):
        asked.append((args, options))
        return njit(*args, **options)

    @compiled("void(f8[::1])", compiler)
    def twice(values):
        for i in range(len(values)):
            values[i] *= 2.0

    values = np.arange(3.0)
    twice(values)
    assert values.tolist() == [0.0, 2.0, 4.0]
    assert asked == [(("void(f8[::1])",), {"cache": True})]


def test_code_is_kept_and_made_anew_with_other_flags(kernel):
    assert kernel("numpy")(1.0, 0.0) == math.inf
    kept = kernel("numpy")
    assert kept.stats.cache_hits and not kept.stats.cache_misses
    changed = kernel("python")
    assert changed.stats.cache_misses
    with pytest.raises(ZeroDivisionError):
        changed(1.0, 0.0)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"half", b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\xff."], ids=len)
def test_damaged_code_is_made_anew_once(kernel, tmp_path, suffix, damage):
    kernel()
    (path,) = tmp_path.glob(f"__pycache__/*.{suffix}")
    path.write_bytes(damage)
    assert kernel()(3.0, 2.0) == 1.5
    again = kernel()
    assert again.stats.cache_hits and not again.stats.cache_misses
    assert again(3.0, 2.0) == 1.5


def test_an_error_of_the_kernel_is_told():
    with pytest.raises(Exception, match="nothing_of_this_name"):

        @compiled("f8(f8)", partial(njit, nogil=True))
        def wrong(value):
            return nothing_of_this_name(value)  # noqa: F821
