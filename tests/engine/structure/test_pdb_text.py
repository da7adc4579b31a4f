from __future__ import annotations

import pytest

from adp3d.errors import InputError
from adp3d.structure.pdb_text import is_atom_line, next_chain_name, repair_pdb_lines


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
    assert repair_pdb_lines(lines, "x") == (lines, [])
    assert is_atom_line(lines[1]) and not is_atom_line("TER")


def test_insertion_codes_and_altlocs_are_not_repeats():
    second = line("A", 1)
    second = second[:16] + "B" + second[17:]
    lines = [line("A", 1), second, line("A", 1, icode="A"), line("A", 2)]
    assert repair_pdb_lines(lines, "x") == (lines, [])


def test_models_may_repeat():
    lines = ["MODEL        1", line("A", 1), "ENDMDL", "MODEL        2", line("A", 1), "ENDMDL", "END"]
    assert repair_pdb_lines(lines, "x") == (lines, [])


def test_waters_of_a_renamed_molecule_follow_it():
    lines = [line("A", 1), "TER", line("A", 1), "TER", line("A", 9, "O", record="HETATM")]
    repaired, notes = repair_pdb_lines(lines, "x")
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
