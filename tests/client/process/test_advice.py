"""Plain advice for what goes wrong."""

from __future__ import annotations

import pytest
from chimerax.adp3d.process.advice import UNREADABLE, advice_for_end, advice_for_text


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB", "graphics card does not suffice"),
        ("MemoryError", "fewer replicas"),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", "fewer replicas"),
        ("No CUDA device can be used on this machine", "device cpu"),
        ("AssertionError: Torch not compiled with CUDA enabled", "device cpu"),
        ("OSError: [Errno 28] No space left on device", "Free some space"),
        ("ModuleNotFoundError: No module named 'torch'", "adp3d install"),
        ("FileNotFoundError: default.safetensors", "install the ADP-3D bundle again"),
        ("ImportError: /lib/libc.so.6: version `GLIBC_2.28' not found", "too old"),
        ("nothing known", ""),
        ("", ""),
    ],
)
def test_known_causes(text, advice):
    assert (advice in advice_for_text(text)) if advice else advice_for_text(text) == ""


def test_the_newest_cause_counts():
    text = "ModuleNotFoundError: No module named 'x'\n...\nOSError: No space left on device"
    assert "Free some space" in advice_for_text(text)


@pytest.mark.parametrize(
    ("code", "reason", "errors", "sentence", "advice"),
    [
        (-9, "", "", "was killed (SIGKILL)", "memory ran out"),
        (-11, "", "", "crashed (SIGSEGV)", "adp3d install"),
        (1, "", "x\nKeyError: 'y'\n", "exit status 1): KeyError: 'y'", "adp3d install"),
        (1, "", "No module named 'gemmi'", "exit status 1)", "adp3d install"),
        (-9, "it did not answer for 60 seconds", "", "because it did not answer", "Run the job again"),
        (None, "", "", "ended unexpectedly", "adp3d install"),
    ],
)
def test_ends_of_the_engine(code, reason, errors, sentence, advice):
    said, advised = advice_for_end(code, reason, errors)
    assert sentence in said
    assert advice in advised


def test_the_log_is_named_only_if_it_is_there():
    assert "engine.log" not in advice_for_end(-11, "", "")[1]
    assert "engine.log" in advice_for_end(-11, "", "", log=True)[1]


def test_a_killed_engine_names_the_command_that_goes_on():
    _, advice = advice_for_end(-9, "", "", resume="adp3d resume 4")
    assert "memory ran out" in advice
    assert "'adp3d resume 4' goes on from the last checkpoint." in advice
    assert "resume" not in advice_for_end(-9, "", "")[1]


def test_garbage_means_a_broken_environment():
    said, advice = advice_for_end(-9, f"{UNREADABLE}: 4 bytes", "", resume="adp3d resume 4")
    assert said == "The engine was ended because its output could not be read."
    assert advice == "The engine's environment is broken; run the command 'adp3d install' to repair it."
