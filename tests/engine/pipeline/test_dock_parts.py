"""What moves together: copies, domains, ligands, strands; and what does not belong together."""

from __future__ import annotations

import gemmi
import numpy as np
from scipy.spatial.transform import Rotation

from adp3d.fitting.placement import Place
from adp3d.pipeline.dock import _belong_together
from adp3d.pipeline.dock_parts import ModelChain, domain_parts, follow, joined, moved, onto

TURN = Rotation.from_euler("xyz", [30, 50, 70], degrees=True).as_matrix()


def positions(structure):
    return np.array([a.pos.tolist() for chain in structure[0] for r in chain for a in r])


def pair(make, shift=(20.0, 0.0, 0.0)):
    parts = [make.Part("A", make.SEQUENCE[:50]), make.Part("B", make.SEQUENCE[:50], shift=shift)]
    ligands = {"A": [make.small("ZN", 900, (1.0, 2.0, 3.0))], "B": [make.small("ZN", 901, np.array(shift) + 1.0)]}
    return make.build(parts, ligands)


def test_names(make):
    structure = pair(make)
    one = ModelChain.of([structure])
    assert [chain.part.name for chain in one] == ["chain A", "chain B"] and joined(one).name == "chains A, B"
    several = ModelChain.of([structure, structure], ["#3", "#4"])
    assert [chain.part.name for chain in several] == ["#3/A", "#3/B", "#4/A", "#4/B"]
    assert joined(several).name == "#3, #4" and len(joined(several)) == 200
    error = np.full((50, 50), 20.0, np.float32)
    error[:20, :20] = error[20:, 20:] = 1.0
    # the smaller part is too short for a domain of its own
    assert domain_parts(one[0], error) == []


def test_copies_lie_upon_each_other(make):
    a, b = (chain.part for chain in ModelChain.of([pair(make)]))
    rotation, shift = onto(b, a)
    assert np.allclose(b.ca @ rotation.T + shift, a.ca, atol=1e-6)
    place = Place(TURN, np.array([1.0, 2.0, 3.0]), 0.9).after(rotation, shift)
    assert np.allclose(place.apply(b.ca), a.ca @ TURN.T + [1, 2, 3], atol=1e-6)
    other = ModelChain.of([make.build([make.Part("C", make.OTHER[:50])])])[0].part
    assert onto(other, a) is None


def test_what_is_near_goes_along_and_the_rest_stays(make):
    structure = pair(make)
    structure[0]["B"].add_residue(make.small("HOH", 950, (21.0, 3.0, 0.0), "O", "O", water=True))
    first, second = ModelChain.of([structure])
    motion = follow([structure], {**dict.fromkeys(first.rows, 0), **dict.fromkeys(second.rows, 1)})
    assert len(motion) == sum(len(chain) for chain in structure[0])
    (result,) = moved([structure], motion, [Place(np.eye(3), np.zeros(3), 1.0), Place(TURN, np.ones(3), 0.9)])
    before, after = positions(structure), positions(result)
    n = sum(len(residue) for residue in structure[0]["A"])
    assert np.array_equal(after[:n], before[:n])
    assert np.allclose(after[n:], before[n:] @ TURN.T + 1.0, atol=1e-4)


def test_a_short_peptide_stays_in_one_piece(make):
    """Between two chains that go apart, half of it nearer to each."""
    parts = [make.Part("A", make.SEQUENCE[:50]), make.Part("B", make.SEQUENCE[:50], shift=(24.0, 0.0, 0.0))]
    structure = make.build([*parts, make.Part("C", make.OTHER[:12], shift=(11.0, 0.0, 3.0))])
    first, second, peptide = ModelChain.of([structure])
    motion = follow([structure], {**dict.fromkeys(first.rows, 1), **dict.fromkeys(second.rows, 2)})
    assert len({motion[row] for row in peptide.rows}) == 1


def test_ligands_go_with_their_own_model(make):
    """Two models in frames that have nothing to do with each other, one's water on the other's chain."""
    first, second = (
        make.build([make.Part("A", make.SEQUENCE[:50], shift=shift)]) for shift in ((0.0, 0.0, 0.0), (200.0, 0.0, 0.0))
    )
    first[0]["A"].add_residue(make.small("HOH", 950, (200.0, 3.0, 0.0), "O", "O", water=True))
    ligand = make.build([], {"L": [make.small("ZN", 900, (201.0, 1.0, 0.0))]})
    one, two = ModelChain.of([first, second, ligand])
    motion = follow([first, second, ligand], {**dict.fromkeys(one.rows, 1), **dict.fromkeys(two.rows, 2)})
    water = (0, 0, len(first[0]["A"]) - 1)
    assert motion[water] == 1 and motion[2, 0, 0] == 2


def test_unknown_residues_of_a_chain_go_with_the_domain_around_them(make):
    """In the smaller of two domains that go apart; the larger one has one as well."""
    structure = make.build([make.Part("A", make.SEQUENCE[:60])])
    (chain,) = ModelChain.of([structure])
    for row in (10, 50):
        spot = chain.observed.xyz[row, 1] + 0.5
        odd = make.small("UNL", 500 + row, spot)
        odd.entity_type, odd.subchain = gemmi.EntityType.Polymer, structure[0]["A"][0].subchain
        structure[0]["A"].add_residue(odd)
    (chain,) = ModelChain.of([structure])
    protein = chain.rows[:60]
    motion = follow([structure], {row: 1 if i < 40 else 2 for i, row in enumerate(protein)})
    odd = [(0, 0, r) for r, residue in enumerate(structure[0]["A"]) if residue.name == "UNL"]
    assert [motion[row] for row in odd] == [1, 2]


def test_chains_far_apart_or_in_each_other_are_no_body(make):
    assert _belong_together(ModelChain.of([pair(make)]))
    assert not _belong_together(ModelChain.of([pair(make, (80.0, 0.0, 0.0))]))
    assert not _belong_together(ModelChain.of([pair(make, (0.5, 0.0, 0.0))]))
