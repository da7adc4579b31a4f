"""One row of the table of settings is found wherever options are offered, with one range."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path

import pytest

typer = pytest.importorskip("typer", reason="the command line is the engine's, which ChimeraX's Python has not")
adp3d = pytest.importorskip("adp3d")

ROOT = Path(__file__).resolve().parents[3]
OURS, THEIRS = "adp3d.contract", "chimerax.adp3d.engine.contract"
"""The contract as the engine and as ChimeraX import it."""


def _with_one_more_row(contract):
    """Specification of completions with one more setting, for one of the two."""
    settings, domains, specification = (
        importlib.import_module(f"{contract}.{name}") for name in ("settings", "domains", "specification")
    )

    @dataclass(frozen=True, kw_only=True)
    class Enriched(specification.CompleteSpec):
        wobble: int = settings.declare(
            settings.Setting(domains.Integer(2, 9), "How much it wobbles.", settings.SAMPLING, label="Wobble", step=3),
            4,
        )

    return specification, Enriched


@pytest.fixture
def enriched(monkeypatch):
    """One row more for both, and the command made anew from it."""
    made = {}
    for contract in (OURS, THEIRS):
        specification, made[contract] = _with_one_more_row(contract)
        monkeypatch.setitem(specification._SPECIFICATIONS, "complete", made[contract])
    command = importlib.reload(importlib.import_module("chimerax.adp3d.commands.complete"))
    yield made, command
    monkeypatch.undo()
    importlib.reload(command)


def test_it_is_in_the_specification(enriched):
    specification = importlib.import_module(f"{OURS}.specification")
    errors = importlib.import_module(f"{OURS}.errors")
    given = {"version": 1, "kind": "complete", "model": "m.cif", "output": "o"}
    assert specification.from_dict(given).wobble == 4
    assert specification.from_dict({**given, "wobble": 9}).wobble == 9
    with pytest.raises(errors.InputError, match="'wobble' must lie between 2 and 9, not 10"):
        specification.from_dict({**given, "wobble": 10})


def _command_line():
    from adp3d.cli import jobs

    app = typer.Typer()
    jobs.register(app)
    return app


def test_it_is_an_option_of_the_command_line(enriched):
    from typer.testing import CliRunner

    shown = CliRunner().invoke(_command_line(), ["complete", "--help"]).output
    assert "--wobble" in shown and "How much it wobbles. Values: 2 to 9." in " ".join(shown.replace("│", " ").split())
    assert "[default: 4]" in shown
    assert "--wobble" not in CliRunner().invoke(_command_line(), ["refine", "--help"]).output


def test_it_is_a_keyword_of_the_command(session, enriched, make_model, tmp_path):
    from chimerax.adp3d.handover.part import ModelPart
    from chimerax.adp3d.handover.prepare import prepare_model_job

    made, command = enriched
    wobble = command.complete_desc()._keyword["wobble"]
    assert (wobble.min, wobble.max) == (2, 9)
    assert wobble.parse("7 steps 3", session)[0] == 7
    assert "wobble" in inspect.signature(command.adp3d_complete).parameters
    given = {"wobble": 7}
    part = ModelPart(make_model())
    prepared, _ = prepare_model_job(session, made[THEIRS], part, given, lambda _: "", folder=str(tmp_path / "job"))
    assert prepared.spec["wobble"] == 7


def test_it_is_a_field_of_the_panel(enriched):
    pytest.importorskip("Qt.QtWidgets")
    from chimerax.adp3d.panel.fields import defaults, panel_fields, valid_options
    from chimerax.adp3d.panel.form import Form, run_command

    (field,) = [one for one in panel_fields() if one.keyword == "wobble"]
    assert field.tasks == ("complete",) and defaults()["wobble"] == 4
    assert field.fits(9) and not field.fits(10)
    form = Form("complete", model="#1", options=valid_options(None) | {"wobble": 6})
    assert run_command(form) == "adp3d complete #1 wobble 6"
    assert run_command(Form("refine", model="#1", map="#2", options=form.options)) == "adp3d refine #1 inMap #2"


def test_the_panel_edits_it_in_its_range(enriched, monkeypatch):
    import os

    monkeypatch.setenv("QT_QPA_PLATFORM", os.environ.get("QT_QPA_PLATFORM", "offscreen"))
    widgets = pytest.importorskip("Qt.QtWidgets")
    from chimerax.adp3d.panel.editors import editor
    from chimerax.adp3d.panel.fields import panel_fields

    application = widgets.QApplication.instance() or widgets.QApplication(["tests"])
    (field,) = [one for one in panel_fields() if one.keyword == "wobble"]
    area = widgets.QWidget()
    box = editor(field, lambda *_: None, area, lambda domain: domain.built_in).widget
    assert (box.minimum(), box.maximum(), box.value(), box.singleStep()) == (2, 9, 4, 3)
    assert box.toolTip() == "How much it wobbles. Values: 2 to 9."
    area.deleteLater()
    application.processEvents()


def test_it_is_in_the_tables_of_the_documentation(enriched):
    from typer.main import get_command

    spec = importlib.util.spec_from_file_location("make_option_tables", ROOT / "docs" / "make_option_tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    guide = tables.guide_page(tables.GUIDE.read_text(encoding="utf-8"), get_command(_command_line()).commands)
    assert "| `--wobble` | 4 | 2 to 9 | complete | How much it wobbles. |" in guide
    page = tables.help_page(tables.HELP.read_text(encoding="utf-8"))
    assert (
        "<li><b>wobble</b>&nbsp;&nbsp;<i>N</i> (2 to 9, default <b>4</b>)\n&ndash; how much it wobbles\n</li>" in page
    )
