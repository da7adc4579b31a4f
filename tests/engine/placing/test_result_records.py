from __future__ import annotations

import gemmi
import numpy as np
from scipy.spatial.transform import Rotation

from adp3d.placing.target import build_target
from adp3d.placing.write import result_structure
from adp3d.structure.sequences import NamedSequence


def finish(structure, sequences=None, chains=None):
    target = build_target(structure, sequences, chains=chains)
    xyz = np.nan_to_num(target.xyz) + 0.1
    return result_structure(structure, target, xyz, np.full(target.n_residues, 50.0))


def records(structure):
    return {e.name: (list(e.subchains), len(e.full_sequence)) for e in structure.entities}


def link(chain1, number1, name1, atom1, chain2, number2, name2, atom2):
    made = gemmi.Connection()
    made.name, made.type = f"link{number1}", gemmi.ConnectionType.Covale
    made.partner1 = gemmi.AtomAddress(chain1, gemmi.SeqId(number1, " "), name1, atom1)
    made.partner2 = gemmi.AtomAddress(chain2, gemmi.SeqId(number2, " "), name2, atom2)
    return made


def test_sequences_are_complete_and_positions_follow(make):
    structure = make.build([make.Part("A", make.SEQUENCE, start=101, skip=(0, 5))])
    result = finish(structure, [NamedSequence("s", make.SEQUENCE)])
    (entity,) = result.entities
    assert gemmi.one_letter_code(entity.full_sequence) == make.SEQUENCE
    assert [r.label_seq for r in result[0]["A"]] == list(range(1, 81))
    assert {r.entity_id for r in result[0]["A"]} == {entity.name}
    assert entity.polymer_type == gemmi.PolymerType.PeptideL


def test_equal_chains_share_an_entity_and_different_ones_do_not(make):
    parts = [make.Part(c, make.SEQUENCE, shift=(40.0 * i, 0, 0), skip=(i,)) for i, c in enumerate("ABC")]
    parts[2].names[20] = "MSE" if make.SEQUENCE[20] == "M" else "QQQ"
    structure = make.build(parts)
    for i in (2, 1):
        del structure.entities[i]
    structure.entities[0].subchains = ["Axp", "Bxp", "Cxp"]
    result = finish(structure, [NamedSequence("s", make.SEQUENCE)])
    assert records(result) == {"A": (["Axp", "Bxp"], 80), "1": (["Cxp"], 80)}


def test_chains_outside_the_job_keep_their_entity(make):
    structure = make.build([make.Part("A", make.SEQUENCE, skip=(4,)), make.Part("B", make.SEQUENCE, shift=(40, 0, 0))])
    del structure.entities[1]
    structure.entities[0].subchains = ["Axp", "Bxp"]
    structure.entities[0].full_sequence = [r.name for r in structure[0]["B"]]
    same = finish(structure, None, chains=["A"])
    assert records(same) == {"A": (["Axp", "Bxp"], 80)}
    longer = finish(structure, [NamedSequence("s", make.SEQUENCE + "GG")], chains=["A"])
    assert records(longer) == {"A": (["Bxp"], 80), "1": (["Axp"], 82)}


def test_joined_chains_leave_no_empty_entities(make):
    structure = make.build([make.Part("A", make.SEQUENCE, 40, 79), make.Part("B", make.SEQUENCE, 0, 30)])
    assert len(structure.entities) == 2
    result = finish(structure, [NamedSequence("s", make.SEQUENCE)])
    assert records(result) == {"A": (["Axp"], 80)}


