"""Priors and measurements of a package that only the engine's environment has, in ChimeraX."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "developer" / "extending.md"
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
SHORT = "replicas 1 steps 3 device cpu"


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


def _packages(python):
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Function that makes an environment with all that another one has, and the package of the page."""
    made = {}

    def make(base):
        if base not in made:
            folder = tmp_path_factory.mktemp("environment")
            subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True)
            python = next(p for p in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if p.exists())
            files = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
            site = _packages(str(python))
            (site / "base.pth").write_text(f"import site; site.addsitedir({str(_packages(base))!r})\n")
            record = site / "adp3d_example-1.0.dist-info"
            record.mkdir()
            (record / "METADATA").write_text("Metadata-Version: 2.1\nName: adp3d-example\nVersion: 1.0\n")
            (record / "entry_points.txt").write_text(files["entry_points.txt"])
            (site / "adp3d_example.py").write_text(files["adp3d_example.py"])
            made[base] = str(python)
        return made[base]

    return make


@pytest.fixture
def plugin(session, environment, monkeypatch):
    """The engine has the package of the page; ChimeraX has not."""
    monkeypatch.setenv("ADP3D_PYTHON", environment(os.environ["ADP3D_PYTHON"]))


def _metrics(job):
    return json.loads((job.folder / "metrics.json").read_text(encoding="utf-8"))


def _offered(session):
    from chimerax.adp3d.engine.contract.specification import MEASUREMENT_NAMES, PRIOR_NAMES
    from chimerax.adp3d.process.plugins import known_names

    return known_names(session, PRIOR_NAMES), known_names(session, MEASUREMENT_NAMES)


def test_a_completion_takes_them_before_an_engine_has_told_of_them(session, plugin, make_model, tmp_path):
    from chimerax.adp3d.commands.complete import complete_desc

    model = make_model()
    spec = f"#{model.id_string}"
    assert "stiff" not in _offered(session)[0]
    command = f'adp3d complete {spec} measure "plane 12.5 2" replicas 1 steps 3 prior stiff device cpu'
    report = _run(session, f"{command.replace('complete', 'check')}")
    assert report["ok"], report["problems"]
    priors, measurements = _offered(session)
    assert priors[-1] == "stiff" and measurements[-1] == "plane", "told with the first words of the engine"
    assert complete_desc()._keyword["prior"].parse("sti", session)[0] == "stiff"
    job = _run(session, f"{command} folder {tmp_path / 'job'}")
    assert str(job.state) == "finished", job.error
    assert (job.prepared.spec["prior"], job.prepared.spec["measure"]) == ("stiff", ["plane 12.5 2"])
    assert job.prepared.command == command, "and can be given again as it is"
    assert set(_metrics(job)["measurements"]) == {"plane"} and _metrics(job)["measurements"]["plane"]["off"] > 0
    again = _run(session, f"adp3d resume {tmp_path / 'job'}")
    assert str(again.state) == "finished" and again.prepared.spec["prior"] == "stiff"


def test_the_check_knows_what_the_prior_costs(session, plugin, make_model):
    report = _run(session, f"adp3d check #{make_model().id_string} {SHORT} prior stiff")
    assert report["cost"]["peak_bytes"] == 300_000_000 + 20 * 20_000, "by the cost model of its own entry"


def test_a_refinement_takes_two_measurements(session, plugin, make_model, density, tmp_path, monkeypatch):
    model = make_model()
    volume = density(make_model(missing=()))
    links = tmp_path / "cross links.csv"
    links.write_text("residue1,residue2,distance\n2,6,6.2\n9,13,6.2\n")
    monkeypatch.chdir(tmp_path)
    job = _run(
        session,
        f"adp3d refine #{model.id_string} inMap #{volume.id_string} resolution 3 {SHORT} prior gaussian "
        f'measure "plane 0 50" measure \'distances@"cross links.csv"\' folder {tmp_path / "job"}',
    )
    assert str(job.state) == "finished", job.error
    assert job.prepared.spec["measure"] == ["plane 0 50", f'distances@"{links}"'], "whatever folder the engine is in"
    assert set(_metrics(job)["measurements"]) == {"plane", "distances"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("prior alphafold", r"'prior' must be one of builtin, .*, stiff, not 'alphafold'"),
        (
            'measure "sphere 3"',
            r"'measure' must be one of copies, density, distances, saxs, sequence, plane, not 'sphere'",
        ),
    ],
)
def test_what_the_engine_has_not_is_refused_with_what_it_has(session, plugin, make_model, tmp_path, words, said):
    from chimerax.core.errors import UserError

    folder = tmp_path / "job"
    command = f"#{make_model().id_string} {words} {SHORT}"
    with pytest.raises(UserError, match=said):
        _run(session, f"adp3d complete {command} folder {folder}")
    assert not folder.exists()
    with pytest.raises(UserError, match=said):
        _run(session, f"adp3d check {command}")


def test_what_is_no_measurement_is_refused_at_once(session, make_model):
    from chimerax.core.errors import UserError

    with pytest.raises(UserError, match="names no measurement"):
        _run(session, f"adp3d complete #{make_model().id_string} measure @file")


def test_the_panel_offers_them(session, plugin, make_model, area, wait_until):
    from chimerax.adp3d.panel.panel import Panel

    panel = Panel(session, area, lambda: None)
    try:
        menu = panel.form._editors["prior"].widget
        assert menu.findText("stiff") < 0
        _run(session, f"adp3d check #{make_model().id_string} {SHORT}")
        panel.refresh_jobs()
        assert menu.findText("stiff") >= 0
        measure = panel.form._editors["measure"].widget
        assert measure.toolTip().endswith("There are: copies, density, distances, saxs, sequence, plane.")
        assert "plane" in measure.completer().model().stringList()
    finally:
        panel.close()
