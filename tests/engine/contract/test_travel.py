from __future__ import annotations

from adp3d.contract.specification import BackmapSpec, DistancesSpec, RefineSpec, input_files, to_dict
from adp3d.contract.travel import files_in, with_files

REFINE = RefineSpec(
    map="/a/m.mrc",
    half_maps=("/a/h1.mrc", "/a/h2.mrc"),
    model="/a/x.cif",
    sequence="MKTAYIAK",
    reference="/a/x.cif",
    measure=("distances@/a/r.csv", 'distances@"/a/two words.csv" 3'),
    output="/jobs/1",
)


def test_all_inputs_travel_and_nothing_else():
    for spec in (
        REFINE,
        DistancesSpec(restraints="/a/r.csv", sequence="/a/s.fasta", output="/jobs/1"),
        BackmapSpec(model="/a/t.dcd", topology="/a/t.pdb", output="/jobs/1"),
    ):
        inputs = {path for paths in input_files(spec).values() for path in paths}
        assert set(files_in(to_dict(spec))) == inputs
        there = with_files(to_dict(spec), lambda path: "/far" + path)
        assert set(files_in(there)) == {"/far" + path for path in inputs}
        assert {k: v for k, v in there.items() if v != to_dict(spec)[k]}.keys() == input_files(spec).keys()


def test_measurements_keep_their_words():
    there = with_files(to_dict(REFINE), lambda path: "/far" + path)
    assert there["measure"] == ["distances@/far/a/r.csv", 'distances@"/far/a/two words.csv" 3']
    assert there["sequence"] == "MKTAYIAK" and there["output"] == "/jobs/1"


def test_questions_travel_too():
    dock = {"map": "/a/m.mrc", "models": ["/a/1.cif", "/a/2.cif"], "labels": ["#1", "#2"], "pae": None, "device": "gpu"}
    assert files_in(dock) == ["/a/m.mrc", "/a/1.cif", "/a/2.cif"]
    assert with_files(dock, str.upper) == {**dock, "map": "/A/M.MRC", "models": ["/A/1.CIF", "/A/2.CIF"]}
    assert files_in({"models": ["/a/1.cif"], "labels": ["/a/1.cif"], "reference": "/a/r.cif", "interface": "A:B"}) == [
        "/a/1.cif",
        "/a/r.cif",
    ]
