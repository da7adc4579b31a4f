from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture
def tool(session, application):
    real = importlib.util.find_spec("chimerax.ui.statusbar") is not None
    if real and not session.ui.is_gui:
        pytest.skip("windows of tools need ChimeraX with its main window")
    from chimerax.adp3d.panel.tool import ADP3DTool

    tool = ADP3DTool(session, "ADP-3D")
    yield tool
    if tool in session.tools.list():
        tool.delete()


def test_tool_shows_the_panel(tool, session, application):
    from chimerax.adp3d.jobs.manager import job_manager

    assert tool in session.tools.list()
    assert not tool.tool_window.ui_area.isHidden()  # the main window itself may not be shown yet
    assert tool.panel.manager is job_manager(session)
    assert tool.display_name == tool.tool_name


@pytest.mark.parametrize(("tools", "panel"), [("right", "left"), ("left", "right")])
def test_it_gets_a_column_of_its_own(tools, panel):
    """Beside Log, Models and Volume Viewer it would squeeze the Log to nothing."""
    from types import SimpleNamespace

    from chimerax.adp3d.panel.free_side import free_side

    settings = SimpleNamespace(default_tool_window_side=tools)
    assert free_side(SimpleNamespace(ui=SimpleNamespace(settings=settings))) == panel


def test_the_page_of_the_help_button_exists(tool):
    from chimerax.adp3d.process.environment import ENGINE

    assert tool.help.startswith("help:user/")
    assert (ENGINE.parent / "docs" / tool.help.removeprefix("help:")).is_file()


def test_closed_tool_leaves_jobs_alone(tool, session, make_job):
    from chimerax.adp3d.jobs.manager import job_manager

    tool.delete()
    assert tool not in session.tools.list()
    job_manager(session).triggers.activate_trigger("job changed", make_job(1))
    assert not tool.panel._timer.isActive()


def test_the_menu_opens_one_panel_and_none_without_a_window(tool, session, monkeypatch):
    from types import SimpleNamespace

    from chimerax.adp3d import bundle_api
    from chimerax.adp3d.panel.tool import ADP3DTool

    info = SimpleNamespace(name="ADP-3D")
    monkeypatch.setattr(session.ui, "is_gui", True)
    assert bundle_api.start_tool(session, None, info) is tool
    tool.delete()
    opened = bundle_api.start_tool(session, None, info)
    assert type(opened) is ADP3DTool and opened in session.tools.list()
    assert bundle_api.start_tool(session, None, info) is opened
    opened.delete()
    monkeypatch.setattr(session.ui, "is_gui", False)
    assert bundle_api.start_tool(session, None, info) is None and session.tools.find_by_class(ADP3DTool) == []
