"""Packed files: what Python can undo is read, whatever kind of input it holds; the rest gets a sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import gemmi
import numpy as np
import pytest

import adp3d
from adp3d.compression import PACKED_SUFFIXES, open_plain, plain_name
from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.write import write_map
from adp3d.restraints.read import read_restraints
from adp3d.structure.read import read_structure
from adp3d.structure.sequences import parse_sequence_argument

DEPOSITED = Path(adp3d.__file__).parent / "pipeline" / "demo" / "emd_20026_deposited.cif.gz"
TEXT = b"residue1,residue2,distance\n3,9,8.5\n"


def zipped(content: bytes, name: str = "inside.csv", *more: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/" + name, content)
        archive.writestr("__MACOSX/folder/._" + name, b"Finder")
        archive.writestr("folder/.DS_Store", b"Finder")
        for other in more:
            archive.writestr(other, b"another")
    return target.getvalue()


def legacy(content: bytes) -> bytes:
    return lzma.compress(content, format=lzma.FORMAT_ALONE)


PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".lzma": legacy, ".zip": zipped}


@pytest.mark.parametrize("ending", PACK)
def test_every_kind_of_input_may_be_packed(tmp_path, ending):
    rng = np.random.default_rng(0)
    density = DensityMap(rng.normal(size=(6, 7, 8)).astype(np.float32), np.zeros(3), np.eye(3))
    write_map(density, tmp_path / "x.mrc")
    model = gemmi.read_structure(str(DEPOSITED))
    contents = {
        "x.mrc": (tmp_path / "x.mrc").read_bytes(),
        "m.cif": model.make_mmcif_document().as_string().encode(),
        "m.pdb": model.make_pdb_string().encode(),
        "r.csv": TEXT,
        "s.fasta": b">A\nMKTAYIAK\n",
    }
    for name, content in contents.items():
        packed = zipped(content, name) if ending == ".zip" else PACK[ending](content)
        (tmp_path / (name + ending)).write_bytes(packed)
    np.testing.assert_array_equal(read_map(tmp_path / f"x.mrc{ending}").values, density.values)
    for name in ("m.cif", "m.pdb"):
        assert len(read_structure(tmp_path / (name + ending))[0]["A"]) == 172
    assert read_restraints(tmp_path / f"r.csv{ending}").restraints[0].target == 8.5
    assert parse_sequence_argument(str(tmp_path / f"s.fasta{ending}"))[0].sequence == "MKTAYIAK"
    with pytest.raises(InputError, match="no sequence file"):
        parse_sequence_argument(f"none{ending}")


def test_the_content_decides_not_the_ending(tmp_path):
    (tmp_path / "r.csv").write_bytes(bz2.compress(TEXT))
    (tmp_path / "plain.csv.gz").write_bytes(TEXT)
    for name in ("r.csv", "plain.csv.gz"):
        with open_plain(tmp_path / name) as opened:
            assert opened.stream.read() == TEXT
    assert read_restraints(tmp_path / "plain.csv.gz").restraints[0].target == 8.5
    with open_plain(tmp_path / "plain.csv.gz") as opened:
        assert opened.size == len(TEXT)


def test_a_zip_archive_is_called_after_its_member(tmp_path):
    (tmp_path / "download.zip").write_bytes(zipped(TEXT))
    with open_plain(tmp_path / "download.zip") as opened:
        assert (opened.name, opened.size, opened.stream.read()) == ("inside.csv", len(TEXT), TEXT)
    assert read_restraints(tmp_path / "download.zip").restraints[0].target == 8.5


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"\x1f\x9d\x90", "compress"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"Rar!\x1a\x07\x01", "RAR"),
        (b"\x04\x22\x4d\x18", "LZ4"),
    ],
)
@pytest.mark.parametrize("read", [read_map, read_structure, read_restraints, parse_sequence_argument])
def test_what_python_cannot_unpack_is_called_by_its_name(tmp_path, start, words, read):
    path = tmp_path / "file.csv"
    path.write_bytes(start + bytes(2000))
    with pytest.raises(InputError, match=f"{words}.*unpack it first") as caught:
        read(path)
    assert "BinaryCIF" not in str(caught.value)


def test_archives_of_several_files(tmp_path):
    path = tmp_path / "both.zip"
    path.write_bytes(zipped(TEXT, "a.csv", "b.csv"))
    with pytest.raises(InputError, match="2 files"):
        read_restraints(path)
    path.write_bytes(zipped(TEXT, ".hidden"))
    with pytest.raises(InputError, match="no file"):
        read_restraints(path)
    for packing in ("", "gz", "xz"):
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode=f"w:{packing}") as archive:
            entry = tarfile.TarInfo("a.csv")
            entry.size = len(TEXT)
            archive.addfile(entry, io.BytesIO(TEXT))
        path.write_bytes(target.getvalue())
        with pytest.raises(InputError, match="tar archive"):
            read_structure(path)


@pytest.mark.parametrize("ending", PACK)
def test_damaged_files(tmp_path, ending):
    content = np.random.default_rng(1).bytes(50_000)
    packed = PACK[ending](content)
    broken = bytearray(packed)
    broken[len(broken) // 2 : len(broken) // 2 + 200] = bytes(200)
    # the old format of lzma has no check sum: only its end can be missing
    for bad in [packed[: len(packed) // 2], *([] if ending == ".lzma" else [bytes(broken)])]:
        (tmp_path / "file").write_bytes(bad)
        with pytest.raises(InputError, match="damaged"), open_plain(tmp_path / "file") as opened:
            opened.stream.read()


def test_paths_that_cannot_be_read(tmp_path):
    for path, words in ((tmp_path, "folder"), (tmp_path / "none", "no file")):
        with pytest.raises(InputError, match=words), open_plain(path):
            pass


def test_binarycif_is_called_binarycif_and_other_binary_files_are_not(tmp_path):
    path = tmp_path / "m.bcif"
    # the head of a BinaryCIF file: a msgpack map with its three fields
    path.write_bytes(b"\x83\xa7encoder\xa3abc\xa7version\xa50.3.0\xaadataBlocks\x91\x80\x00\x00")
    with pytest.raises(InputError, match="is BinaryCIF"):
        read_structure(path)
    path.write_bytes(b"ab\x00\x01\x02" * 60)
    with pytest.raises(InputError, match="binary file") as caught:
        read_structure(path)
    assert "BinaryCIF" not in str(caught.value)


def test_plain_names():
    assert plain_name("folder/x.map.bz2") == "x.map"
    assert plain_name("x.MAP.GZ") == "x.MAP"
    assert plain_name("x.cif") == "x.cif"
    assert plain_name(".gz") == ".gz"
    assert set(PACK) <= set(PACKED_SUFFIXES)
