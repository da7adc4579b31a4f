from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from adp3d import __version__
from adp3d.cli import main
from adp3d.cli.app import run
from adp3d.cli.running import free_folder, show_summary, stop_on_interrupt
from adp3d.cli.terminal import LineEvents, duration, terminal_events
from adp3d.contract.errors import InputError
from adp3d.contract.specification import CompleteSpec, DistancesSpec, RefineSpec
from adp3d.job.events import Control
from adp3d.job.folder import JobFolder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Working directory with some inputs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("m.cif.gz", "x.map", "h1.map", "h2.map", "r.csv", "s.fasta", "ref.pdb"):
        (tmp_path / name).write_text(name)
    return tmp_path


class Pipelines:
    """Injected pipelines: they note their specifications and count."""

    def __init__(self, fail=None):
        self.specs = []
        self.fail = fail

    def __call__(self, kind):
        return self.count

    def count(self, spec, job, events, control):
        self.specs.append(spec)
        if self.fail is not None:
            raise self.fail
        saved = job.load_checkpoint()
        for step in range(saved.step if saved else 0, spec.steps):
            control.poll(lambda step=step: job.save_checkpoint(step, {}))
            events.frame(step + 1, np.zeros((1, 2, 4, 3)))
            events.progress("count", step + 1, spec.steps, {"fit": 0.5})
        events.message("Careful [with] brackets.", "warning")
        job.result.write_text("data_x")
        return {"completeness_after": 100.0, "map_cc_before": 0.51234, "own_figure": 3, "nested": {"a": 1}}


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"adp3d {__version__}"
    for command in ("complete", "refine", "distances", "resume", "demo", "doctor", "dock", "relax", "score", "worker"):
        assert main([command, "--help"]) == 0
        assert "Usage: adp3d " + command in capsys.readouterr().out
    assert main(["-h"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bogus"],
        ["fold"],
        ["complete"],
        ["complete", "m.cif.gz", "--bogus"],
        ["complete", "m.cif.gz", "--steps", "many"],
        ["refine", "x.map", "m.cif.gz", "--half-maps", "h1.map"],
        ["distances", "r.csv"],
    ],
)
def test_wrong_usage(place, capsys, arguments):
    before = sorted(place.iterdir())
    assert run(arguments, Pipelines()) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["complete", "none.cif"], "'none.cif' does not exist"),
        (["complete", "m.cif.gz", "--replicas", "0"], "--replicas must lie between 1"),
        (["complete", "m.cif.gz", "--confidence", "high"], "--confidence must be one of"),
        (["complete", "m.cif.gz", "--update", "newton"], "--update must be one of"),
        (["complete", "m.cif.gz", "--device", "tpu"], "--device must be auto"),
        (["complete", "m.cif.gz", "--chains", "A,,B"], "--chains must not be empty"),
        (["complete", "m.cif.gz", "-o", "s.fasta"], "is a file"),
        (["complete", "m.cif.gz", "-o", "."], "holds other files"),
        (["refine", "x.map", "m.cif.gz", "--resolution", "nan"], "--resolution must lie between"),
        (
            ["refine", "x.map", "m.cif.gz", "--half-maps", "h1.map", "h1.map"],
            "--half-maps names the same thing twice",
        ),
        (["refine", "x.map", "m.cif.gz", "--density-weight", "-1"], "--density-weight must lie between"),
        (["complete", "m.cif.gz", "--trajectory", "-1"], "--trajectory must lie between"),
        (["refine", "x.map", "m.cif.gz", "-s", "none.fasta"], "sequence file 'none.fasta' does not exist"),
        (["distances", "r.csv", "-s", ""], "--sequence must not be empty"),
        (["resume", "none"], "not a job folder"),
        (["relax", "m.cif.gz", "-o", "s.fasta"], "'s.fasta' exists; choose another file with --output"),
        (["score", "m.cif.gz", "--per-residue"], "--per-residue needs a folder to write to; give one with --output"),
        (["score", "m.cif.gz", "--interface", "A"], "--interface A does not name two sides"),
        (["score", "m.cif.gz", "--interface", "A:A,B"], "--interface A:A,B does not name two sides"),
        (["relax", "m.cif.gz", "--resolution", "3"], "--resolution concerns a map; give one with --map"),
        (["dock", "x.map", "none.cif"], "no file 'none.cif'"),
        (["dock", "x.map", "m.cif.gz", "-o", "s.fasta"], "'s.fasta' exists; choose another file with --output"),
        (["dock", "x.map", "m.cif.gz", "-o", "placed.txt"], "placed.txt"),
        (["dock", "x.map", "m.cif.gz", "--resolution", "0.1"], "--resolution must lie between"),
        (["dock", "x.map", "m.cif.gz", "--device", "tpu"], "--device must be auto"),
        (["doctor", "--device", "gpu"], "Unknown device"),
    ],
)
def test_bad_input_is_one_sentence(place, capsys, arguments, words):
    before = sorted(place.iterdir())
    assert run(arguments, Pipelines()) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("Error: ") and words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert sorted(place.iterdir()) == before


