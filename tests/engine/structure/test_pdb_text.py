from __future__ import annotations

import gemmi
import pytest

from adp3d.contract.errors import InputError
from adp3d.structure import pdb_text
from adp3d.structure.pdb_text import is_atom_line, next_chain_name, number_pdb_atoms, repair_pdb_lines


def line(chain, number, name="CA", icode=" ", record="ATOM  ", x="   1.000", occ="  1.00"):
    residue = f"{name:<3} ALA {chain}{number:4d}{icode}"
    return f"{record}{1:5d}  {residue}   {x}   2.000   3.000{occ} 20.00           C"


def test_ordinary_files_are_not_touched():
    lines = [
        "HEADER",
        line("A", 1, "N"),
        line("A", 1),
        line("A", 2),
        "TER",
        line("B", 1),
        line("A", 1, "O", record="HETATM"),
        "END",
    ]
    assert repair_pdb_lines(lines, "x") == (lines, [], {})
    assert is_atom_line(lines[1]) and not is_atom_line("TER")


def test_insertion_codes_and_altlocs_are_not_repeats():
    second = line("A", 1)
    second = second[:16] + "B" + second[17:]
    lines = [line("A", 1), second, line("A", 1, icode="A"), line("A", 2)]
    assert repair_pdb_lines(lines, "x") == (lines, [], {})


def test_models_may_repeat():
    lines = ["MODEL        1", line("A", 1), "ENDMDL", "MODEL        2", line("A", 1), "ENDMDL", "END"]
    assert repair_pdb_lines(lines, "x") == (lines, [], {})


def test_waters_of_a_renamed_molecule_follow_it():
    lines = [line("A", 1), "TER", line("A", 1), "TER", line("A", 9, "O", record="HETATM")]
    repaired, notes, _ = repair_pdb_lines(lines, "x")
    assert [text[21] for text in repaired if is_atom_line(text)] == ["A", "B", "B"]
    assert notes == ["a second molecule named chain 'A' became chain 'B'"]


def test_bad_coordinates_name_the_line():
    with pytest.raises(InputError, match="Line 2 of 'x'"):
        repair_pdb_lines([line("A", 1), line("A", 2, x="     1,0")], "x")


def test_chain_names_run_out_gracefully():
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    used = set(letters)
    assert next_chain_name(used) == "AA"
    used |= {a + b for a in letters for b in letters}
    assert next_chain_name(used) == "AA1"
    assert next_chain_name({"A", "B"}) == "C"


def test_names_of_four_columns_do_not_swallow_the_chain():
    lines = [f"ATOM      1  CA  NTHRA   5    {'0.000':>8}{'0.000':>8}{'0.000':>8}  1.00 10.00           C",
             f"ATOM      2  CA  SER A   6    {'3.800':>8}{'0.000':>8}{'0.000':>8}  1.00 10.00           C",
             f"ATOM      3  CA  MSE B   7    {'7.600':>8}{'0.000':>8}{'0.000':>8}  1.00 10.00           C"]  # fmt: skip
    repaired, notes, renames = repair_pdb_lines(lines, "x")
    assert [one[17:22] for one in repaired] == ["THR A", "SER A", "MSE B"]
    assert renames == {("A", "   5 "): "NTHR"} and notes == []


def test_chains_without_a_name_are_named_after_their_segments():
    def atom(number, segment):
        coordinates = f"{3.8 * number:8.3f}{0.0:8.3f}{0.0:8.3f}"
        return f"ATOM  {number:5}  CA  SER  {number:4}    {coordinates}  1.00 10.00      {segment:<4} C"

    repaired, notes, _ = repair_pdb_lines([atom(1, "PROA"), atom(2, "PROA"), atom(3, "B"), atom(4, "")], "x")
    assert [one[20:22].strip() for one in repaired] == ["A", "A", "B", ""]
    assert notes == ["chains without a name were named after their segments (PROA is A, B is B)"]
    plain = [atom(1, ""), atom(2, "")]
    assert repair_pdb_lines(plain, "x") == (plain, [], {})


@pytest.mark.parametrize("before", [0, 99_998])
def test_positions_in_the_file_as_serial_numbers(monkeypatch, before):
    """Up to 99,999 as decimals, then with capitals: the parser reads both."""
    line = "HETATM    7  O   HOH A   1       1.000   2.000   3.000  1.00  0.00           O"
    lines = [f"{line[:17]}HOH A{k:4}{line[26:]}" for k in range(1, 5)]
    monkeypatch.setattr(pdb_text, "_FIRST", before + 1)
    numbered = number_pdb_atoms(["REMARK", *lines, "END"])
    assert numbered[0] == "REMARK" and [row[11:] for row in numbered[1:-1]] == [row[11:] for row in lines]
    read = gemmi.read_pdb_string("\n".join(numbered))
    assert [a.serial for c in read[0] for r in c for a in r] == [before + k for k in range(1, 5)]
