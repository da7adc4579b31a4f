"""The page of preferences, and what jobs make of them."""

from __future__ import annotations

import pytest


@pytest.fixture
def page(session, area, preferences):
    from chimerax.adp3d.panel.preference_page import PreferencePage

    told = []

    def guarded(function):
        from chimerax.core.errors import UserError

        def call(*_):
            try:
                function()
            except UserError as error:
                told.append(str(error))

        return call

    given = []
    made = PreferencePage(session, lambda: ("auto", "cpu", "cuda", "box"), guarded, area, given.append)
    made.told, made.given = told, given
    return made


def test_what_is_chosen_is_saved_and_shown_again(page, preferences, tmp_path):
    assert page.device.currentText() == "auto" and page.b_factors.currentText() == "plausible"
    assert page.folder.line.text() == "" and page.threads.text() == "automatic"
    page.folder.line.setText(str(tmp_path / "jobs"))
    page.folder.line.editingFinished.emit()
    page.device.setCurrentText("box")
    page.device.activated.emit(3)
    page.threads.setValue(3)
    page.b_factors.setCurrentText("confidence")
    page.b_factors.activated.emit(1)
    found = (preferences.job_folder, preferences.job_device, preferences.job_threads, preferences.job_b_factors)
    assert found == (str(tmp_path / "jobs"), "box", 3, "confidence")
    page.device.setCurrentText("auto")
    page.device.activated.emit(0)
    assert preferences.job_device == ""
    preferences.job_device, preferences.job_threads = "gone", 0
    page.refresh()
    assert page.device.currentText() == "gone" and page.threads.value() == 0
    assert page.folder.line.text() == str(tmp_path / "jobs")


def test_a_folder_that_cannot_hold_jobs_is_refused(page, preferences, tmp_path):
    (tmp_path / "file").write_text("mine")
    page.folder.line.setText(str(tmp_path / "file"))
    page.folder.line.editingFinished.emit()
    assert preferences.job_folder == "" and "cannot be written into" in page.told[-1]


def test_engines_elsewhere_are_added_tested_and_removed(page, session, preferences):
    from chimerax.adp3d.process.hosts import Host, forget_host, remember_host

    box = page.engines
    assert box.known.currentText() == "none yet" and not (box.test.isEnabled() or box.add.isEnabled())
    box.name.setText("gpu")
    assert not box.add.isEnabled()
    box.place.setText("me@server; close")
    box.add.click()
    assert page.given == ['adp3d engine add gpu ssh "me@server; close"'] and box.place.text() == ""
    for name in ("gpu", "other"):
        remember_host(session, Host(name, "me@server"))
    page.refresh()
    assert [box.known.itemText(i) for i in range(2)] == ["gpu: me@server", "other: me@server"]
    box.known.setCurrentIndex(1)
    box.test.click()
    box.remove.click()
    assert page.given[1:] == ["adp3d engine test other", "adp3d engine remove other"]
    forget_host(session, "gpu")
    page.refresh()
    assert box.known.currentText() == "other: me@server", "what is chosen stays"
    forget_host(session, "other")
    page.refresh()
    assert not box.remove.isEnabled()


def test_nothing_is_cut_in_a_narrow_panel(page, application):
    page.resize(300, 400)
    page.show()
    application.processEvents()
    assert page.minimumSizeHint().width() <= 300
    assert page.note.height() >= page.note.heightForWidth(page.note.width())