def test_options_become_the_specification(place, capsys):
    pipelines = Pipelines()
    arguments = "refine x.map m.cif.gz -s s.fasta --half-maps h1.map h2.map --resolution 3.2 --density-weight 2"
    arguments += " -c A,B --confidence plddt --reference ref.pdb -r 3 -n 4 --seed 9 -d cpu --prior gaussian"
    arguments += " --update gradient -o out --trajectory 2"
    assert run(arguments.split(), pipelines) == 0
    inputs = place / "out" / "inputs"
    assert pipelines.specs == [
        RefineSpec(
            output=str(place / "out"),
            map=str(inputs / "map.map"),
            model=str(inputs / "model.cif.gz"),
            half_maps=(str(inputs / "half_maps_1.map"), str(inputs / "half_maps_2.map")),
            sequence=str(inputs / "sequence.fasta"),
            chains=("A", "B"),
            confidence="plddt",
            resolution=3.2,
            density_weight=2.0,
            reference=str(inputs / "reference.pdb"),
            replicas=3,
            steps=4,
            seed=9,
            device="cpu",
            prior="gaussian",
            update="gradient",
            trajectory_interval=2,
        )
    ]
    captured = capsys.readouterr()
    assert "100.0 %" in captured.out and "0.5123" in captured.out and "Own figure" in captured.out
    assert str(place / "out" / "result.cif") in captured.out
    assert "count: 4/4, fit 0.5" in captured.err
    assert "Careful [with] brackets." in captured.err
    assert json.loads((place / "out" / "metrics.json").read_text())["own_figure"] == 3


def test_defaults_and_names_of_folders(place):
    pipelines = Pipelines()
    assert run(["complete", "m.cif.gz"], pipelines) == 0
    assert run(["complete", "m.cif.gz"], pipelines) == 0
    assert run(["complete", "m.cif.gz", "--overwrite"], pipelines) == 0
    assert run(["distances", "r.csv", "--sequence", "MKVLA"], pipelines) == 0
    folders = [os.path.basename(spec.output) for spec in pipelines.specs]
    assert folders == ["m_complete", "m_complete_2", "m_complete", "r_distances"]
    spec = pipelines.specs[0]
    assert spec == CompleteSpec(output=spec.output, model=spec.model)
    spec = pipelines.specs[3]
    assert spec == DistancesSpec(output=spec.output, restraints=spec.restraints, sequence="MKVLA")
    assert free_folder("m_complete") == "m_complete_3"


def test_refusal_by_the_pipeline_leaves_its_log_and_the_name_free(place, capsys):
    before = sorted(place.iterdir())
    refused = ["complete", "m.cif.gz"], ["complete", "m.cif.gz", "-o", "mine"]
    for _ in range(2):
        for arguments in refused:
            assert run(arguments, Pipelines(InputError("No protein chain; give another."))) == 2
            assert capsys.readouterr().err == "Error: No protein chain; give another.\n"
    assert sorted(place.iterdir()) == sorted([*before, place / "m_complete", place / "mine"])
    assert "No protein chain" in (place / "mine" / "events.log").read_text()
    pipelines = Pipelines()
    for arguments in refused:
        assert run(arguments, pipelines) == 0
    assert [os.path.basename(spec.output) for spec in pipelines.specs] == ["m_complete", "mine"]
    assert "No protein chain" not in (place / "mine" / "events.log").read_text()


