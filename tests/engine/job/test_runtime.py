from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest
import torch

from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.job import runtime
from adp3d.job.runtime import (
    TUNABLES,
    WAITING,
    choose_device,
    idle_cores,
    is_glibc,
    is_tuned,
    release_memory,
    set_threads,
    settle_waiting,
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


def test_only_a_program_starts_anew_never_a_caller(monkeypatch):
    """Who calls the command line as a function, such as a script or a test, would lose all that it has done."""
    started = []
    monkeypatch.setattr(runtime, "is_glibc", lambda: True)
    monkeypatch.setattr(runtime, "tuned_environment", lambda environment: {"TUNED": "1"})
    monkeypatch.setattr(runtime.os, "execve", lambda *what: started.append(what))
    assert main(["--version"]) == 0
    assert started == []
    monkeypatch.setattr(sys, "argv", ["adp3d", "--version"])
    assert main() == 0
    assert [(program, arguments[1:], environment) for program, arguments, environment in started] == [
        (sys.executable, sys.orig_argv[1:], {"TUNED": "1"})
    ]


@pytest.mark.skipif(not is_glibc(), reason="only GNU libc is tuned")
def test_starts_again_with_the_same_arguments_and_streams(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import json, os, sys
        print("start", os.getpid(), flush=True)
        from adp3d.job.runtime import tune_process
        tune_process()
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
        monkeypatch.setattr(runtime, "idle_cores", usable_cores)
        assert set_threads() == usable_cores() >= 1
        monkeypatch.setenv("ADP3D_SPARE_CORES", "1")
        assert set_threads() == max(1, usable_cores() - 1)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert set_threads() == 2
        monkeypatch.delenv("OMP_NUM_THREADS")
        monkeypatch.delenv("ADP3D_SPARE_CORES")
        monkeypatch.setattr(runtime, "idle_cores", lambda: 1)
        assert set_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("busy", "expected"), [(0.0, 4), (1.0, 3), (2.4, 2), (7.0, 1)])
def test_cores_that_other_programs_use_are_left_to_them(monkeypatch, busy, expected):
    share = SimpleNamespace(user=100 * busy / 8 * 0.7, system=100 * busy / 8 * 0.3, nice=40.0, idle=1.0)
    monkeypatch.setattr("psutil.cpu_times_percent", lambda seconds: share)
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 8)
    monkeypatch.setattr(runtime, "usable_cores", lambda: 4)
    idle_cores.cache_clear()
    try:
        assert idle_cores() == expected
        monkeypatch.setattr("psutil.cpu_times_percent", lambda seconds: pytest.fail("asked again"))
        assert idle_cores() == expected
    finally:
        idle_cores.cache_clear()


@pytest.mark.parametrize("chosen", [{"OMP_WAIT_POLICY": "PASSIVE"}, {"GOMP_SPINCOUNT": "5"}])
def test_threads_wait_as_measured_unless_the_user_says_otherwise(chosen):
    empty: dict[str, str] = {}
    settle_waiting(empty)
    assert empty == WAITING
    own = dict(chosen)
    settle_waiting(own)
    assert own == chosen


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
