"""What the probe says about requirements."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from chimerax.adp3d.process import environment, probe


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2.6.0+cpu", [2, 6]), ("1.26.4", [1, 26, 4]), ("2.10", [2, 10]), ("2.14.0rc1", [2, 14]), ("0", []), ("x", [])],
)
def test_leading_numbers_of_versions(text, numbers):
    assert probe._numbers(text) == numbers


def test_versions_are_compared_as_numbers(monkeypatch):
    installed = {"torch": "2.10.1+cu126", "numpy": "2.0"}
    monkeypatch.setattr(probe.metadata, "version", installed.__getitem__)
    monkeypatch.setattr(probe.metadata, "PackageNotFoundError", KeyError)
    assert probe._problems("torch>=2.6,<2.14\nnumpy>=2.0.0  # as much\n\n# gemmi\n") == []
    assert probe._problems("torch>=2.11,<2.14") == ["the package torch has version 2.10.1+cu126, needed is >=2.11"]
    assert probe._problems("numpy>=1,<2") == ["the package numpy has version 2.0, needed is <2"]
    assert probe._problems("a\nb\nc") == ["it lacks the packages a, b, c"]
    assert probe._problems("a\nb\nc\nd\nnumpy>=3") == [
        "it lacks the packages a, b, 2 others",
        "the package numpy has version 2.0, needed is >=3",
    ]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["# a comment", "numpy>=1.0", "msgpack"], None),
        (["numpy>=99.1"], "numpy has version"),
        (["numpy>=1.0,<1.0.1"], "needed is <1.0.1"),
        (["no-such-package>=1"], "lacks the packages no-such-package"),
        ([f"no-such-package-{i}" for i in range(5)], "no-such-package-1, 3 others"),
    ],
)
def test_requirements_are_compared(session, tmp_path, lines, problem):
    (tmp_path / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    script = Path(environment.__file__).parent / "probe.py"
    command = [os.environ["ADP3D_PYTHON"], "-I", str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    problems = json.loads(done.stdout)["problems"]
    assert (problem in problems[0]) if problem else problems == []