def test_failures_of_the_program(place, capsys):
    assert run(["complete", "m.cif.gz"], Pipelines(ZeroDivisionError("x"))) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error and "--debug" in error and "Traceback" not in error
    for arguments in (["complete", "m.cif.gz", "--debug"], ["--debug", "complete", "m.cif.gz"]):
        assert run(arguments, Pipelines(ZeroDivisionError("x"))) == 1
        assert "Traceback" in capsys.readouterr().err
    assert run(["--debug", "complete", "none"], Pipelines()) == 2
    assert "Traceback" in capsys.readouterr().err


def test_resume_and_restart(place, capsys):
    assert run(["complete", "m.cif.gz", "-o", "job", "-n", "5"], Pipelines()) == 0
    pipelines = Pipelines()
    assert run(["resume", "job"], pipelines) == 0
    assert pipelines.specs == []
    assert "finished" in capsys.readouterr().out
    assert run(["resume", "job/job.json", "--restart", "--device", "cpu"], pipelines) == 0
    assert pipelines.specs[0].device == "cpu"
    assert JobFolder.open("job").spec.device == "auto"
    (place / "job" / "metrics.json").unlink()
    JobFolder.open("job").save_checkpoint(4, {})
    capsys.readouterr()
    assert run(["resume", "job"], pipelines) == 0
    assert "count: 5/5" in capsys.readouterr().err


def test_doctor(place, capsys):
    code = run(["doctor", "--json", "--device", "cpu", "--prior", "gaussian"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["healthy"]) == (0, True)
    assert run(["doctor", "--device", "cpu", "--prior", "gaussian"]) == 0
    assert "Everything needed is there." in capsys.readouterr().out
    assert run(["doctor", "--device", "cpu", "--prior", "unheard-of"]) == 1
    assert "Problem: There is no prior" in capsys.readouterr().out


SCRIPT = textwrap.dedent("""
    import sys, time
    from adp3d.cli.app import run
    def count(spec, job, events, control):
        "Seed 0 polls at each step, seed 1 hangs in an endless one."
        step = 0
        while True:
            if spec.seed == 0 or step == 0:
                control.poll(lambda: job.save_checkpoint(step, {}))
            step += 1
            if step == 1:
                print("running", flush=True)
            time.sleep(0.01)
    sys.exit(run(load=lambda kind: count))
""")


def interrupt(place, seed, signals):
    arguments = ["complete", "m.cif.gz", "-o", "job", "--seed", str(seed)]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "running\n"
        for i, number in enumerate(signals):
            process.send_signal(number)
            if i + 1 < len(signals):  # two signals at once would arrive as one
                assert process.stderr.readline() == "\n"
                assert "press Ctrl-C again" in process.stderr.readline()
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    return process.returncode, errors


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_first_interrupt_stops_with_a_checkpoint(place):
    code, errors = interrupt(place, 0, [signal.SIGINT])
    assert code == 130
    assert "adp3d resume" in errors and "Traceback" not in errors
    assert JobFolder.open(place / "job").load_checkpoint().step > 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_second_interrupt_aborts_at_once(place):
    code, errors = interrupt(place, 1, [signal.SIGINT, signal.SIGINT])
    assert code == 130
    assert "Aborted" in errors and "Traceback" not in errors


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    control = Control()
    with stop_on_interrupt(control):
        assert signal.getsignal(signal.SIGINT) is not before
        signal.raise_signal(signal.SIGTERM)
        assert control.stop_requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_lines_now_and_then():
    now = [0.0]
    lines = []
    events = LineEvents(lines.append, lambda: now[0])
    for step in range(1, 31):
        now[0] = float(step)
        events.progress("refine", step, 30, {"fit": 0.123456})
    events.message("Short of memory.", "warning")
    assert lines == [
        "refine: 1/30, fit 0.1235",
        "refine: 11/30, fit 0.1235, 19 s left",
        "refine: 21/30, fit 0.1235, 9 s left",
        "refine: 30/30, fit 0.1235",
        "Warning: Short of memory.",
    ]


def test_lines_tell_how_far_the_whole_job_is():
    now = [0.0]
    lines = []
    events = LineEvents(lines.append, lambda: now[0])
    for step in range(1, 31):
        now[0] = float(step)
        events.overall(step, 120)
        events.progress("refine", step, 30)
    assert lines == [
        "refine: 1/30, 1 % of the job",
        "refine: 11/30, 9 % of the job, 1 min 49 s left",
        "refine: 21/30, 18 % of the job, 1 min 39 s left",
        "refine: 30/30, 25 % of the job, 1 min 30 s left",
    ]


def test_bar_on_a_terminal():
    import io

    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with terminal_events(console) as events:
        events.overall(0, 80)
        events.progress("refine", 0, 40)
        events.overall(40, 80)
        events.progress("refine", 10, 40, {"fit": 0.5})
        events.message("A [sentence].")
        events.progress("refine", 40, 40, {"fit": 0.75})
        events.metric("fit", 0.5, 1)
        events.frame(1, np.zeros((1, 1, 4, 3)))
    text = stream.getvalue()
    for part in ("whole job", "50/100", "refine", "40/40", "fit 0.75", "A [sentence]."):
        assert part in text


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3725, "1 h 02 min")])
def test_duration(seconds, words):
    assert duration(seconds) == words


