"""PAE files of four programs, and what is said of files that do not fit."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.predictions.aligned_error import AlignedError, read_aligned_error

MATRIX = np.array([[0.2, 3.0, 9.0], [2.0, 0.2, 8.0], [12.0, 7.0, 0.2]])
THREE = [("A", 1), ("A", 2), ("A", 3)]


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_files_of_four_programs(tmp_path):
    rows = MATRIX.tolist()
    i, j = np.indices((3, 3)).reshape(2, -1) + 1
    old = [{"residue1": i.tolist(), "residue2": j.tolist(), "distance": MATRIX.ravel().tolist()}]
    files = [
        write(tmp_path / "db4.json", [{"predicted_aligned_error": rows, "max_predicted_aligned_error": 31.75}]),
        write(tmp_path / "db1.json", old),
        write(tmp_path / "colabfold.json", {"plddt": [90, 80, 70], "max_pae": 12.0, "pae": rows, "ptm": 0.5}),
        write(tmp_path / "af3.json", {"pae": rows, "token_chain_ids": ["A"] * 3, "token_res_ids": [1, 2, 3]}),
    ]
    np.savez(tmp_path / "pae_boltz.npz", pae=MATRIX.astype(np.float32))
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress(files[0].read_bytes()))
    for file in (*files, tmp_path / "pae_boltz.npz", packed):
        assert np.allclose(read_aligned_error(file).of(THREE), MATRIX, atol=1e-6), file.name


def test_plddts_of_colabfold_are_read(tmp_path):
    rows = MATRIX.tolist()
    told = read_aligned_error(write(tmp_path / "colabfold.json", {"plddt": [90, 80, 70], "pae": rows}))
    assert told.plddt == (90.0, 80.0, 70.0) and told.n_residues == 3 and not told.named
    of_atoms = read_aligned_error(write(tmp_path / "atoms.json", {"plddt": [90, 80], "pae": rows}))
    assert of_atoms.plddt is None


def test_rows_are_found_by_chain_and_number_where_the_file_names_them(tmp_path):
    content = {"pae": MATRIX.tolist(), "token_chain_ids": ["B", "A", "A"], "token_res_ids": [7, 1, 2]}
    error = read_aligned_error(write(tmp_path / "af3.json", content))
    assert np.allclose(error.of([("A", 2), ("B", 7)]), [[0.2, 12.0], [9.0, 0.2]])
    with pytest.raises(InputError, match=r"af3\.json has no row for 1 residues of the model, the first being C 4"):
        error.of([("A", 1), ("C", 4)])


def test_tokens_of_a_modified_residue_count_once():
    error = AlignedError(MATRIX.astype(np.float32), ("A", "A", "A"), (1, 1, 2))
    assert np.allclose(error.of([("A", 1), ("A", 2)]), MATRIX[np.ix_([0, 2], [0, 2])])


def test_missing_residues_of_one_chain_are_found_by_number():
    error = AlignedError(MATRIX.astype(np.float32))
    assert np.allclose(error.of([("X", 1), ("X", 3)]), MATRIX[np.ix_([0, 2], [0, 2])])
    for residues in ([("X", 1), ("Y", 2)], [("X", 5), ("X", 2)], [("X", 2), ("X", 2)], [*THREE, ("A", 4)]):
        with pytest.raises(InputError, match="is for 3 residues, and the model has"):
            error.of(residues)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("hello", "neither JSON nor npz"),
        ("[1, 2]", "holds no predicted aligned error"),
        ('{"plddt": [1]}', "holds no predicted aligned error"),
        ('{"pae": [[1, 2], [3]]}', "no square matrix"),
        ('{"pae": [[1, 2, 3], [3, 4, 5]]}', r"no square matrix of numbers but \(2, 3\)"),
        ('{"pae": [["a"]]}', "no square matrix"),
        ('{"pae": [[-1]]}', "not between 0 and 100"),
        ('{"pae": [[NaN]]}', "not between 0 and 100"),
        ('[{"residue1": [1, 2], "residue2": [1], "distance": [3]}]', "do not go together"),
        ('[{"residue1": [1, 2], "residue2": [1, 2], "distance": [3, 4]}]', "not between"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, content, said):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=said) as told:
        read_aligned_error(tmp_path / "x.json")
    assert "\n" not in str(told.value) and "x.json" in str(told.value)


def test_other_arrays_and_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "plddt.npz", plddt=np.ones(3))
    with pytest.raises(InputError, match="no array named 'pae' but plddt"):
        read_aligned_error(tmp_path / "plddt.npz")
    np.savez(tmp_path / "odd.npz", pae=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="cannot be read as npz"):
        read_aligned_error(tmp_path / "odd.npz")
