"""What users get wrong: exit code 2, one sentence on standard error, nothing left but the log of a begun job."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import textwrap

import gemmi
import numpy as np
import pytest
import torch

from adp3d.cli.app import run
from adp3d.contract.folder_state import failed_start
from adp3d.density.crop import crop
from adp3d.density.write import write_map

RUN = ("-r", "1", "-n", "2", "-d", "cpu", "--prior", "gaussian", "-o", "job")


@pytest.fixture
def place(small, tmp_path, monkeypatch):
    """Working directory with links to the inputs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for path in (small.map, small.model, small.deposited):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)


@pytest.fixture
def refuse(place, capsys):
    """``refuse(arguments, words)``: run, check that the refusal is as it should be, return its sentence."""

    def check(arguments, *words):
        before = _files(place)
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert code == 2, captured.err
        assert "Traceback" not in captured.err
        # notes about the input may come first, but there is one sentence that says why it ended, the last
        lines = captured.err.splitlines()
        errors = [line for line in lines if line.startswith("Error: ")]
        assert errors == lines[-1:], captured.err
        assert errors[0].rstrip().endswith((".", "?")), errors
        for word in words:
            assert word in errors[0]
        assert _files(place) == before
        # a job that was refused after it began leaves its log, and its folder to the next one
        assert not (place / "job").exists() or failed_start(place / "job")
        return errors[0]

    return check


def _files(place):
    """Files outside of the job's folder, and when they were changed."""
    files = (path for path in place.rglob("*") if path.is_file() and place / "job" not in path.parents)
    return {path: path.stat().st_mtime_ns for path in files}


def edit(model, change):
    """Change the coordinates or residues of a model file in place."""
    structure = gemmi.read_structure(str(model))
    change(structure)
    structure.make_mmcif_document().write_file(str(model))


def shift(structure, by):
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.pos += gemmi.Position(*by)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_map(place, refuse, share):
    content = (place / "map.mrc").read_bytes()
    (place / "short.mrc").write_bytes(content[: int(share * len(content))])
    refuse(["refine", "short.mrc", "model.cif", *RUN], "than" if share < 0.5 else "truncated")


