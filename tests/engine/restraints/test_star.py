from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.restraints.star import read_star

NEF = """data_nef_x
save_nef_distance_restraint_list_noe
   _nef_distance_restraint_list.sf_category   nef_distance_restraint_list
   _nef_distance_restraint_list.sf_framecode  nef_distance_restraint_list_noe
   loop_
      _nef_distance_restraint.index
      _nef_distance_restraint.restraint_id
      _nef_distance_restraint.restraint_combination_id
      _nef_distance_restraint.chain_code_1
      _nef_distance_restraint.sequence_code_1
      _nef_distance_restraint.residue_name_1
      _nef_distance_restraint.atom_name_1
      _nef_distance_restraint.chain_code_2
      _nef_distance_restraint.sequence_code_2
      _nef_distance_restraint.residue_name_2
      _nef_distance_restraint.atom_name_2
      _nef_distance_restraint.weight
      _nef_distance_restraint.target_value
      _nef_distance_restraint.target_value_uncertainty
      _nef_distance_restraint.lower_limit
      _nef_distance_restraint.upper_limit
      1 1 . A 15 THR H    A 19 ALA HB%  1.0 3.0 .   1.80 5.50
      2 2 . A 3  LEU HDx% A 30 VAL HG1% 1.0 .   .   .    6.00
      3 2 . A 3  LEU HDx% A 42 VAL HG1% 1.0 .   .   .    6.00
      4 3 . A 7  PHE CA   A 20 GLY CA   1.0 9.0 0.5 .    .
      5 4 . A seven PHE CA A 20 GLY CA  1.0 9.0 0.5 .    .
      6 5 . A 7  PHE .    A 20 GLY CA   1.0 9.0 0.5 .    .
      7 6 . A 7  PHE CA   A 20 GLY CA   1.0 .   .   6.0  5.0
      8 7 . A 7  PHE CA   A 20 GLY CA   1.0 far .   .    .
   stop_
save_
"""

STAR = """data_x
save_noe
   _Gen_dist_constraint_list.Sf_category  general_distance_constraints
   loop_
      _Gen_dist_constraint.ID
      _Gen_dist_constraint.Member_logic_code
      _Gen_dist_constraint.Entity_assembly_ID_1
      _Gen_dist_constraint.Comp_index_ID_1
      _Gen_dist_constraint.Comp_ID_1
      _Gen_dist_constraint.Atom_ID_1
      _Gen_dist_constraint.Entity_assembly_ID_2
      _Gen_dist_constraint.Comp_index_ID_2
      _Gen_dist_constraint.Comp_ID_2
      _Gen_dist_constraint.Atom_ID_2
      _Gen_dist_constraint.Distance_upper_bound_val
      _Gen_dist_constraint.Auth_asym_ID_1
      _Gen_dist_constraint.Auth_seq_ID_1
      _Gen_dist_constraint.Auth_asym_ID_2
      _Gen_dist_constraint.Auth_seq_ID_2
      1 OR  1 1 MET HB2 1 5 ALA H 5.0 B 101 B 105
      1 OR  1 1 MET HB3 1 5 ALA H 5.0 B 101 B 105
      2 AND 1 1 MET H   1 5 ALA H 4.0 .  .   .  .
      2 AND 1 2 GLY H   1 5 ALA H 4.0 .  .   .  .
   stop_
save_
"""


def test_nef_groups_bounds_and_skips() -> None:
    found = read_star(NEF, "x.nef")
    first, second, third = found.restraints
    ((a, b),) = first.alternatives
    assert (a.chain, a.residue, a.residue_name, a.atom, b.atom) == ("A", 15, "THR", "H", "HB%")
    assert (first.lower, first.target, first.upper) == (1.8, 3.0, 5.5) and math.isnan(first.sigma)
    assert [pair[1].residue for pair in second.alternatives] == [30, 42]
    assert second.alternatives[0][0].atom == "HDX%" and second.lower == 0.0 and math.isnan(second.target)
    assert (third.lower, third.upper, third.sigma) == (8.5, 9.5, 0.5)
    reasons = [(item.name.split()[-1], item.reason) for item in found.skipped]
    assert [number for number, _ in reasons] == ["4", "5", "6", "7"]
    assert "residue number" in reasons[0][1] and "atom name" in reasons[1][1] and "range" in reasons[2][1]


