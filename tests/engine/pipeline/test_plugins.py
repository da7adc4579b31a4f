"""A measurement and a prior of another package, found by their entry points and used without an edit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from adp3d.cli import jobs
from adp3d.cli.app import run
from adp3d.cli.session import Session
from adp3d.contract import specification
from adp3d.contract.errors import InputError
from adp3d.contract.kinds import KINDS
from adp3d.contract.specification import CompleteSpec, from_json, to_json
from adp3d.job.events import NullEvents
from adp3d.measurement.registry import load_measurements, registered
from adp3d.pipeline.problem import load_problem
from adp3d.prior.registry import find_prior, load_prior
from adp3d.structure.polymer import Polymer

PAGE = Path(__file__).resolve().parents[3] / "docs" / "developer" / "extending.md"
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)


def files_of_the_page():
    return dict(FILE.findall(PAGE.read_text(encoding="utf-8")))


@pytest.fixture
def plugin(monkeypatch, tmp_path_factory):
    """The package of the page is installed: its folder is on the path, for this process and for others."""
    folder = tmp_path_factory.mktemp("site")
    files = files_of_the_page()
    record = folder / "adp3d_example-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: adp3d-example\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(files["entry_points.txt"])
    (folder / "adp3d_example.py").write_text(files["adp3d_example.py"])
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield
    sys.modules.pop("adp3d_example", None)


def places(path):
    """CA atoms of chain A by residue number."""
    structure = gemmi.read_structure(str(path))
    return {r.seqid.num: np.array(r["CA"][0].pos.tolist()) for r in structure[0]["A"]}


def built_heights(path, missing):
    return np.array([places(path)[number][2] for number in missing])


QUICK = ["-r", "2", "-n", "30", "-d", "cpu", "--prior", "gaussian", "--trajectory", "0"]


@pytest.mark.parametrize("kind", ["complete", pytest.param("refine", marks=pytest.mark.slow)])
def test_a_job_takes_the_measurement(plugin, small, tmp_path, capsys, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    inputs = [str(small.model)]
    if kind == "refine":
        inputs = [str(small.map), *inputs, "--resolution", "3", "--unseen", "build"]
    height = 40.0 + float(built_heights(small.deposited, small.missing).mean())
    assert run([kind, *inputs, *QUICK, "-o", "free"]) == 0
    assert run([kind, *inputs, *QUICK, "-o", "pulled", "--measure", f"plane {height:.1f} 0.05"]) == 0
    free, pulled = (built_heights(tmp_path / name / "result.cif", small.missing) for name in ("free", "pulled"))
    assert pulled.mean() > free.mean() + 3.0, "the loop is drawn towards the plane, as far as its ends let it"
    metrics = json.loads((tmp_path / "pulled" / "metrics.json").read_text())
    assert set(metrics["measurements"]) == {"plane"} and metrics["measurements"]["plane"]["off"] > 0
    assert "plane.off" in (tmp_path / "pulled" / "events.log").read_text()
    assert "measurements" not in json.loads((tmp_path / "free" / "metrics.json").read_text())


def test_the_prior_runs_under_its_name_with_its_own_cost(plugin, small, tmp_path):
    arguments = ["check", str(small.model), "--prior", "stiff", "-r", "1", "-n", "2", "-d", "cpu", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "adp3d.cli", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    cost = json.loads(done.stdout)["cost"]
    assert cost["peak_bytes"] == 300_000_000 + 44 * 20_000, "that of its own entry"
    assert load_prior("stiff", Polymer.single_chain("AAA"), torch.device("cpu")).name == "stiff"
    job = tmp_path / "job"
    assert (
        run(["complete", str(small.model), "--prior", "stiff", "-r", "1", "-n", "3", "-d", "cpu", "-o", str(job)]) == 0
    )
    assert from_json((job / "job.json").read_text()).prior == "stiff"


def test_they_are_offered(plugin, capsys):
    assert registered() == ("copies", "density", "distances", "saxs", "sequence", "plane")
    shown = subprocess.run(
        [sys.executable, "-m", "adp3d.cli", "complete", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "stiff" in shown


def test_without_the_package_one_sentence_says_what_there_is(small):
    with pytest.raises(InputError, match=r"'prior' must be one of builtin, .*, not 'stiff'"):
        CompleteSpec(output="o", model="m", prior="stiff")
    with pytest.raises(InputError, match="no prior 'stiff'"):
        find_prior("stiff")
    problem = load_problem(CompleteSpec(output="o", model=str(small.model), prior="gaussian"), NullEvents())
    with pytest.raises(InputError, match="no measurement 'plane': choose one of copies, density, distances"):
        problem.measurements(("plane 0 1",), NullEvents())
    assert load_measurements(None, None) == ()


def test_distances_beside_other_data(small, tmp_path, monkeypatch):
    """Restraints of a file pull in a job without a map; the file belongs to the job's inputs."""
    monkeypatch.chdir(tmp_path)
    deposited = places(small.deposited)
    rows = [
        f"{a},{b},{np.linalg.norm(deposited[a] - deposited[b]):.2f}"
        for a in small.missing
        for b in (16, 20, 26, 40, 45, 55)
    ]
    (tmp_path / "cross links.csv").write_text("residue1,residue2,distance\n" + "\n".join(rows) + "\n")
    quick = ["-r", "1", "-n", "20", "-d", "cpu", "--trajectory", "0"]
    arguments = ["complete", str(small.model), *quick, "-o", "job", "--measure", 'distances@"cross links.csv"']
    assert run(arguments) == 0
    (tmp_path / "cross links.csv").unlink()
    spec = from_json((tmp_path / "job" / "job.json").read_text())
    assert spec.measure == ("distances@inputs/measure.csv",) and from_json(to_json(spec)) == spec
    metrics = json.loads((tmp_path / "job" / "metrics.json").read_text())
    assert metrics["measurements"]["distances"]["satisfied"] > 0.8
    found = places(tmp_path / "job" / "result.cif")
    assert np.mean([np.linalg.norm(found[n] - deposited[n]) for n in small.missing]) < 1.5


