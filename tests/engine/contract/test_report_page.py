"""The page of a job: complete, escaped, small, and without any request."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from adp3d.contract.errors import InputError
from adp3d.contract.report_page import read_report_input, report_page
from adp3d.contract.segments import Segment, to_text

EVIL = '<script>alert("1")</script>'
SEGMENTS = (
    Segment("A", ("39", "40"), "rebuilt", 2, 5.0, ("1 chain break",), 71.0, 0.62, rotamers=0, clashes=1, breaks=1),
    Segment(EVIL, ("7",), "moved", confidence=99.0, displacement=1.3),
)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def folder(tmp_path):
    """A finished job whose texts are as bad as can be."""
    (tmp_path / "inputs").mkdir()
    spec = {
        "version": 1, "kind": "refine", "output": ".", "map": "inputs/map.mrc", "model": "inputs/model.cif",
        "replicas": 4, "steps": 40, "seed": 7, "prior": "builtin", "sequence": EVIL, "chains": ["A", "B"],
    }  # fmt: skip
    validation = {"clashscore": 3.21, "q_score": 0.71}
    metrics = {
        "residues": 172, "completeness_before": 64.5, "completeness_after": 100.0, "mean_confidence": 91.2,
        "resolution": 1.75, "map_cc_before": 0.61, "map_cc_after": 0.82, "relaxation": {"steps": 10},
        "validation": {"before": {"clashscore": 9.0}, "after": validation}, "side_chains": {"mode": "auto"},
        "displacement": {"domains": [{
            "chain": "A", "residues": EVIL, "count": 3, "shift": 2.0, "angle": 1.0, "ca_rmsd": 2.0,
            "ca_rmsd_internal": 0.1, "farthest": [], "hinge": None,
        }]},
    }  # fmt: skip
    events = [
        {"time": 1.7e9, "event": "started", "kind": "refine", "versions": {"adp3d": "0.1.0", "openmm": "8.2"}},
        {"time": 1.7e9, "event": "message", "level": "warning", "text": EVIL},
    ]
    (tmp_path / "job.json").write_text(json.dumps(spec))
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "events.log").write_text("\n".join(map(json.dumps, events)) + '\n{"half')
    (tmp_path / "segments.json").write_text(to_text(SEGMENTS))
    (tmp_path / "inputs" / "origins.json").write_text(json.dumps({"map.mrc": f"/data/{EVIL}/emd_1.mrc"}))
    (tmp_path / "chimerax.json").write_text(json.dumps({"command": f"adp3d refine {EVIL}"}))
    (tmp_path / "confidence.png").write_bytes(PNG + b"1" * 1000)
    return tmp_path


class Page(HTMLParser):
    """Elements, links and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.sources, self.text = [], [], [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        self.sources += [value for name, value in attrs if name in ("src", "srcset", "data", "background", "action")]

    def handle_data(self, data):
        self.text += data


def test_everything_is_there(folder):
    page = Page(report_page(read_report_input(folder)))
    for text in (
        "emd_1.mrc", "172", "0.820", "3.21", "A", "39-40", "1 chain break", "moved by 2.00 A", "seed", "7",
        "Levy A, Chan ER", "OpenMM 8.2", "ADP-3D 0.1.0", "4 replicas, 40 steps, seed 7", "1.75 \u00c5 resolution",
        "UCSF ChimeraX", "MolProbity", "A, B",
    ):  # fmt: skip
        assert text in page.text, text
    assert page.tags.count("img") == 1 and page.tags.count("h1") == 1


def test_residues_that_were_tugged(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    assert "Residues tugged" not in report_page(read_report_input(folder))
    times = ((45, 1), (80, 2), (81, 3))
    metrics["tugged"] = [{"chain": "A", "residue": str(n), "times": count} for n, count in times]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    assert (
        "Residues tugged by handA 45, A 80 (twice), A 81 (3 times)" in Page(report_page(read_report_input(folder))).text
    )


def test_nothing_is_loaded_and_nothing_runs(folder):
    text = report_page(read_report_input(folder))
    page = Page(text)
    assert not {"script", "iframe", "link", "object", "embed", "form"} & set(page.tags)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources) and page.sources
    assert all(re.match(r"https://(doi\.org|arxiv\.org)/", link) for link in page.links), "links are only followed"
    assert "default-src 'none'" in text.replace("&#x27;", "'") and "@import" not in text and "url(" not in text
    assert EVIL not in text and page.text.count(EVIL) == 5, "sequence, message, command, chain and residues"
    assert base64.b64decode(page.sources[0].partition(",")[2]) == (folder / "confidence.png").read_bytes()


def test_large_pictures_are_left_out_and_named(folder):
    (folder / "convergence.png").write_bytes(PNG + b"0" * 2_900_000)
    (folder / "rmsd_completeness.png").write_bytes(PNG + b"0" * 200_000)
    text = report_page(read_report_input(folder))
    assert len(text.encode()) < 5_000_000
    assert "in the folder: rmsd_completeness.png" in text


def test_settings_that_were_changed(folder):
    text = report_page(read_report_input(folder))
    rows = dict(re.findall(r"<tr><td>(\w+)</td><td>[^<]*</td><td>(\w*)</td></tr>", text))
    assert rows["seed"] == "changed" and rows["prior"] == "default" and rows["model"] == ""


@pytest.mark.parametrize(
    "gone", ["segments.json", "events.log", "confidence.png", "inputs/origins.json", "chimerax.json"]
)
def test_what_is_missing_is_left_out(folder, gone):
    (folder / gone).unlink()
    assert "Settings" in report_page(read_report_input(folder))


def test_what_is_no_finished_job_is_refused(folder):
    (folder / "metrics.json").unlink()
    with pytest.raises(InputError, match="has not finished"):
        read_report_input(folder)
    with pytest.raises(InputError, match="is not a job folder"):
        read_report_input(folder / "inputs")
