"""Every component that gemmi tabulates as an amino acid goes through a job with its name and its atoms."""

from __future__ import annotations

import gzip
from itertools import product
from pathlib import Path
from string import ascii_uppercase, digits

import gemmi
import numpy as np
import pytest

from adp3d.placing.breaks import with_breaks_between
from adp3d.placing.target import build_target, with_whole_residues
from adp3d.placing.write import result_structure
from adp3d.structure.backbone import transfer_rigidly
from adp3d.structure.backbone_parts import backbone_parts, letters_of_chromophore
from adp3d.structure.observed import observe_chains
from adp3d.structure.residues import one_letter
from adp3d.structure.sequences import NamedSequence, sequences_from_structure

# heavy atoms with ideal coordinates, from the Chemical Component Dictionary
COMPONENTS = Path(__file__).parents[2] / "data" / "modified_residues.cif.gz"
BEFORE, AFTER = "MKTWEIAKQR", "ISFVKSHFYR"


def load() -> dict[str, gemmi.Residue]:
    document = gemmi.cif.read_string(gzip.decompress(COMPONENTS.read_bytes()).decode())
    return {block.name: gemmi.make_structure_from_chemcomp_block(block)[0][0][0] for block in document}


def tabulated() -> list[str]:
    names = ("".join(letters) for letters in product(ascii_uppercase + digits, repeat=3))
    return [name for name in names if gemmi.find_tabulated_residue(name).is_amino_acid()]


ALL = load()
CHROMOPHORES = [name for name, residue in ALL.items() if len(backbone_parts(residue)) > 1]


def test_the_file_holds_every_tabulated_component():
    assert set(tabulated()) <= set(ALL)
    assert {"CRO", "MSE", "SEP", "TPO", "PTR", "CSO", "HYP", "MLY", "PCA", "SEC", "PYL", "DAL", "GYS"} <= set(ALL)


def positions(residue: gemmi.Residue) -> np.ndarray:
    return np.array([atom.pos.tolist() for atom in residue])


def backbone(residue: gemmi.Residue, suffix: str) -> np.ndarray:
    return np.array([residue[name + suffix][0].pos.tolist() for name in ("N", "CA", "C")])


def move(residue: gemmi.Residue, points: np.ndarray) -> gemmi.Residue:
    for atom, point in zip(residue, points.tolist(), strict=True):
        atom.pos = gemmi.Position(*point)
    return residue