def test_truncated_gzip(place, refuse):
    packed = gzip.compress((place / "map.mrc").read_bytes(), 1)
    (place / "short.mrc.gz").write_bytes(packed[: len(packed) // 2])
    refuse(["refine", "short.mrc.gz", "model.cif", *RUN], "decompressed")
    (place / "cut.cif.gz").write_bytes(gzip.compress((place / "model.cif").read_bytes())[:2000])
    refuse(["refine", "map.mrc", "cut.cif.gz", *RUN])


@pytest.mark.parametrize("size", [2**31 - 1, 100_000, -5, 0])
def test_huge_header(place, refuse, size):
    content = bytearray((place / "map.mrc").read_bytes())
    content[0:12] = struct.pack("<3i", size, size, size)
    (place / "huge.mrc").write_bytes(content)
    refuse(["refine", "huge.mrc", "model.cif", *RUN])


def test_huge_extended_header(place, refuse):
    content = bytearray((place / "map.mrc").read_bytes())
    content[92:96] = struct.pack("<i", 2**31 - 1)
    (place / "huge.mrc").write_bytes(content[:-4])
    refuse(["refine", "huge.mrc", "model.cif", *RUN])


@pytest.mark.parametrize("content", [b"", b"not a map", os.urandom(5000)])
def test_files_of_another_kind(place, refuse, content):
    (place / "other.mrc").write_bytes(content)
    (place / "other.cif").write_bytes(content)
    refuse(["refine", "other.mrc", "model.cif", *RUN])
    refuse(["refine", "map.mrc", "other.cif", *RUN])
    refuse(["complete", "other.cif", *RUN])


def test_swapped_map_and_model(refuse, place):
    refuse(["refine", "model.cif", "map.mrc", *RUN])


@pytest.mark.parametrize("by", [(1000.0, 0, 0), (0, -60.0, 60.0)])
def test_map_and_model_do_not_overlap(place, refuse, by):
    edit(place / "model.cif", lambda structure: shift(structure, by))
    refuse(["refine", "map.mrc", "model.cif", "--dock", "never", *RUN], "map")


def test_constant_and_not_finite_maps(place, small, refuse):
    density = small.density
    write_map(density.with_values(np.zeros_like(density.values)), place / "zero.mrc")
    refuse(["refine", "zero.mrc", "model.cif", *RUN])
    content = bytearray((place / "map.mrc").read_bytes())
    content[-4 * 5000 :] = struct.pack("<f", float("nan")) * 5000
    (place / "nan.mrc").write_bytes(content)
    refuse(["refine", "nan.mrc", "model.cif", *RUN])


def test_selection_of_chains_that_do_not_exist(refuse):
    refuse(["refine", "map.mrc", "model.cif", "-c", "Q", *RUN], "Q")
    refuse(["complete", "model.cif", "--chains", "A,Q", *RUN], "Q")
    refuse(["complete", "model.cif", "--chains", "", *RUN], "chains")


@pytest.mark.parametrize(
    "sequence", ["W" * 60, "GSHMDVNEWCPYHTFLMGRKIDSAWTNCVEYPHQFMRLGDWIKENTCSYVPH", "MK1TA", "ACGU" * 30]
)
def test_sequence_that_does_not_match(refuse, sequence):
    refuse(["complete", "model.cif", "-s", sequence, *RUN])
    refuse(["refine", "map.mrc", "model.cif", "-s", sequence, *RUN])


def test_empty_sequence_file(place, refuse):
    (place / "empty.fasta").write_text("")
    refuse(["complete", "model.cif", "-s", "empty.fasta", *RUN])
    (place / "header.fasta").write_text(">protein\n")
    refuse(["complete", "model.cif", "-s", "header.fasta", *RUN])


def test_model_without_protein(place, refuse):
    def to_water(structure):
        for residue in structure[0]["A"]:
            residue.name = "HOH"
            while len(residue) > 1:
                del residue[-1]
            residue[0].name, residue[0].element = "O", gemmi.Element("O")
        structure.entities.clear()
        structure.setup_entities()

    edit(place / "model.cif", to_water)
    refuse(["complete", "model.cif", *RUN], "protein")
    refuse(["refine", "map.mrc", "model.cif", *RUN], "protein")


def test_model_without_atoms(place, refuse):
    (place / "model.cif").write_text("data_x\n_entry.id x\n")
    refuse(["complete", "model.cif", *RUN])


@pytest.mark.parametrize("word", ["nan", "inf", "1e30", "x"])
def test_coordinates_that_are_not_finite(place, refuse, word):
    lines = (place / "model.cif").read_text().splitlines()
    loop = [i for i, line in enumerate(lines) if line.startswith("ATOM")]
    names = [line.strip() for line in lines[: loop[0]] if line.startswith("_atom_site.")]
    column = names.index("_atom_site.Cartn_x")
    fields = lines[loop[30]].split()
    fields[column] = word
    lines[loop[30]] = " ".join(fields)
    (place / "model.cif").write_text("\n".join(lines) + "\n")
    refuse(["complete", "model.cif", *RUN])
    refuse(["refine", "map.mrc", "model.cif", *RUN])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_output_folder(place, refuse):
    (place / "closed").mkdir()
    (place / "closed").chmod(0o500)
    refuse(["complete", "model.cif", *RUN[:-1], "closed/job"], "closed")


def test_output_below_a_file(place, refuse):
    refuse(["complete", "model.cif", *RUN[:-1], "model.cif/job"], "model.cif")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["complete", "none.cif", *RUN], "none.cif"),
        (["refine", "none.mrc", "model.cif", *RUN], "none.mrc"),
        (["refine", "map.mrc", "none.cif", *RUN], "none.cif"),
        (["refine", "map.mrc", "model.cif", "--half-maps", "a.mrc", "b.mrc", *RUN], "a.mrc"),
        (["complete", "model.cif", "--reference", "none.cif", *RUN], "none.cif"),
        (["distances", "none.csv", "-s", "MKTAYIAKQR", *RUN], "none.csv"),
        (["complete", "model.cif", *RUN[:-4], "--prior", "unheard-of", "-o", "job"], "unheard-of"),
        (["complete", "model.cif", *RUN, "-d", "tpu"], "device"),
        (["complete", "model.cif", *RUN, "-d", "cuda:99"], "CUDA"),
        (["refine", "map.mrc", "model.cif", "--resolution", "900", *RUN], "resolution"),
    ],
)
def test_missing_files_and_unknown_names(refuse, arguments, words):
    refuse(arguments, words)


