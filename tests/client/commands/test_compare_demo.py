"""Comparing models, the example, and arguments of commands."""

from __future__ import annotations

import numpy as np
import pytest


def _run(session, command, **kw):
    from chimerax.core.commands import run

    return run(session, command, **kw)


def test_compare_in_place_and_superposed(session, make_model, tmp_path):
    whole, part = make_model(missing=(), name="whole"), make_model(missing=(8, 9, 10), name="part")
    part.atoms.coords = part.atoms.coords + np.array([3.0, 0.0, 4.0])
    before = part.atoms.coords.copy()
    pair = f"#{part.id_string} #{whole.id_string}"
    report = _run(session, f"adp3d compare {pair} save {tmp_path / 'curve.csv'}")
    assert report["rmsd"] == pytest.approx(5.0, abs=1e-4) and report["completeness"] == pytest.approx(17 / 20)
    assert (report["residues"], report["reference_residues"]) == (17, 20)
    assert len(report["curve"]) == 17 and (tmp_path / "curve.csv").read_text().count("\n") == 18
    assert _run(session, f"adp3d compare {pair} superpose true")["rmsd"] == pytest.approx(0.0, abs=1e-3)
    assert np.array_equal(part.atoms.coords, before)
    swapped = _run(session, f"adp3d compare #{whole.id_string} #{part.id_string}")
    assert (swapped["model"], swapped["reference"]) == (f"#{whole.id_string}", f"#{part.id_string}")


def test_the_curve_by_confidence(session, make_model):
    """Results have their confidence as an attribute, whatever their B-factors; other models as B-factors."""
    from chimerax.adp3d.handover.attributes import CONFIDENCE_ATTRIBUTE, register_attributes

    reference, model = make_model(missing=(), name="reference"), make_model(missing=(), name="model")
    off = np.zeros((model.num_atoms, 3))
    wrong = model.residues[4]
    off[[model.atoms.index(atom) for atom in wrong.atoms]] = (2.0, 0.0, 0.0)
    model.atoms.coords = model.atoms.coords + off
    command = f"adp3d compare #{model.id_string} #{reference.id_string} rank confidence"
    wrong.find_atom("CA").bfactor = 1000.0
    assert _run(session, command)["curve"][0][1] == pytest.approx(2.0, abs=1e-3), "the highest B-factor comes first"
    register_attributes(session)
    for residue in model.residues:
        setattr(residue, CONFIDENCE_ATTRIBUTE, 20.0 if residue is wrong else 90.0)
    curve = _run(session, command)["curve"]
    assert curve[0][1] == pytest.approx(0.0, abs=1e-3) and curve[18][1] == pytest.approx(0.0, abs=1e-3)
    assert curve[19][1] == pytest.approx(2.0 / np.sqrt(20), abs=1e-3)


def test_programs_get_the_report_as_json(session, make_model):
    import json

    from chimerax.adp3d.commands.compare import adp3d_compare
    from chimerax.adp3d.handover.part import ModelPart

    parts = tuple(ModelPart(make_model(missing=missing)) for missing in ((), (8, 9, 10)))
    answer = adp3d_compare(session, parts, return_json=True)
    assert json.loads(answer.json_value) == answer.python_value == adp3d_compare(session, parts)
    assert answer.python_value["residues"] == 17


def test_curve_follows_its_definition():
    from chimerax.adp3d.handover.pairing import error_curve

    completeness, rmsd = error_curve(np.array([3.0, 0.0, 4.0]), np.array([50.0, 90.0, 10.0]), 6)
    assert completeness == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert rmsd == pytest.approx([0.0, np.sqrt(9 / 2), np.sqrt(25 / 3)])


def test_superposition_recovers_a_motion():
    from chimerax.adp3d.handover.pairing import superpose
    from chimerax.geometry import rotation, translation

    points = np.random.default_rng(1).normal(size=(12, 3)) * 10
    moved = (translation((4, 5, 6)) * rotation((1, 2, 3), 77)) * points
    assert superpose(moved, points) == pytest.approx(points, abs=1e-4)


def test_chains_are_paired_by_sequence_where_names_and_numbers_differ(session, make_model):
    from chimerax.adp3d.handover.pairing import pair_traces, read_traces
    from chimerax.adp3d.handover.part import ModelPart

    one = make_model(missing=(), chains="A", name="one")
    two = make_model(missing=(), chains="Q", name="two", first=101)
    pairs = pair_traces(read_traces(ModelPart(one)), read_traces(ModelPart(two)))
    assert pairs.chains == (("A", "Q"),) and len(pairs.first) == 20
    assert np.allclose(pairs.first, pairs.second)


def test_nothing_in_common(session, make_model):
    from chimerax.core.errors import UserError

    one = make_model(missing=(), name="one")
    two = make_model(missing=(), name="two", sequence="WGWGHHTSSTWGWHTSGHWT", first=500)
    with pytest.raises(UserError, match="in common"):
        _run(session, f"adp3d compare #{one.id_string} #{two.id_string}")