def chain_with(make, name: str, sequence_records: bool = False) -> tuple[gemmi.Structure, str]:
    """Ten residues of a helix, the component, ten residues more, each bonded; and the letters of all.

    The component is numbered like the middle one of the residues that it stands for.
    """
    component = ALL[name].clone()
    suffixes = backbone_parts(component)
    letters = letters_of_chromophore(name) or one_letter(name)
    residues = make.Part("A", BEFORE + "A" * 11).residues()
    middle, rest = residues[10], residues[11:]
    for residue, letter in zip(rest, AFTER, strict=True):
        residue.name = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA)
    frame = backbone(middle, "")
    move(component, transfer_rigidly(positions(component), backbone(component, suffixes[0]), frame))
    end = backbone(component, suffixes[-1])
    for residue in rest:
        move(residue, transfer_rigidly(positions(residue), frame, end))
        residue.seqid.num += len(suffixes) - 1
    component.name, component.het_flag = name, "H"
    component.seqid = gemmi.SeqId(11 + len(suffixes) // 2, " ")
    for atom in component:
        atom.occ, atom.b_iso = 1.0, 20.0
    structure = make.build([], {"A": [*residues[:10], component, *rest]})
    if sequence_records:
        structure.entities[0].full_sequence = [residue.name for residue in structure[0]["A"]]
        structure.assign_label_seq_id(True)
    return structure, BEFORE + letters + AFTER


def sent_elsewhere(xyz: np.ndarray) -> np.ndarray:
    """The backbone turned by 50 degrees and moved by 30 A: a job may do that to a domain."""
    turn = np.deg2rad(50.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return xyz @ rotation.T + np.array([30.0, -4.0, 11.0])


def distances(residue: gemmi.Residue) -> np.ndarray:
    points = positions(residue)
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@pytest.mark.parametrize("source", ["typed", "recorded", "none"])
@pytest.mark.parametrize("name", ALL)
def test_name_and_atoms_survive(make, name, source):
    structure, letters = chain_with(make, name, source == "recorded")
    sequences = [NamedSequence("s", letters)] if source == "typed" else None
    target = build_target(structure, sequences)
    component = structure[0]["A"][10]
    parts = len(backbone_parts(component))
    (report,) = target.report.chains
    assert target.n_residues == len(letters) and not report.mismatches and not report.unmodelled
    assert target.known[:, :3].all()
    if source != "none":
        assert target.polymer.sequence == letters
    assert target.polymer.segment_lengths == (len(letters),)
    assert [number for _, number, _ in target.labels] == list(range(1, len(letters) + 1))
    xyz = sent_elsewhere(np.where(np.isfinite(target.xyz), target.xyz, target.xyz[:, 1:2]))
    result = result_structure(structure, target, xyz, np.full(len(letters), 90.0))
    chain = result[0]["A"]
    assert len(chain) == 21
    now = chain[10]
    assert now.name == name and now.seqid == component.seqid
    assert sorted(atom.name for atom in now) == sorted(atom.name for atom in component)
    ordered = now.clone()
    del ordered[:]
    for atom in component:
        ordered.add_atom(now[atom.name][0])
    np.testing.assert_allclose(distances(ordered), distances(component), atol=0.02)
    np.testing.assert_allclose(positions(ordered), sent_elsewhere(positions(component)), atol=0.02)
    assert [residue.seqid.num for residue in chain][11:] == list(range(11 + parts, 21 + parts))
    assert [item for item in result.entities[0].full_sequence] == [residue.name for residue in chain]


@pytest.mark.parametrize("name", CHROMOPHORES)
def test_a_chromophore_is_kept_where_it_is_as_a_whole(make, name):
    structure, letters = chain_with(make, name)
    target = build_target(structure, [NamedSequence("s", letters)])
    one = np.zeros(target.n_residues, bool)
    one[11] = True
    kept = with_whole_residues(target, one)
    parts = len(backbone_parts(structure[0]["A"][10]))
    assert kept.sum() == parts and kept[10 : 10 + parts].all()
    xyz = np.nan_to_num(target.xyz) + 1.0
    result = result_structure(structure, target, xyz, np.full(target.n_residues, 90.0), kept=kept)
    np.testing.assert_array_equal(positions(result[0]["A"][10]), positions(structure[0]["A"][10]))


def test_a_chromophore_numbered_as_its_first_residue(make):
    structure, letters = chain_with(make, "CRO")
    structure[0]["A"][10].seqid.num = 11
    (chain,) = observe_chains(structure)
    assert [number for number, _ in chain.numbers] == list(range(1, 24))
    for residue in list(structure[0]["A"])[11:]:  # numbered on without room for the two others
        residue.seqid.num -= 2
    (chain,) = observe_chains(structure)
    assert chain.numbers[10:14] == ((11, ""), (11, "x"), (11, "y"), (12, ""))
    target = build_target(structure, [NamedSequence("s", letters)])
    result = result_structure(structure, target, np.nan_to_num(target.xyz), np.full(23, 90.0))
    assert [str(residue.seqid) for residue in result[0]["A"]] == [str(number) for number in range(1, 22)]


def test_free_peptides_are_no_chromophores():
    residue = ALL["CRO"].clone()
    residue["N3"][0].pos += gemmi.Position(3.0, 0.0, 0.0)  # the ring is open, as in glutathione
    assert backbone_parts(residue) == ("",)
    assert backbone_parts(ALL["TRY"]) == ("2",)
    assert backbone_parts(ALL["SEP"]) == ("",)


def test_recorded_sequences_hold_the_residues_of_a_chromophore(make):
    structure, letters = chain_with(make, "NRQ", sequence_records=True)
    (entry,) = sequences_from_structure(structure)
    assert entry.sequence == letters and letters[10:13] == "MYG"


@pytest.mark.parametrize(
    ("name", "parents"),
    [
        ("PCA", "QE"),
        ("IAS", "DN"),
        ("SNN", "ND"),
        ("ASX", "DN"),
        ("GLX", "EQ"),
        ("DHA", "SC"),
        ("NLE", "LM"),
        ("SEC", "UC"),
        ("PYL", "OK"),
        ("ABA", "AC"),
        ("ORN", "AR"),
    ],
)
def test_either_parent_matches(make, name, parents):
    for parent in parents:
        structure, letters = chain_with(make, name)
        target = build_target(structure, [NamedSequence("s", letters[:10] + parent + letters[11:])])
        assert not target.report.chains[0].mismatches
        assert target.names[10] == name


@pytest.mark.parametrize(("name", "carbon", "oxygen"), [("IAS", "CG", "OD1"), ("FGA", "CD", "OE1")])
def test_a_chain_that_goes_on_from_a_side_chain_is_bonded_and_broken_for_the_prior(make, name, carbon, oxygen):
    structure, letters = chain_with(make, name)
    chain = structure[0]["A"]
    component = chain[10]
    aside = np.array([component[atom][0].pos.tolist() for atom in (carbon, oxygen)])
    # the rest of the chain is bonded to the side chain instead
    end = backbone(component, "")
    outwards = (aside[0] - component["CB"][0].pos.tolist()) / np.linalg.norm(aside[0] - component["CB"][0].pos.tolist())
    shift = aside[0] + 1.33 * outwards - np.array(chain[11]["N"][0].pos.tolist())
    for residue in list(chain)[11:]:
        move(residue, positions(residue) + shift)
    assert np.linalg.norm(end[2] - np.array(chain[11]["N"][0].pos.tolist())) > 2.2
    (observed,) = observe_chains(structure)
    assert observed.bonded.all() and np.flatnonzero(observed.aside).tolist() == [10]
    target = build_target(structure, [NamedSequence("s", letters)])
    assert target.polymer.segment_lengths == (11, 10) and target.known.all()
    assert with_breaks_between(target, np.ones(21, bool)) is target
    assert not target.report.chains[0].notes


def test_a_beta_amino_acid_moves_as_a_whole(make):
    structure, letters = chain_with(make, "B3E")
    target = build_target(structure, [NamedSequence("s", letters)])
    assert [row for row, source in enumerate(target.sources) if source is not None and source.rigid] == [10]
    # a solver that knows nothing of it draws CA to N
    xyz = target.xyz.copy()
    xyz[10, 1] += 0.8 * (xyz[10, 0] - xyz[10, 1]) / np.linalg.norm(xyz[10, 0] - xyz[10, 1])
    result = result_structure(structure, target, xyz, np.full(21, 90.0))
    before, after = structure[0]["A"][10], result[0]["A"][10]
    assert [atom.name for atom in before] == [atom.name for atom in after]
    np.testing.assert_allclose(distances(after), distances(before), atol=1e-6)


def test_a_numbered_backbone_without_occupancy_is_carried_along(make):
    structure, letters = chain_with(make, "TRY")
    residue = structure[0]["A"][10]
    for i in range(len(residue) - 1, -1, -1):
        if residue[i].name in ("N2", "O2", "C2"):
            residue[i].occ = 0.0
    target = build_target(structure, [NamedSequence("s", letters)])
    assert target.known[10].tolist() == [False, True, False, False]
    xyz = np.where(np.isfinite(target.xyz), target.xyz, 0.0) + 2.0
    result = result_structure(structure, target, xyz, np.full(21, 90.0))
    assert result[0]["A"][10].name == "TRY"


def test_a_rigid_residue_of_another_type_is_renamed_like_any_other(make):
    structure, letters = chain_with(make, "B3E")
    target = build_target(structure, [NamedSequence("s", letters[:10] + "W" + letters[11:])])
    assert target.names[10] == "TRP"
    result = result_structure(structure, target, np.nan_to_num(target.xyz), np.full(21, 90.0))
    assert {atom.name for atom in result[0]["A"][10]} == {"N", "CA", "C", "O", "CB"}
