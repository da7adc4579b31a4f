"""New residues in the sequences of ChimeraX's chains."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("members", "characters", "order", "expected"),
    [
        # as many new residues as there are empty places: the letters of the sequence stay
        ("a..d", "ABCD", "abcd", ("abcd", "ABCD", True)),
        ("..c", "ABC", "abc", ("abc", "ABC", True)),
        ("a..", "ABC", "abc", ("abc", "ABC", True)),
        # fewer at the ends of a chain: they are next to what is there, and the rest stays empty
        ("...d", "ABCD", "cd", ("..cd", "ABCD", True)),
        ("a...", "ABCD", "ab", ("ab..", "ABCD", True)),
        # fewer or more inside, and more at an end: the sequence becomes that of the residues
        ("a..d", "ABCD", "axd", ("axd", "A?D", False)),
        ("a.c", "ABC", "axyc", ("axyc", "A??C", False)),
        ("b", "B", "xb", ("xb", "?B", False)),
        # nothing new: empty places stay
        ("a.c", "ABC", "ac", ("a.c", "ABC", True)),
        (".b.", "ABC", "b", (".b.", "ABC", True)),
    ],
)
def test_gaps_are_filled(members, characters, order, expected):
    from chimerax.adp3d.handover.chain_records import fill_gaps

    present = [None if m == "." else m for m in members]
    old = set(members) - {"."}
    residues, text, exact = fill_gaps(present, list(characters), list(order), old, lambda residue: "?")
    assert ("".join(r or "." for r in residues), text, exact) == expected


def test_chains_come_back_with_their_gaps(make_model):
    from chimerax.adp3d.handover.chain_records import chain_members, read_chains, restore_chains
    from chimerax.adp3d.handover.edit import find_residues

    structure = make_model(chains="AB")
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE)
    for chain in "AB":
        ends = [structure.find_residue(chain, number).find_atom(name) for number, name in ((7, "C"), (11, "N"))]
        group.new_pseudobond(*ends)
    states = read_chains(structure, chain_members(structure, {"A"}), {})
    (state,) = states
    assert state.gaps == (((("A", 7, ""), "C"), (("A", 11, ""), "N")),), "chain B is not asked for"
    assert [None if m is None else m[1] for m in state.members] == [*range(1, 8), None, None, None, *range(11, 21)]

    for bond in list(group.pseudobonds):
        if bond.atoms[0].residue.chain_id == "A":
            bond.delete()
    chain = next(chain for chain in structure.chains if chain.chain_id == "A")
    chain.bulk_set(list(chain.existing_residues), "M" * 17)
    chain.from_seqres = False
    restore_chains(structure, states, find_residues(structure))
    assert vars(read_chains(structure, chain_members(structure, {"A"}), {})[0]) == vars(state)
    pairs = len(list(structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE).pseudobonds))
    restore_chains(structure, states, find_residues(structure))
    assert len(list(structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE).pseudobonds)) == pairs == 2
