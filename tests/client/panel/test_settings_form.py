from __future__ import annotations

from types import SimpleNamespace

import pytest
from chimerax.adp3d.panel.fields import defaults, panel_fields
from chimerax.adp3d.panel.form import run_command


class Opened:
    """Models that are open, as far as the menus look at them."""

    def __init__(self):
        self.models = []
        self.maps = []
        self.sequences = []

    def model(self, number, name="a model with quite a long name, longer than the panel is wide.cif"):
        model = SimpleNamespace(id_string=str(number), name=name, atomspec=f"#{number}")
        return model


@pytest.fixture
def opened():
    return Opened()


@pytest.fixture
def changes():
    return []


@pytest.fixture
def form(area, opened, changes):
    from chimerax.adp3d.panel.settings_form import SettingsForm

    form = SettingsForm(
        lambda: opened.models,
        lambda: opened.maps,
        lambda: opened.sequences,
        lambda: changes.append(1),
        lambda function: lambda *_: function(),
        area,
    )
    form.show()
    return form


def test_starts_with_the_defaults(form):
    assert form.options() == defaults()
    assert form.preset.currentText() == "standard"
    assert form.form().task == "refine"
    assert form.form().model == form.form().map == ""


def test_follows_open_models(form, opened):
    first, second = opened.model(1), opened.model(2)
    opened.models = [first, second]
    opened.maps = [opened.model(3)]
    form.refresh()
    assert run_command(form.form()) == "adp3d refine #1 inMap #3"
    form.model.choose(second)
    opened.models = [second, opened.model(4)]
    form.refresh()
    assert form.form().model == "#2"
    opened.models = []
    form.refresh()
    assert form.form().model == ""
    assert not form.model.widget.isEnabled()


def test_renamed_and_renumbered_models(form, opened):
    model = opened.model(1)
    opened.models = [model]
    form.refresh()
    model.id_string, model.atomspec, model.name = "7", "#7", "new"
    form.refresh()
    assert form.model.widget.currentText() == "#7  new"
    assert form.form().model == "#7"


def test_presets_set_and_follow_the_options(form, changes):
    form.preset.setCurrentText("quick")
    form.preset.activated.emit(form.preset.currentIndex())
    assert form.options()["steps"] is None
    assert form.options()["replicas"] == 4
    assert changes
    form.load("refine", {"steps": 61})
    assert form.preset.currentText() == "custom"


@pytest.mark.parametrize("task", ["refine", "complete", "distances"])
@pytest.mark.parametrize("more", [False, True])
def test_only_options_of_the_task_are_shown(form, application, task, more):
    form.load(task, {})
    form.more.setChecked(more)
    application.processEvents()
    for f in panel_fields():
        widget = form._editors[f.keyword].widget
        assert widget.isVisible() == (task in f.tasks and (f.row.setting.always or more)), f.keyword
    assert form.map.widget.isVisible() == (task == "refine")
    assert form.part.isVisible() == (task != "distances")
    assert form.files["restraints"].widget.isVisible() == (task == "distances")


def test_every_option_reaches_the_command(form, opened):
    opened.models, opened.maps = [opened.model(2)], [opened.model(1)]
    form.refresh()
    changed = {
        "replicas": 3, "steps": 7, "resolution": 2.5, "confidence": "plddt", "halfMaps": "#3,#4",
        "densityWeight": 0.5, "keep": "/A:1", "keepTypes": True, "sideChains": "rebuild", "seed": 9, "device": "cpu",
        "live": False, "measure": "distances@a.csv", "prior": "gaussian", "dock": "always", "pae": "pae.json",
        "relax": False, "region": "windows", "unseen": "build", "symmetry": "C3",
    }  # fmt: skip
    assert set(changed) == {f.keyword for f in panel_fields()}
    form.load("refine", changed)
    assert form.options() == changed
    form.part.setText("A")
    command = run_command(form.form())
    assert command.startswith("adp3d refine #2/A inMap #1 ")
    for keyword in changed:
        assert f" {keyword} " in command


def test_sequences(form, opened):
    assert form.form().sequence == ""
    opened.sequences = ["1:query"]
    form.refresh()
    assert form.sequence.combo.itemText(1) == "1:query"
    form.sequence.combo.setEditText("MKV LLA\nGH")
    assert form.form().sequence == "MKVLLAGH"
    form.sequence.combo.setEditText("/my files/a.fasta")
    opened.sequences = []
    form.refresh()
    assert form.form().sequence == "/my files/a.fasta"


def test_fits_in_300_pixels(form, opened, application):
    opened.models, opened.maps = [opened.model(2)], [opened.model(1)]
    form.refresh()
    for task in ("refine", "complete", "distances"):
        form.load(task, {})
        form.more.setChecked(True)
        application.processEvents()
        assert form.minimumSizeHint().width() <= 284, task  # 300 less margins and a scroll bar


def _editor(form, keyword):
    return form._editors[keyword]


def test_seeds_have_the_whole_range(form):
    seed = _editor(form, "seed")
    for value in (0, 2**31, 2**63 - 1):
        seed.set_value(value)
        assert seed.value() == value and seed.widget.hasAcceptableInput()
    for text in (str(2**63), "-1", "1.5", "x"):
        seed.widget.setText(text)
        assert not seed.widget.hasAcceptableInput()
    seed.widget.clear()
    assert form.options()["seed"] == 0


def test_resolution_is_left_to_the_program_or_in_its_range(form):
    resolution = _editor(form, "resolution")
    assert resolution.value() is None and resolution.widget.text() == "estimated"
    resolution.widget.stepBy(1)
    assert resolution.value() == 0.5
    resolution.widget.stepBy(2)
    assert resolution.value() == pytest.approx(0.7)
    resolution.set_value(80)
    assert resolution.value() == 50.0
    resolution.set_value(None)
    assert resolution.value() is None


def test_priors_that_the_engine_tells_are_offered(area):
    from chimerax.adp3d.panel.settings_form import SettingsForm

    told = ["builtin"]
    plain = lambda: []  # noqa: E731
    form = SettingsForm(plain, plain, plain, plain, lambda function: lambda *_: function(), area, lambda _: told)
    form.load("complete", {"prior": "remembered"})
    told.append("stiff")
    form.refresh_names()
    menu = _editor(form, "prior").widget
    assert [menu.itemText(i) for i in range(menu.count())] == ["builtin", "remembered", "stiff"]
    assert form.options()["prior"] == "remembered"


def test_tips_tell_the_range(form):
    assert "1 to 1,024" in _editor(form, "replicas").widget.toolTip()
    assert "0 to 2^63-1" in _editor(form, "seed").widget.toolTip()