def test_nmr_star_uses_author_numbers_and_logic() -> None:
    first, second, third = read_star(STAR, "x.str").restraints
    assert [pair[0].atom for pair in first.alternatives] == ["HB2", "HB3"]
    assert first.alternatives[0][0].chain == "B" and first.alternatives[0][1].residue == 105
    assert second.alternatives[0][0].chain == "1" and second.alternatives[0][0].residue == 1
    assert third.alternatives[0][0].residue_name == "GLY" and second.upper == 4.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "data_x\n",
        "data_x\nsave_a\nloop_\n_b.c\n1\nstop_\nsave_\n",
        NEF.replace("distance_restraint", "other"),
    ],
)
def test_files_without_restraints_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"x\.nef"):
        read_star(text, "x.nef")


def test_unusable_lists_tell_why() -> None:
    with pytest.raises(InputError, match="atom name is missing"):
        read_star(
            "\n".join(line for line in NEF.split("\n") if not line.strip()[:1].isdigit() or " 5 . A" in line),
            "x.nef",
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(NEF)))
def test_truncated_files_are_read_or_refused(length: int) -> None:
    for text in (NEF[:length], STAR[: min(length, len(STAR))]):
        try:
            assert len(read_star(text, "x.nef").restraints) <= 4
        except InputError as error:
            assert "x.nef" in str(error)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(NEF) - 1), st.text(alphabet="_;'\"\n $#.%x0é", min_size=1, max_size=8))
def test_damaged_files_are_read_or_refused(at: int, damage: str) -> None:
    try:
        read_star(NEF[:at] + damage + NEF[at + len(damage) :], "x.nef")
    except InputError as error:
        assert "x.nef" in str(error)


def gen_dist(tags: str, rows: str, frames: int = 1) -> str:
    ends = [f"{tag}_{i}" for i in (1, 2) for tag in ("Comp_index_ID", "Comp_ID", "Atom_ID")]
    head = "".join(f"_Gen_dist_constraint.{tag}\n" for tag in ("ID", "Member_logic_code", *ends, *tags.split()))
    loop = f"loop_\n{head}{rows}stop_\n"
    frame = "save_{0}\n_Gen_dist_constraint_list.Sf_category general_distance_constraints\n{1}save_\n"
    return "data_x\n" + "".join(frame.format(f"list_{i}", loop) for i in range(frames))


PAIR = "1 . 1 THR CA 5 ARG CA "


@pytest.mark.parametrize(
    ("tags", "values", "lower", "target", "upper"),
    [
        ("Distance_val", "7.40", 0.0, 7.4, math.inf),
        ("Distance_val Distance_lower_bound_val Distance_upper_bound_val", "7.40 . .", 0.0, 7.4, math.inf),
        ("Distance_val Distance_lower_bound_val Distance_upper_bound_val", "7.40 . 8.0", 0.0, 7.4, 8.0),
        ("Distance_val Distance_lower_bound_val Distance_upper_bound_val", "7.40 6.0 .", 6.0, 7.4, math.inf),
        ("Distance_val Distance_lower_bound_val Distance_upper_bound_val", ". 6.0 8.0", 6.0, math.nan, 8.0),
        ("Target_val Distance_val", ". 7.4", 0.0, 7.4, math.inf),
        ("Target_val Distance_val", "7.4 9.9", 0.0, 7.4, math.inf),
        ("Distance_val Target_val_uncertainty", "7.4 0.5", 6.9, 7.4, 7.9),
        ("Distance_upper_bound_val Target_val_uncertainty", "8.0 0.5", 0.0, math.nan, 8.0),
    ],
)
def test_every_combination_of_values_and_bounds(
    tags: str, values: str, lower: float, target: float, upper: float
) -> None:
    (found,) = read_star(gen_dist(tags, PAIR + values + "\n"), "x.str").restraints
    assert (found.lower, found.upper) == (pytest.approx(lower), pytest.approx(upper))
    assert found.target == pytest.approx(target, nan_ok=True)


def test_distance_val_in_several_lists_and_with_alternatives() -> None:
    rows = "1 OR 1 THR CA 5 ARG CA 7.4\n1 OR 1 THR CA 9 ASN CA 7.4\n2 . 2 SER CA 6 GLN CA .\n3 . 2 SER CA 6 GLN CA 9\n"
    found = read_star(gen_dist("Distance_val", rows, frames=2), "x.str")
    assert [len(r.alternatives) for r in found.restraints] == [2, 1, 2, 1]
    assert [r.target for r in found.restraints] == [7.4, 9.0, 7.4, 9.0]
    assert [item.reason for item in found.skipped] == ["neither a distance nor a bound is given"] * 2
