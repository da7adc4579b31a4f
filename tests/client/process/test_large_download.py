"""The large build of torch is fetched only after somebody has agreed to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from chimerax.adp3d.process import steps
from chimerax.adp3d.process.install import Installation, Plan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pip is imitated by shell scripts")

CPU_INDEX_FAILS = """case "$*" in
    *index-url*) echo "ERROR: Could not find a version that satisfies the requirement torch"; exit 1 ;;
    *--dry-run*) LOOK ;;
    *) echo "pip $*" ;;
  esac"""
WRITE_REPORT = """while [ "$1" != "--report" ]; do shift; done; echo 'REPORT' > "$2" """


def _report(*names):
    item = [{"download_info": {"url": f"file:///x/{name}.whl"}, "metadata": {"name": name}} for name in names]
    return CPU_INDEX_FAILS.replace("LOOK", WRITE_REPORT.replace("REPORT", json.dumps({"install": item})))


@pytest.fixture
def install(maker, tmp_path, monkeypatch):
    """Function that installs for the processor where torch's own index fails, and gives the installation."""
    from chimerax.adp3d.process import install

    # this computer may be of another kind, and have a card
    monkeypatch.setattr(install, "has_nvidia", lambda: False)
    monkeypatch.setattr(install.sys, "platform", "linux")

    def start(pip, **options):
        plan = Plan(tmp_path / "env", "cpu", None, Path(sys.executable), **options)
        return Installation(plan, maker(pip))

    return start


def _log(tmp_path):
    return (tmp_path / "env" / "install.log").read_text(encoding="utf-8")


def _finish(installation):
    installation.join(90)
    assert not installation.running
    return installation


def test_without_a_window_it_is_refused_before_it_starts(install, tmp_path):
    done = _finish(install(_report("torch", "nvidia-cudnn-cu13")))
    assert "has only the build for NVIDIA graphics cards (about 0.0 GB to download)" in done.error
    assert "'adp3d install device cpu largeDownload true'" in done.error
    assert "pip -I" not in _log(tmp_path) and "requirements.txt" not in _log(tmp_path), "nothing was fetched"


def test_the_keyword_takes_it(install, tmp_path):
    done = _finish(install(_report("torch", "nvidia-cudnn-cu13"), large_download=True))
    assert done.error == "" and "requirements.txt" in _log(tmp_path)


def test_a_build_for_the_processor_from_the_usual_index_is_taken_at_once(install, tmp_path):
    done = _finish(install(_report("torch", "sympy")))
    assert done.error == "" and "requirements.txt" in _log(tmp_path)


@pytest.mark.parametrize(
    ("look", "says"),
    [
        # an old pip cannot tell; on Linux it is the large one
        ('echo "no such option: --report"; exit 2', "about 3.0 GB"),
        # an index that does not give the requirements apart from the files: the fetching is ended at once
        ('echo "Downloading https://mirror/torch-2.9.0-cp312-x86_64.whl (899.8 MB)"; sleep 60', "about 3.0 GB"),
        ('echo "NewConnectionError: Failed to establish a new connection"; exit 1', "no connection to the internet"),
    ],
)
def test_where_pip_cannot_tell(install, look, says):
    started = time.monotonic()
    done = _finish(install(CPU_INDEX_FAILS.replace("LOOK", look)))
    assert says in done.error and done.python is None
    assert time.monotonic() - started < 50


@pytest.mark.parametrize(("answer", "error"), [(True, ""), (False, "was declined"), (None, "was cancelled")])
def test_the_question(install, tmp_path, answer, error):
    running = install(_report("torch", "nvidia-cudnn-cu13"), asks=True)
    end = time.monotonic() + 30
    while not running.question:
        assert time.monotonic() < end and running.running, running.error
        time.sleep(0.02)
    assert "build for NVIDIA graphics cards" in running.question and "GB to download" in running.question
    assert running.running and "requirements.txt" not in _log(tmp_path)
    running.cancel() if answer is None else running.answer(answer)
    done = _finish(running)
    assert error in done.error and bool(done.error) == bool(error)
    assert done.question == ""


def test_the_real_pip_and_the_size_of_what_it_would_fetch(session, tmp_path):
    python = Path(os.environ["ADP3D_PYTHON"])
    if subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this environment has no pip")
    for name, needs in (("torch", "Requires-Dist: nvidia\n"), ("nvidia", "")):
        with zipfile.ZipFile(tmp_path / f"{name}-2.13.99-py3-none-any.whl", "w") as wheel:
            info = f"{name}-2.13.99.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.13.99\n{needs}")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    report = tmp_path / "report.json"
    step = steps.look_step(python, report)
    here = ("--no-index", "--find-links", str(tmp_path), "--ignore-installed")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    plain["PIP_CONFIG_FILE"] = os.devnull
    done = subprocess.run([*step.command, *here], capture_output=True, text=True, check=False, env=plain)
    assert done.returncode == 0, done.stdout + done.stderr
    measured = subprocess.run(steps.size_step(python, report).command, capture_output=True, text=True, check=True)
    assert json.loads(measured.stdout) == {"names": ["torch", "nvidia"], "bytes": 0}, "all is on this computer"
    assert steps.usual_torch(measured.stdout, "darwin") == steps.Usual(True, 0.0)


def test_what_the_report_says():
    assert steps.usual_torch('{"names": ["torch", "sympy"], "bytes": 190000000}', "linux") == steps.Usual(False, 0.19)
    large = '{"names": ["torch", "cuda-toolkit"], "bytes": null}'
    assert steps.usual_torch(large, "linux") == steps.Usual(True, steps.CUDA_GIGABYTES)
    # where pip cannot tell: the usual torch has no libraries for cards on other systems
    assert [steps.usual_torch("", system).cuda for system in ("linux", "darwin", "win32")] == [True, False, False]


@pytest.mark.parametrize(
    ("line", "big"),
    [
        ("  Downloading torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl.metadata (30 kB)", False),
        ("Downloading torch-2.9.0-cp312-none-macosx_11_0_arm64.whl (74.5 MB)", False),
        ("Downloading torch-2.9.0%2Bcpu-cp312-manylinux_2_28_x86_64.whl (184.4 MB)", False),
        ("Downloading https://mirror/torch-2.9.0-cp312-manylinux_2_28_x86_64.whl (899.7 MB)", True),
        ("Downloading nvidia_cublas_cu12-12.8.4.1-py3-none-manylinux_2_27_x86_64.whl (594.3 MB)", True),
        ("Downloading torch-2.1.0-cp310.whl (2.2 GB)", True),
        ("Downloading scipy-1.16.0.whl (40.0 MB)", False),
    ],
)
def test_lines_of_pip(line, big):
    assert steps.begins_big_download(line) == big
