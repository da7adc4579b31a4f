from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.structure.observed import BACKBONE_ATOMS, observe_chains, preferred_altloc

SEQUENCE = "MKTAYIAKQR"


def test_arrays_hold_what_the_model_shows(make):
    structure = make.build([make.Part("A", SEQUENCE, start=51, skip=(4,), b_iso=33.0)])
    (chain,) = observe_chains(structure)
    assert chain.chain_id == "A" and chain.codes == "MKTAIAKQR"
    assert [n for n, _ in chain.numbers] == [51, 52, 53, 54, 56, 57, 58, 59, 60]
    assert chain.xyz == pytest.approx(np.delete(make.helix(10), 4, axis=0))
    assert (chain.b_iso == 33.0).all() and (chain.occupancy == 1.0).all()
    assert chain.bonded.tolist() == [True] * 3 + [False] + [True] * 4
    assert chain.label(4) == "A 56 ILE"
    assert chain.subset(np.array([1, 2])).codes == "KT"


def test_missing_atoms_are_nan(make):
    structure = make.build([make.Part("A", SEQUENCE)])
    structure[0]["A"][3].remove_atom("O", "\0", gemmi.Element("O"))
    (chain,) = observe_chains(structure)
    assert np.isnan(chain.xyz[3, 3]).all() and np.isfinite(chain.xyz[3, :3]).all()


def test_ca_only_models_bond_by_distance(make):
    structure = make.build([make.Part("A", SEQUENCE, skip=(5,))])
    for residue in structure[0]["A"]:
        for i in range(len(residue) - 1, -1, -1):
            if residue[i].name != "CA":
                del residue[i]
    (chain,) = observe_chains(structure)
    assert chain.bonded.tolist() == [True] * 4 + [False] + [True] * 3


def test_conformer_with_most_occupancy_is_used_throughout(make):
    structure = make.build([make.Part("A", SEQUENCE)])
    residue = structure[0]["A"][2]
    for name in BACKBONE_ATOMS:
        first = residue[name][0]
        first.altloc, first.occ = "A", 0.4
        residue.add_atom(make.atom(name, np.array(first.pos.tolist()) + 0.5, occ=0.6, altloc="B"))
    assert preferred_altloc(residue) == "B"
    (chain,) = observe_chains(structure)
    assert chain.xyz[2] == pytest.approx(make.helix(10)[2] + 0.5)
    assert preferred_altloc(structure[0]["A"][0]) == "\0"


def test_two_residue_types_at_one_position(make):
    structure = make.build([make.Part("A", SEQUENCE)])
    chain = structure[0]["A"]
    other = chain[2].clone()
    other.name = "SER"
    for atom in other:
        atom.occ, atom.altloc = 0.7, "B"
    for atom in chain[2]:
        atom.occ, atom.altloc = 0.3, "A"
    chain.add_residue(other, 3)
    (observed,) = observe_chains(structure)
    assert observed.codes == "MKSAYIAKQR"
    assert [source.name for source in observed.others[2]] == ["THR"]


def test_calcium_is_no_c_alpha_and_ligands_are_left_out(make):
    structure = make.build([make.Part("A", SEQUENCE)], {"A": [make.small("CA", 99, (5, 5, 5), "CA", "Ca")]})
    (chain,) = observe_chains(structure)
    assert len(chain) == 10


def test_occupancy_that_is_not_given_counts_as_one(make):
    structure = make.build([make.Part("A", SEQUENCE)])
    structure[0]["A"][0][0].occ = float("nan")
    assert observe_chains(structure)[0].occupancy[0, 0] == 1.0