def test_unknown_priors_are_refused_before_anything_is_done(place, capsys):
    pipelines = Pipelines()
    for command in (["complete", "m.cif.gz"], ["distances", "r.csv", "-s", "MKT"], ["check", "m.cif.gz"]):
        assert run([*command, "--prior", "alphafold"], pipelines) == 2
        said = capsys.readouterr().err
        assert (
            "--prior must be one of builtin, builtin-nomap, builtin-nosequence, builtin-plain, chroma, gaussian, "
            "rfdiffusion" in said
        )
    assert not pipelines.specs and not any(path.is_dir() for path in place.iterdir())


def test_keep_becomes_part_of_the_specification(place):
    pipelines = Pipelines()
    assert run(["complete", "m.cif.gz", "-o", "a", "-k", "A:12-40,B"], pipelines) == 0
    assert run(["refine", "x.map", "m.cif.gz", "-o", "b", "--keep", "A:7"], pipelines) == 0
    assert [spec.keep for spec in pipelines.specs] == [("A:12-40", "B"), ("A:7",)]


def test_rebuild_becomes_part_of_the_specification(place):
    pipelines = Pipelines()
    assert run(["complete", "m.cif.gz", "-o", "a", "--rebuild", "A:39-48,B:7"], pipelines) == 0
    assert run(["refine", "x.map", "m.cif.gz", "-o", "b", "--rebuild", "A:39-48"], pipelines) == 0
    assert [spec.rebuild for spec in pipelines.specs] == [("A:39-48", "B:7"), ("A:39-48",)]


def test_check_examines_and_writes_nothing(place, capsys, monkeypatch):
    from adp3d.pipeline import check as module

    seen = []

    def examine(spec):
        seen.append(spec)
        ok = spec.replicas != 3
        return {"ok": ok, "lines": ["Chain A: fine.", "Advice: rest."] + ([] if ok else ["Problem: none."])}

    monkeypatch.setattr(module, "check", examine)
    before = sorted(place.iterdir())
    assert run(["check", "x.map", "m.cif.gz", "-s", "s.fasta", "--resolution", "3", "--keep", "A:5", "-n", "7"]) == 0
    assert capsys.readouterr().out.splitlines() == ["Chain A: fine.", "Advice: rest."]
    assert run(["check", "m.cif.gz", "-r", "3", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert isinstance(seen[0], RefineSpec) and isinstance(seen[1], CompleteSpec)
    assert (seen[0].map, seen[0].model, seen[0].keep, seen[0].steps) == ("x.map", "m.cif.gz", ("A:5",), 7)
    assert run(["check", "a", "b", "c"]) == 2
    assert "a map and a model" in capsys.readouterr().err
    assert sorted(place.iterdir()) == before


def test_the_summary_names_what_it_tells(capsys):
    metrics = {
        "residues": 1172,
        "ca_rmsd_known": 0.0681,
        "ca_rmsd_all": None,
        "tm_score": 0.9997,
        "validation": {"before": {"clashscore": 9.0}, "after": {"clashscore": 1.25, "q_score": None}},
        "side_chains": {"seconds": 3.0},
    }
    show_summary(metrics, {"result": Path("result.cif"), "report": Path("report.html")})
    rows = [line.rsplit(None, 1) for line in capsys.readouterr().out.splitlines()]
    assert [(name.strip(), value) for name, value in rows] == [
        ("CA RMSD where known (\u00c5)", "0.0681"),
        ("Clashscore", "1.25"),
        ("Residues", "1,172"),
        ("TM-score", "0.9997"),
        ("Result:", "result.cif"),
    ]
