from __future__ import annotations

import pytest
from chimerax.adp3d.panel.fields import defaults, panel_fields, tasks, valid_options
from chimerax.adp3d.panel.form import (
    Form,
    can_check,
    check_command,
    job_command,
    missing,
    run_command,
    validate_command,
)


def test_shortest_commands():
    assert run_command(Form("refine", model="#2", map="#1")) == "adp3d refine #2 inMap #1"
    assert run_command(Form("complete", model="#2.1")) == "adp3d complete #2.1"
    form = Form("distances", model="#2", files={"restraints": "/tmp/a.csv"})
    assert run_command(form) == "adp3d distances #2 restraints /tmp/a.csv"


def test_defaults_are_left_out_and_changes_are_written_in_order():
    options = defaults()
    form = Form("refine", model="#2", map="#1", options=options)
    assert run_command(form) == "adp3d refine #2 inMap #1"
    options |= {"steps": 60, "replicas": 4, "resolution": 2.5, "live": False, "densityWeight": 1234567.5}
    assert run_command(form) == (
        "adp3d refine #2 inMap #1 replicas 4 steps 60 resolution 2.5 densityWeight 1234567.5 live false"
    )


def test_options_of_other_tasks_are_left_out():
    options = defaults() | {"resolution": 2.5, "halfMaps": "#3,#4", "keep": "/A:1-5", "seed": 7}
    assert run_command(Form("complete", model="#2", options=options)) == "adp3d complete #2 keep /A:1-5 seed 7"
    form = Form("distances", sequence="MKV", files={"restraints": "r.csv"}, options=options)
    assert run_command(form) == "adp3d distances MKV restraints r.csv seed 7"


def test_what_holds_blanks_is_quoted():
    options = {"keep": "/A:1-5 & sel", "halfMaps": "#3, #4"}
    form = Form("refine", model="#2", map="#1", sequence="/tmp/my files/a.fasta", options=options)
    assert run_command(form) == (
        'adp3d refine #2 inMap #1 sequence "/tmp/my files/a.fasta" halfMaps #3,#4 keep "/A:1-5 & sel"'
    )
    form = Form("distances", model="#1", files={"restraints": "C:/my files/r.tbl"})
    assert run_command(form) == 'adp3d distances #1 restraints "C:/my files/r.tbl"'


@pytest.mark.parametrize(
    ("part", "written"),
    [
        ("", "#2"),
        ("A, B", "#2/A,B"),
        ("B", "#2/B"),
        ("/A:39-48", "#2/A:39-48"),
        (":39-48, 52", "#2:39-48,52"),
        ("sel", '"#2 & sel"'),
        ("/A & sel", "#2/A&sel"),
    ],
)
def test_a_part_of_the_model(part, written):
    assert run_command(Form("refine", model="#2", map="#1", part=part)) == f"adp3d refine {written} inMap #1"
    assert check_command(Form("complete", model="#2", part=part)) == f"adp3d check {written}"
    form = Form("distances", model="#2", part=part, files={"restraints": "r.csv"})
    assert run_command(form) == "adp3d distances #2 restraints r.csv", "which folds the sequences of whole chains"


def test_a_semicolon_cannot_start_another_command():
    command = run_command(Form("complete", model="#1", sequence="a; close"))
    assert command == 'adp3d complete #1 sequence "a; close"'


def test_check_leaves_out_what_it_has_not():
    form = Form("refine", model="#2", map="#1", sequence="MKV", options={"steps": 60, "replicas": 4, "live": False})
    assert check_command(form) == "adp3d check #2 inMap #1 sequence MKV replicas 4 steps 60"
    assert can_check(form)
    assert not can_check(Form("refine"))
    assert not can_check(Form("distances", model="#1", files={"restraints": "r.csv"}))


def test_validation_takes_what_concerns_the_model_and_the_map():
    options = defaults() | {"resolution": 2.5, "halfMaps": "#3,#4", "confidence": "plddt", "replicas": 4, "seed": 7}
    form = Form("refine", model="#2", map="#1", part="/A:3-9", sequence="MKV", options=options)
    assert validate_command(form) == (
        "adp3d check #2 inMap #1 validate true halfMaps #3,#4 resolution 2.5 confidence plddt"
    )
    assert (
        validate_command(Form("refine", model="#2", options=options)) == "adp3d check #2 validate true confidence plddt"
    )
    form = Form("complete", model="#2", map="#1", options=options)
    assert validate_command(form) == "adp3d check #2 validate true confidence plddt"
    assert validate_command(Form("refine")) == ""
    assert validate_command(Form("distances", model="#1", files={"restraints": "r.csv"})) == ""


def test_commands_on_jobs():
    assert job_command("stop", 3) == "adp3d stop 3"
    assert job_command("set", 3, "densityWeight", "2") == "adp3d set 3 densityWeight 2"


@pytest.mark.parametrize(
    ("form", "word"),
    [
        (Form("refine"), "model"),
        (Form("refine", model="#1"), "map"),
        (Form("complete"), "model"),
        (Form("distances", model="#1"), "restraints"),
        (Form("distances", files={"restraints": "r.csv"}), "sequence"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(form, word):
    assert word in missing(form)
    assert missing(form).endswith(".")


def test_nothing_is_missing():
    assert not missing(Form("refine", model="#2", map="#1"))
    assert not missing(Form("complete", model="#2"))
    assert not missing(Form("distances", sequence="MKV", files={"restraints": "r.csv"}))


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "nonsense",
        {},
        {"steps": "many", "replicas": -1, "device": "the toaster", "live": 1, "unknown": 3},
        {"steps": True, "replicas": 2.5, "confidence": None},
    ],
)
def test_stored_values_that_do_not_fit_are_dropped(stored):
    assert valid_options(stored) == defaults()


def test_stored_values_that_fit_are_taken_but_not_those_of_one_model():
    stored = {"steps": 60, "device": "cpu", "live": False, "keep": "/A:1", "resolution": 3.0}
    assert valid_options(stored) == defaults() | {"steps": 60, "device": "cpu", "live": False}


def test_fields_are_consistent():
    fields = panel_fields()
    assert len({f.keyword for f in fields}) == len(fields)
    for f in fields:
        assert set(f.tasks) <= {kind.name for kind in tasks()}
        assert f.row.setting.help.endswith(".")
        assert f.default in ("", None) or f.fits(f.default)


def test_further_measurements_are_each_a_keyword():
    options = {"measure": 'distances@a.csv; plane 12.5 2;  distances@"b c.csv"'}
    command = run_command(Form("complete", model="#2", options=options))
    start, rest = command.split(" measure ", 1)
    assert start == "adp3d complete #2"
    assert rest.startswith('distances@a.csv measure "plane 12.5 2" measure ')
    assert check_command(Form("complete", model="#2", options=options)).count(" measure ") == 3


def test_a_prior_of_another_package_is_remembered():
    assert valid_options({"prior": "stiff"})["prior"] == "stiff"
    assert valid_options({"prior": "two words"})["prior"] == "builtin"


def test_defaults_are_those_of_the_engine():
    from chimerax.adp3d.engine.contract.specification import RefineSpec

    spec = RefineSpec(output="job", map="a.mrc", model="a.cif")
    assert defaults()["replicas"] == spec.replicas
    assert defaults()["steps"] is None  # by kind of job
    assert spec.steps == 40
    assert defaults()["seed"] == spec.seed
    assert defaults()["device"] == spec.device
    assert defaults()["confidence"] == spec.confidence
    assert defaults()["densityWeight"] == spec.density_weight
    assert defaults()["prior"] == spec.prior
    assert defaults()["resolution"] is spec.resolution is None
