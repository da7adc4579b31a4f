from __future__ import annotations

import json
import string
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.contract.kinds import KINDS
from adp3d.contract.settings import rows
from adp3d.contract.specification import (
    B_FACTORS,
    CONFIDENCES,
    UPDATES,
    CompleteSpec,
    DistancesSpec,
    RefineSpec,
    from_dict,
    from_json,
    input_files,
    is_sequence_text,
    specification_of,
    to_dict,
    to_json,
    with_inputs,
)

names = st.text(string.ascii_letters + string.digits + "/._-é ", min_size=1, max_size=30).filter(str.strip)
ranges = st.from_regex(r"[A-Za-z0-9]{1,3}(:-?[0-9]{1,4}[A-Z]?(-[0-9]{1,4})?)?", fullmatch=True)
common = {
    "output": names,
    "reference": st.none() | names,
    "replicas": st.integers(1, 1024),
    "steps": st.integers(1, 100_000),
    "seed": st.integers(0, 2**63 - 1),
    "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:3", "mps"]),
    "prior": st.sampled_from(["builtin", "gaussian"]),
    "update": st.sampled_from(UPDATES),
    "b_factors": st.sampled_from(B_FACTORS),
    "trajectory_interval": st.integers(0, 1000),
}
model = {
    "model": names,
    "sequence": st.none() | names,
    "chains": st.none() | st.lists(names, min_size=1, max_size=4, unique=True).map(tuple),
    "confidence": st.sampled_from(CONFIDENCES),
    "keep": st.none() | st.lists(ranges, min_size=1, max_size=4, unique=True).map(tuple),
    "rebuild": st.none() | st.lists(ranges, min_size=1, max_size=4, unique=True).map(tuple),
}
specs = st.one_of(
    st.builds(CompleteSpec, **common, **model),
    st.builds(
        RefineSpec,
        **common,
        **model,
        map=names,
        half_maps=st.none() | st.lists(names, min_size=2, max_size=2, unique=True).map(tuple),
        resolution=st.none() | st.floats(0.5, 50),
        density_weight=st.none() | st.floats(0, 1e6),
    ),
    st.builds(DistancesSpec, **common, restraints=names, sequence=names),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


# a busy machine draws slowly
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specs)
def test_json_round_trip(spec):
    assert from_json(to_json(spec)) == spec


@given(specs, st.data())
def test_any_value_is_accepted_or_refused_with_a_sentence(spec, data):
    plain = to_dict(spec)
    name = data.draw(st.sampled_from([*plain, "surplus"]))
    plain[name] = data.draw(json_values)
    try:
        again = from_dict(plain)
    except InputError as error:
        text = str(error)
        assert text.endswith((".", "?")) and "\n" not in text.replace(repr(plain[name]), "") and len(text) < 500
    else:
        assert from_dict(to_dict(again)) == again


@given(st.text(max_size=200))
def test_arbitrary_text_is_refused(text):
    with pytest.raises(InputError):
        from_json(text)


def test_stored_form_is_stamped():
    data = json.loads(to_json(CompleteSpec(output="o", model="m.cif")))
    assert data["version"] == 1
    assert data["kind"] == "complete"
    assert {field.name for field in fields(CompleteSpec)} | {"version", "kind"} == set(data)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"replica": 3}, "did you mean 'replicas'"),
        ({"version": 99}, "update ADP-3D"),
        ({"version": True}, "version"),
        ({"kind": "fold"}, "refine, complete, distances"),
        ({"steps": 0}, "between 1 and 100,000"),
        ({"steps": 2.5}, "whole number"),
        ({"steps": True}, "whole number"),
        ({"seed": -1}, "between 0 and"),
        ({"device": "tpu"}, "auto, cpu, cuda"),
        ({"update": "newton"}, "proximal, gradient"),
        ({"confidence": ["plddt"]}, "one of none, modelangelo"),
        ({"resolution": float("nan")}, "between 0.5 and 50"),
        ({"resolution": 10**400}, "between 0.5 and 50"),
        ({"density_weight": "1"}, "must be a number"),
        ({"half_maps": ["a.mrc"]}, "pair of files"),
        ({"half_maps": ["a.mrc", "a.mrc"]}, "twice"),
        ({"chains": []}, "list of chain names"),
        ({"chains": "A"}, "list of chain names"),
        ({"keep": "A:12"}, "list of residues"),
        ({"keep": ["A:12-"]}, "such as 'A:12'"),
        ({"rebuild": ["A:12-"]}, "'rebuild' must list residues such as 'A:12'"),
        ({"keep": ["A 12"]}, "such as 'A:12'"),
        ({"model": "  "}, "must not be empty"),
        (
            {"prior": "alphafold"},
            "one of builtin, builtin-nomap, builtin-nosequence, builtin-plain, chroma, gaussian, rfdiffusion, not "
            "'alphafold'",
        ),
        ({"prior": ["builtin"]}, "one of builtin"),
    ],
)
def test_refusals(change, word):
    plain = {**to_dict(RefineSpec(output="o", map="m.mrc", model="m.cif")), **change}
    with pytest.raises(InputError, match=word):
        from_dict(plain)


def test_missing_settings_are_named():
    with pytest.raises(InputError, match="'restraints', 'sequence'"):
        from_dict({"version": 1, "kind": "distances", "output": "o"})
    with pytest.raises(InputError, match="'sequence' must be a text"):
        from_dict({"version": 1, "kind": "distances", "output": "o", "restraints": "r", "sequence": None})


def test_repeated_settings_are_refused():
    with pytest.raises(InputError, match="twice"):
        from_json('{"version": 1, "version": 1}')


def test_deeply_nested_json_is_refused():
    with pytest.raises(InputError):
        from_json("[" * 200_000)


def test_paths_are_stored_as_text():
    assert CompleteSpec(output=Path("o"), model=Path("a/b.cif")).model == str(Path("a/b.cif"))  # type: ignore[arg-type]


def test_sequence_text_or_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_sequence_text("MKVLAAGITRS")
    assert is_sequence_text(">one\nMKV")
    assert is_sequence_text("MKV LAA\nGIT*")
    assert is_sequence_text("MKV:AAA")
    assert is_sequence_text("A" * 5000)
    assert not is_sequence_text("protein.fasta")
    assert not is_sequence_text("folder/MKV")
    (tmp_path / "MKV").write_text("AAA")
    assert not is_sequence_text("MKV")


def test_input_files_and_their_replacement():
    spec = RefineSpec(output="o", map="a.map", model="b.cif", half_maps=("h1", "h2"), sequence="MKV", reference="r")
    assert input_files(spec) == {
        "map": ("a.map",),
        "model": ("b.cif",),
        "half_maps": ("h1", "h2"),
        "reference": ("r",),
    }
    moved = with_inputs(spec, {"map": ("x",), "half_maps": ("y", "z")}, "p")
    assert (moved.map, moved.half_maps, moved.model, moved.output) == ("x", ("y", "z"), "b.cif", "p")


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.samples_backbones])
def test_usual_steps_by_kind_of_job(kind):
    values = {"output": "job", "map": "a.mrc", "model": "a.cif", "restraints": "a.csv", "sequence": "MKV"}
    specification = specification_of(kind)
    needed = {row.name: values[row.name] for row in rows(specification) if row.required}
    assert specification(**needed).steps == KINDS[kind].steps
    assert specification(**needed, steps=7).steps == 7
