from __future__ import annotations

import math

from adp3d.restraints.repeats import without_repeats
from adp3d.restraints.star import read_star
from adp3d.restraints.table import read_table


def test_both_directions_and_plain_repetition_count_once() -> None:
    table = "residue1,residue2,distance\n3,9,8.5\n9,3,8.5\n3,9,8.5\n4,9,8.5\n9,4,8.7\n"
    given = read_table(table, "x.csv")
    found, notes = without_repeats(given)
    assert [r.name for r in found.restraints] == ["x.csv, line 2", "x.csv, line 5", "x.csv, line 6"]
    assert "2 distances of x.csv repeat" in notes[0] and "1 distances of x.csv concern" in notes[1]
    assert without_repeats(found)[0] is found


def test_other_atoms_chains_and_alternatives_are_other_distances() -> None:
    table = "chain1,residue1,atom1,chain2,residue2,atom2,upper\nA,3,CA,B,9,CA,8\nB,3,CA,A,9,CA,8\nA,3,CB,B,9,CA,8\n"
    given = read_table(table, "x.csv")
    assert without_repeats(given) == (given, [])


def test_a_matrix_of_distances_counts_half() -> None:
    rows = [f"{i};{j};{5 + abs(i - j)}" for i in range(1, 9) for j in range(1, 9) if i != j]
    found, _ = without_repeats(read_table("residue1;residue2;distance\n" + "\n".join(rows) + "\n", "x.csv"))
    assert len(found.restraints) == 28
    assert all(math.isnan(r.sigma) for r in found.restraints)


def test_ambiguous_restraints_in_another_order() -> None:
    ends = [f"{tag}_{i}" for i in (1, 2) for tag in ("chain_code", "sequence_code", "residue_name", "atom_name")]
    tags = "".join(f"_nef_distance_restraint.{tag}\n" for tag in ("restraint_id", *ends, "upper_limit"))
    head = "data_x\nsave_l\n_nef_distance_restraint_list.sf_category x\nloop_\n" + tags
    a, b = "A 3 LEU HA A 9 VAL H 5.0", "A 3 LEU HA A 12 VAL H 5.0"
    swapped = "A 12 VAL H A 3 LEU HA 5.0"
    text = head + f"1 {a}\n1 {b}\n2 {swapped}\n2 {a}\n3 {a}\nstop_\nsave_\n"
    found, notes = without_repeats(read_star(text, "x.nef"))
    assert [len(r.alternatives) for r in found.restraints] == [2, 1] and len(notes) == 1
