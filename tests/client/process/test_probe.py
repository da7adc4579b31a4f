"""What the probe says about requirements."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from chimerax.adp3d.process import environment


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
