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

    made = PreferencePage(session, lambda: ("auto", "cpu", "cuda", "box"), guarded, area)
    made.told = told
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


def test_nothing_is_cut_in_a_narrow_panel(page, application):
    page.resize(300, 400)
    page.show()
    application.processEvents()
    assert page.minimumSizeHint().width() <= 300
    assert page.note.height() >= page.note.heightForWidth(page.note.width())