def test_example_files_are_there_and_unpack(session, tmp_path):
    import gzip

    from chimerax.adp3d.commands import demo
    from chimerax.adp3d.settings import adp3d_settings

    adp3d_settings(session).job_folder = str(tmp_path)
    files = demo.demo_files()
    assert all(path.is_file() for path in files.values())
    unpacked = demo._unpacked(session, files["model"])
    assert unpacked.read_bytes() == gzip.decompress(files["model"].read_bytes()) and unpacked.suffix == ".cif"


def test_example_opens(session, tmp_path):
    if getattr(session, "open_command", None) is None:
        pytest.skip("opening map files is ChimeraX's business")
    from chimerax.adp3d.settings import adp3d_settings

    adp3d_settings(session).job_folder = str(tmp_path)
    volume, model, reference = _run(session, "adp3d demo reference true")
    assert volume.data.size == (86, 93, 98) and model.num_residues == 111 and reference.num_residues == 172
    report = _run(session, f"adp3d compare #{model.id_string} #{reference.id_string}")
    assert report["rmsd"] == pytest.approx(0.0, abs=0.01) and report["completeness"] == pytest.approx(111 / 172)


def test_example_is_opened_once(session, tmp_path):
    if getattr(session, "open_command", None) is None:
        pytest.skip("opening map files is ChimeraX's business")
    from chimerax.adp3d.settings import adp3d_settings

    adp3d_settings(session).job_folder = str(tmp_path)
    volume, model = _run(session, "adp3d demo")
    model.name = "my own name"
    again = _run(session, "adp3d demo reference true")
    assert again[:2] == [volume, model]
    assert _run(session, "adp3d demo reference true") == again
    session.models.close([volume])
    assert _run(session, "adp3d demo")[1] is model


def test_models_of_the_example_are_known_again(session, make_model, tmp_path):
    from chimerax.adp3d.commands.demo import _open_already
    from chimerax.adp3d.handover.accepted import set_accepted

    path = tmp_path / "emd_20026_incomplete.cif"
    other, model = make_model(), make_model()
    assert _open_already(session, path) is None
    model.filename = str(path)  # as a restored session has it
    assert _open_already(session, path) is model
    set_accepted(model, [object()])
    assert _open_already(session, path) is None, "the example is the incomplete model"
    set_accepted(model, [])
    session.models.close([model])
    assert _open_already(session, path) is None and not other.deleted


@pytest.mark.parametrize("written", ["#{a},{b}", "#{a},#{b}"])
def test_half_maps(session, make_map, written):
    from chimerax.adp3d.commands.arguments import HalfMapsArg

    one, two = make_map(), make_map()
    maps, _, rest = HalfMapsArg.parse(written.format(a=one.id_string, b=two.id_string) + " wait true", session)
    assert maps == [one, two] and rest.strip() == "wait true"


@pytest.mark.parametrize(("text", "good"), [("cpu", True), ("CUDA:1", True), ("gpu", False), ("cuda:x", False)])
def test_devices(session, text, good):
    from chimerax.adp3d.commands.arguments import DeviceArg
    from chimerax.core.commands import AnnotationError

    if good:
        assert DeviceArg.parse(text, session)[0] == text.lower()
    else:
        with pytest.raises(AnnotationError):
            DeviceArg.parse(text, session)


def test_classes_of_session_files(session):
    from chimerax.adp3d import bundle_api

    assert bundle_api.get_class("SavedJobs").__name__ == "SavedJobs"
    assert bundle_api.get_class("Anything") is None


def test_equivalent_command():
    from types import SimpleNamespace

    from chimerax.adp3d.commands.submit import command_text

    volume = SimpleNamespace(id_string="1.2")
    settings = [
        ("in_map", volume),
        ("half_maps", [volume, volume]),
        ("keep", None),
        ("live", True),
        ("resolution", 3.5),
    ]
    assert command_text("refine", "#2", settings) == (
        "adp3d refine #2 inMap #1.2 halfMaps #1.2,#1.2 live true resolution 3.5"
    )


def test_example_is_seen_through_and_has_the_settings_of_the_readme(session, tmp_path, messages):
    if getattr(session, "open_command", None) is None:
        pytest.skip("opening map files is ChimeraX's business")
    from chimerax.adp3d.settings import adp3d_settings

    adp3d_settings(session).job_folder = str(tmp_path)
    volume, model = _run(session, "adp3d demo")
    assert [s.level for s in volume.surfaces] == [pytest.approx(0.035)]
    assert volume.surfaces[0].color[3] == pytest.approx(0.35 * 255, abs=1)
    what = f"#{model.id_string} inMap #{volume.id_string} resolution 1.75 replicas 4 steps 40"
    text = " ".join(word for _, text in messages for word in text.split())  # the log breaks lines
    assert f"adp3d refine {what}" in text and f"adp3d check {what}" in text