def test_half_maps_that_are_the_same(place, refuse):
    (place / "half1.mrc").write_bytes((place / "map.mrc").read_bytes())
    (place / "half2.mrc").write_bytes((place / "map.mrc").read_bytes())
    refuse(["refine", "map.mrc", "model.cif", "--half-maps", "half1.mrc", "half2.mrc", *RUN], "half maps")


def test_half_maps_on_another_grid(place, small, refuse):
    density = small.density
    write_map(density, place / "half1.mrc")
    points = density.to_points(np.array([[10, 10, 10], [30, 30, 30]]))
    write_map(crop(density, points, 2.0), place / "half2.mrc")
    refuse(["refine", "map.mrc", "model.cif", "--half-maps", "half1.mrc", "half2.mrc", *RUN])


def test_reference_of_another_protein(place, refuse):
    def to_alanine(structure):
        for residue in structure[0]["A"]:
            residue.name = "TRP"
        structure.entities[0].full_sequence = ["TRP"] * len(structure[0]["A"])

    edit(place / "deposited.cif", to_alanine)
    refuse(["complete", "model.cif", "--reference", "deposited.cif", *RUN])


@pytest.mark.parametrize(
    "table",
    ["", "residue1,residue2\n", "not,a,table\n1,2,3\n", "residue1,residue2,distance\n1,999,5\n", "\x00\x01\x02"],
)
def test_restraints_that_cannot_be_used(place, refuse, table):
    (place / "r.csv").write_text(table)
    refuse(["distances", "r.csv", "-s", "MKTAYIAKQRQISFVK", *RUN])


@pytest.mark.parametrize("arguments", [["--bogus"], ["--steps", "many"], ["--half-maps", "map.mrc"], ["--seed"]])
def test_unknown_options(place, capsys, arguments):
    before = sorted(place.rglob("*"))
    assert run(["refine", "map.mrc", "model.cif", "-o", "job", *arguments]) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err and "Error" in captured.err
    assert sorted(place.rglob("*")) == before


FULL = textwrap.dedent("""
    import resource, signal, sys
    from adp3d.cli.app import run
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails with EFBIG, like a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
    sys.exit(run(sys.argv[2:]))
""")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files")
@pytest.mark.parametrize("kilobytes", [0, 8, 40])
def test_full_disk(place, kilobytes):
    """From no room at all to room for the inputs but not for the result."""
    before = sorted(place.rglob("*"))
    arguments = ["complete", "model.cif", *RUN]
    room = kilobytes * 1024 + (0 if kilobytes < 40 else (place / "model.cif").stat().st_size - 38 * 1024)
    environment = {**os.environ, "MPLCONFIGDIR": str(place.parent), "ADP3D_ALLOCATOR_TUNED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(room), *arguments],
        cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in done.stderr
    assert len(errors) == 1 and "full" in errors[0]
    left = {path.name: path for path in place.rglob("*") if path not in before}
    # a job that had begun may stay, to be resumed: unfinished, and without half of a result
    assert "metrics.json" not in left
    assert not [name for name in left if name.startswith(".writing-")]
    if "result.cif" in left:
        assert len(gemmi.read_structure(str(left["result.cif"]))[0]["A"]) == 44
