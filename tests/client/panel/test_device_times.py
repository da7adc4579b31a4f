"""Estimates of a job by device, and how the menu of devices says them."""

from __future__ import annotations

from types import MappingProxyType


def _form(**options):
    from chimerax.adp3d.panel.form import Form

    return Form("complete", "#1", options={"device": "auto", "replicas": 8, **options})


def test_reports_of_one_job_add_up_and_another_job_has_none():
    from chimerax.adp3d.panel.device_times import DeviceTimes

    here = {
        "cost": {"device": "cuda:0", "seconds": 70.0, "seconds_on": {"cpu": 1500.0, "cuda:0": 70.0, "cuda:1": 71.0}}
    }
    there = {"cost": {"device": "cuda:0", "seconds": 8000.0, "seconds_on": {"cpu": 9.0, "cuda:0": 8000.0}}}
    times = DeviceTimes().learn(_form(), here)
    words = {"auto": "about 70 s", "cpu": "about 25 min", "cuda": "about 70 s", "cuda:1": "about 71 s"}
    assert times.texts(_form()) == times.texts(_form(device="cpu")) == words
    assert times.texts(_form(replicas=4)) == {}
    both = times.learn(_form(device="box"), there)
    assert both.texts(_form()) == {**words, "box": "about 2.2 h"}, "what is there says nothing of devices here"
    assert both.learn(_form(), None) is both and both.learn(_form(), {"cost": None}) is both
    other = both.learn(_form(replicas=4), here)
    assert "box" not in other.texts(_form(replicas=4)) and other.texts(_form()) == {}


def test_the_menu_of_devices_says_them_and_keeps_the_names(area):
    from chimerax.adp3d.panel.editors import DeviceMenu

    names, changes = ["auto", "cpu"], []
    menu = DeviceMenu(lambda: names, lambda *_: changes.append(menu.value()), area)
    menu.set_value("cpu")
    menu.tell(MappingProxyType({"cpu": "about 25 min", "box": "about 70 s"}))
    assert menu.value() == "cpu" and menu.widget.currentText() == "cpu (about 25 min)"
    names.append("box")
    menu.refresh()
    assert [menu.widget.itemText(i) for i in range(3)] == ["auto", "cpu (about 25 min)", "box (about 70 s)"]
    menu.set_value("cuda:3")
    assert menu.value() == "cuda:3"
    menu.tell({})
    assert [menu.widget.itemText(i) for i in range(4)] == ["auto", "cpu", "box", "cuda:3"]
    assert changes == ["cpu", "cuda:3"]