def test_a_map_beside_other_data(small, tmp_path, monkeypatch):
    """A map is a measurement like others: it pulls in a job that the prior completes without seeing it."""
    monkeypatch.chdir(tmp_path)
    arguments = ["complete", str(small.model), *QUICK, "--reference", str(small.deposited)]
    arguments.append("--no-relax")  # which moves what so few steps build by more than the map does
    assert run([*arguments, "-o", "free"]) == 0
    assert run([*arguments, "-o", "pulled", "--measure", f"density@{small.map} 1.75"]) == 0
    free, pulled = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("free", "pulled"))
    assert pulled["measurements"]["density"]["correlation"] > 0.25
    assert pulled["ca_rmsd_missing"] < free["ca_rmsd_missing"] - 0.5
    assert '"name":"density.correlation"' in (tmp_path / "pulled" / "events.log").read_text().replace(" ", "")
    with pytest.raises(InputError, match="density@MAP"):
        load_measurements(["density"], None)
    with pytest.raises(InputError, match="number"):
        load_measurements([f"density@{small.map} fine"], None)
    with pytest.raises(InputError, match="'resolution' must lie between"):
        load_measurements([f"density@{small.map} 0.1"], None)


@pytest.mark.parametrize("text", ["", "@file", "plane;1", "1plane"])
def test_what_is_no_request(text):
    with pytest.raises(InputError):
        CompleteSpec(output="o", model="m", measure=(text,))


def test_the_kind_of_job_of_the_page_runs(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "count", types.ModuleType("count"))
    exec(compile(files_of_the_page()["count.py"], "count.py", "exec"), vars(sys.modules["count"]))
    page = vars(sys.modules["count"])
    monkeypatch.setitem(specification._SPECIFICATIONS, page["COUNT"].name, page["CountSpec"])
    monkeypatch.setitem(KINDS, page["COUNT"].name, page["COUNT"])
    app = typer.Typer()
    jobs.register(app)
    runner = CliRunner()
    session = Session(load=lambda kind: page["run"])
    done = runner.invoke(app, ["count", str(small.model), "-o", str(tmp_path / "job")], obj=session)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "job" / "metrics.json").read_text())["residues"] == 37
    shown = runner.invoke(app, ["--help"]).output
    assert "Count the residues of a model." in shown
