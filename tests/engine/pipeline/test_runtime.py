from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch

from adp3d.errors import InputError
from adp3d.pipeline.runtime import (
    TUNABLES,
    choose_device,
    is_glibc,
    is_tuned,
    release_memory,
    set_threads,
    tune_allocator,
    tuned_environment,
    usable_cores,
)


def test_environment_keeps_the_users_values():
    plain = tuned_environment({"PATH": "/bin"})
    assert plain is not None
    assert plain["PATH"] == "/bin"
    assert set(plain["GLIBC_TUNABLES"].split(":")) == {f"{name}={value}" for name, value in TUNABLES.items()}
    assert is_tuned(plain)
    assert tuned_environment(plain) is None

    own = tuned_environment({"GLIBC_TUNABLES": "glibc.malloc.mmap_max=7:glibc.malloc.arena_max=2"})
    assert own is not None
    values = dict(item.split("=") for item in own["GLIBC_TUNABLES"].split(":"))
    assert values["glibc.malloc.mmap_max"] == "7"
    assert values["glibc.malloc.arena_max"] == "2"
    assert values["glibc.malloc.hugetlb"] == TUNABLES["glibc.malloc.hugetlb"]


def test_tried_once_only():
    first = tuned_environment({})
    assert first is not None
    del first["GLIBC_TUNABLES"]  # the marker alone stops a second attempt
    assert tuned_environment(first) is None


def test_not_inside_a_test_run():
    before = dict(os.environ)
    tune_allocator()
    assert dict(os.environ) == before


@pytest.mark.skipif(not is_glibc(), reason="only GNU libc is tuned")
def test_starts_again_with_the_same_arguments_and_streams(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import json, os, sys
        print("start", os.getpid(), flush=True)
        from adp3d.pipeline.runtime import tune_allocator
        tune_allocator()
        print(json.dumps([os.getpid(), sys.argv[1:], sys.stdin.read(), os.environ["GLIBC_TUNABLES"],
                          sys.flags.utf8_mode]))
        """)
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GLIBC", "ADP3D"))}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", str(script), "a b", "--c"],
        input="given",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *starts, last = done.stdout.splitlines()
    assert len(starts) == 2 and starts[0] == starts[1]
    process, arguments, standard_input, tunables, utf8 = json.loads(last)
    assert starts[0] == f"start {process}"
    assert (arguments, standard_input, utf8) == (["a b", "--c"], "given", 1)
    assert is_tuned({"GLIBC_TUNABLES": tunables})


def test_threads(monkeypatch):
    before = torch.get_num_threads()
    try:
        assert set_threads(1) == 1 == torch.get_num_threads()
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert set_threads() == 2 == torch.get_num_threads()
        monkeypatch.setenv("OMP_NUM_THREADS", "many")
        assert set_threads() == usable_cores() >= 1
        monkeypatch.setenv("ADP3D_SPARE_CORES", "1")
        assert set_threads() == max(1, usable_cores() - 1)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert set_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_devices(monkeypatch):
    assert choose_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    for name in ("cuda", "cuda:0"):
        with pytest.raises(InputError, match="No CUDA device"):
            choose_device(name)
    with pytest.raises(InputError, match="No Apple GPU"):
        choose_device("mps")
    for name in ("gpu", "cuda:", "cuda:x", "cpu:0", ""):
        with pytest.raises(InputError, match="Unknown device"):
            choose_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="no device cuda:2"):
        choose_device("cuda:2")


def test_release_memory_runs():
    release_memory()
