from __future__ import annotations

from chimerax.adp3d.panel.report import report_text


def test_problems_come_first():
    report = {
        "ok": False,
        "problems": ["The model lies outside the map."],
        "advice": ["Fit it first."],
        "lines": ["Chain A: 10 of 12 residues."],
    }
    assert report_text(report).splitlines() == [
        "The job cannot run like this.",
        "The model lies outside the map.",
        "Fit it first.",
        "Chain A: 10 of 12 residues.",
    ]


def test_nothing_to_tell():
    assert report_text(None) == ""
    assert report_text({"ok": True}) == "The job can run."


def test_no_line_twice():
    assert report_text({"ok": True, "advice": ["a"], "lines": ["a", "b"]}).splitlines()[1:] == ["a", "b"]


def test_a_check_that_waits_has_no_verdict_yet():
    from chimerax.adp3d.panel.report import report_text

    waits = "The check waits for the installation of the engine; its report will be in the log."
    assert report_text({"ok": None, "problems": [], "advice": [], "lines": [waits]}) == waits