def test_entities_of_absent_chains_stay(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    absent = gemmi.Entity("9")
    absent.entity_type, absent.polymer_type = gemmi.EntityType.Polymer, gemmi.PolymerType.PeptideL
    absent.subchains, absent.full_sequence = ["Z"], ["GLY", "ALA"]
    structure.entities.append(absent)
    assert records(finish(structure))["9"] == (["Z"], 2)


def test_links_follow_names_and_lose_missing_atoms(make):
    structure = make.build(
        [make.Part("A", make.SEQUENCE, names={4: "TRP"})],
        {"A": [make.small("MG", 201, (9, 9, 9), "MG", "Mg")]},
    )
    structure[0]["A"][4].add_atom(make.atom("CG", (1, 1, 1)))
    structure.connections = gemmi.ConnectionList(
        [
            link("A", 5, "TRP", "CB", "A", 201, "MG", "MG"),
            link("A", 5, "TRP", "CG", "A", 201, "MG", "MG"),
            link("A", 8, "LYS", "CB", "A", 201, "MG", "MG"),
        ]
    )
    kept = finish(structure, [NamedSequence("s", make.SEQUENCE)]).connections
    assert [(c.name, c.partner1.res_id.name) for c in kept] == [("link5", "TYR"), ("link8", "LYS")]


def test_helices_and_strands_follow_joined_chains(make):
    structure = make.build([make.Part("A", make.SEQUENCE, 40, 79), make.Part("B", make.SEQUENCE, 0, 30, start=60)])
    helix = gemmi.Helix()
    helix.start = gemmi.AtomAddress("B", gemmi.SeqId(62, " "), "THR", "")
    helix.end = gemmi.AtomAddress("B", gemmi.SeqId(70, " "), "GLN", "")
    structure.helices.append(helix)
    sheet, strand = gemmi.Sheet("S"), gemmi.Sheet.Strand()
    strand.start, strand.end = helix.start, gemmi.AtomAddress("A", gemmi.SeqId(50, " "), "ALA", "")
    sheet.strands.append(strand)
    structure.sheets.append(sheet)
    result = finish(structure, [NamedSequence("s", make.SEQUENCE)])
    assert str(result.helices[0].start).startswith("A/THR 3")
    assert str(result.sheets[0].strands[0].start).startswith("A/THR 3")
    assert str(result.sheets[0].strands[0].end).startswith("A/ALA 50")


def test_cis_peptides_of_job_chains_are_dropped(make):
    structure = make.build([make.Part("A", make.SEQUENCE), make.Part("B", make.OTHER, shift=(40, 0, 0))])

    def cis(chain):
        made = gemmi.CisPep()
        made.partner_c = gemmi.AtomAddress(chain, gemmi.SeqId(3, " "), "THR", "")
        made.partner_n = gemmi.AtomAddress(chain, gemmi.SeqId(4, " "), "ALA", "")
        return made

    structure.cispeps = [cis("A"), cis("B")]
    result = finish(structure, None, chains=["A"])
    assert [c.partner_c.chain_name for c in result.cispeps] == ["B"]


def cis_at(xyz: np.ndarray, row: int) -> np.ndarray:
    """Backbone (n, 4, 3) with a cis bond behind residue ``row``: all that follows is turned about C-N."""
    out = xyz.copy()
    origin, axis = xyz[row, 2], xyz[row + 1, 0] - xyz[row, 2]
    turn = Rotation.from_rotvec(np.pi * axis / np.linalg.norm(axis))
    out[row + 1 :] = turn.apply((xyz[row + 1 :] - origin).reshape(-1, 3)).reshape(-1, 4, 3) + origin
    return out


def test_cis_peptides_are_recorded_where_they_are(make):
    structure = make.build([make.Part("A", make.SEQUENCE, start=101, skip=(30, 31)), make.Part("B", make.OTHER)])
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)], chains=["A"])
    recorded = gemmi.CisPep()
    recorded.partner_c = gemmi.AtomAddress("A", gemmi.SeqId(103, " "), "THR", "")
    recorded.partner_n = gemmi.AtomAddress("A", gemmi.SeqId(104, " "), "ALA", "")
    gone = gemmi.CisPep()
    gone.partner_c = gemmi.AtomAddress("A", gemmi.SeqId(150, " "), "LYS", "")
    gone.partner_n = gemmi.AtomAddress("A", gemmi.SeqId(151, " "), "VAL", "")
    structure.cispeps = [recorded, gone]
    xyz = cis_at(cis_at(make.helix(80), 2), 30)  # the one of the input, and one in what was built
    result = result_structure(structure, target, xyz, np.full(80, 50.0))
    found = [
        (c.partner_c.chain_name, c.partner_c.res_id.seqid.num, c.partner_n.res_id.seqid.num) for c in result.cispeps
    ]
    assert found == [("A", 103, 104), ("A", 131, 132)]
    assert all(abs(c.reported_angle) < 1.0 for c in result.cispeps)
    again = gemmi.make_structure_from_block(result.make_mmcif_document()[0])
    assert [c.partner_c.res_id.seqid.num for c in again.cispeps] == [103, 131]
    assert result_structure(structure, target, make.helix(80), np.full(80, 50.0)).cispeps == []


def test_conect_records_follow_serial_numbers(make):
    structure = make.build(
        [make.Part("A", make.SEQUENCE, skip=(2,))], {"A": [make.small("MG", 201, (9, 9, 9), "MG", "Mg")]}
    )
    structure.assign_serial_numbers()
    magnesium, nitrogen = structure[0]["A"][79 - 0][0].serial, structure[0]["A"][10]["N"][0].serial
    structure.add_conect(nitrogen, magnesium, 1)
    result = finish(structure, [NamedSequence("s", make.SEQUENCE)])
    chain = result[0]["A"]
    first, second = chain[11]["N"][0].serial, chain[80][0].serial
    assert dict(result.conect_map) == {first: [second], second: [first]}
