from __future__ import annotations

import gzip

import gemmi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.placing.write import write_structure
from adp3d.structure.sequences import (
    NamedSequence,
    parse_fasta,
    parse_sequence_argument,
    read_sequences,
    sequences_from_structure,
)


@pytest.mark.parametrize(
    ("header", "name", "chains"),
    [
        ("7PZT_1|Chains A, B|Capsid protein|Virus (1)", "7PZT_1", ("A", "B")),
        ("8ABC_2|Chains C[auth K], D[auth L]|x", "8ABC_2", ("K", "L")),
        ("8ABC_2|Chain C|x", "8ABC_2", ("C",)),
        ("1ABC:H|PDBID|CHAIN|SEQUENCE", "1ABC:H", ("H",)),
        ("1abc_H", "1abc_H", ("H",)),
        ("A", "A", ("A",)),
        ("A, B,Cc", "A, B,Cc", ("A", "B", "Cc")),
        ("chain B", "chain B", ("B",)),
        ("sp|P12345|NAME_HUMAN Some protein", "P12345", None),
        ("2513A", "2513A", None),
        ("7PZT_1", "7PZT_1", None),
        ("my favourite protein of all time", "my", None),
    ],
)
def test_headers_name_chains(header, name, chains):
    (found,) = parse_fasta(f">{header}\nMKT\nAYI*\n")
    assert found == NamedSequence(name, "MKTAYI", chains)


def test_several_records_nucleic_acids_left_out():
    found = parse_fasta(">p1\nmkt ayi\n\n>dna\nACGTACGTTAGC\n>rna\nGGCUAACGUACG\n>p2\nACGTACGTWW\n;comment\n")
    assert [(f.name, f.sequence) for f in found] == [("p1", "MKTAYI"), ("p2", "ACGTACGTWW")]
    with pytest.raises(InputError, match="no protein sequence"):
        parse_fasta(">dna\nACGTACGTTAGC\n")


def test_ambiguous_and_modified_letters():
    assert parse_fasta(">x\nMBZJXUO(MSE)K\n")[0].sequence == "MXXXXUOMK"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nMKT1\n", "invalid letters: '1', the first at position 4"),
        (">a\nMK-T\n", "alignment gaps"),
        (">a\n>b\nMKT\n", "empty"),
        ("MKT\n>a\nMKT\n", "before the first"),
    ],
)
def test_bad_fasta(text, message):
    with pytest.raises(InputError, match=message):
        parse_fasta(text)


def test_typed_sequences():
    assert parse_sequence_argument(" mkt ayi ")[0] == NamedSequence("typed sequence", "MKTAYI")
    assert [s.sequence for s in parse_sequence_argument("MKT:AYI,GG")] == ["MKT", "AYI", "GG"]
    assert parse_sequence_argument(">a\nMKT")[0].name == "a"
    assert parse_sequence_argument("ACDEFGHIKLMNPQRSTVWY" * 300)[0].sequence.startswith("ACD")
    for bad, message in [
        ("", "empty"),
        (",", "empty"),
        ("MK8T", "invalid"),
        ("no/such.fasta", "no sequence file"),
        ("missing.fa", "no sequence file"),
    ]:
        with pytest.raises(InputError, match=message):
            parse_sequence_argument(bad)


def test_files_win_over_letters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "MKT").write_text("AYI\nKQR\n")
    assert parse_sequence_argument("MKT")[0] == NamedSequence("MKT", "AYIKQR")
    with pytest.raises(InputError, match="no sequence file"):
        parse_sequence_argument(tmp_path / "absent")


def test_fasta_file_gzipped_and_binary(tmp_path):
    path = tmp_path / "seq.fasta"
    path.write_bytes(gzip.compress(b">A\r\nMKT\r\n"))
    assert read_sequences(path) == [NamedSequence("A", "MKT", ("A",))]
    path.write_bytes(b"MK\x00T")
    with pytest.raises(InputError, match="binary"):
        read_sequences(path)
    path.write_bytes(b"  \n")
    with pytest.raises(InputError, match="empty"):
        read_sequences(path)


def test_entity_records_map_modified_residues_and_chains(make, tmp_path):
    part = make.Part("A", "MKTAYIAKQR", names={0: "MSE"})
    structure = make.build([part, make.Part("B", "MKTAYIAKQR", shift=(30, 0, 0), names={0: "MSE"})])
    del structure.entities[1]
    entity = structure.entities[0]
    entity.subchains = ["Axp", "Bxp"]
    entity.full_sequence = ["ACE", "GLY", "MSE", *[r.name for r in structure[0]["A"]][1:], "SER,THR", "NH2"]
    expected = [NamedSequence(f"entity {entity.name}", "GMKTAYIAKQRS", ("A", "B"))]
    assert sequences_from_structure(structure) == expected
    write_structure(structure, tmp_path / "model.cif")
    assert read_sequences(tmp_path / "model.cif") == expected
    entity.full_sequence = []
    assert sequences_from_structure(structure) == []
    write_structure(structure, tmp_path / "bare.cif")
    with pytest.raises(InputError, match="no sequence records"):
        read_sequences(tmp_path / "bare.cif")


def test_entities_that_are_not_protein_are_left_out(make):
    structure = make.build([make.Part("A", "MKTAYIAKQR")])
    structure.entities[0].full_sequence = ["DA", "DG", "DC"]
    structure.entities[0].polymer_type = gemmi.PolymerType.Dna
    assert sequences_from_structure(structure) == []
    structure.entities[0].polymer_type = gemmi.PolymerType.Unknown
    assert sequences_from_structure(structure) == []


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=60))
def test_any_text_gives_sequences_or_an_input_error(text):
    for parse in (parse_fasta, parse_sequence_argument):
        try:
            found = parse(text)
        except InputError:
            continue
        assert found and all(entry.sequence for entry in found)


def test_pir_files_have_a_description_that_is_no_sequence(tmp_path):
    path = tmp_path / "x.pir"
    path.write_text(
        ">P1;1ABC\nstructureX:1abc: 1 :A: 20 :A:ferritin::1.75:\nMKTAY IAKQR\n--QISF..VKSHF*\n"
        ">DL;gene\nits gene\nATGAAAACTGCT*\n"
        ">P1;dimer\n\nMKTA/YIAK*\n\n>F1;short\nMKTW*\n"
    )
    found = read_sequences(path)
    assert [(f.name, f.sequence) for f in found] == [
        ("1ABC", "MKTAYIAKQRQISFVKSHF"),
        ("dimer", "MKTA"),
        ("dimer", "YIAK"),
        ("short", "MKTW"),
    ]
    assert parse_sequence_argument(">P1;x\nA protein of mine\nMKTAYI*\n") == [NamedSequence("x", "MKTAYI")]
    for bad, message in ((">P1;x\nmine\n*\n", "empty"), (">P1;x\nmine\nMK1T*\n", "invalid letters: '1'")):
        with pytest.raises(InputError, match=message):
            parse_fasta(bad)
    with pytest.raises(InputError, match="no protein"):
        parse_fasta(">DL;gene\nits gene\nATGAAAACTGCT*\n")


def test_entries_of_databases(tmp_path):
    path = tmp_path / "entry.txt"
    path.write_text(
        "ID   FRIH_HUMAN              Reviewed;         183 AA.\nAC   P02794;\n"
        "SQ   SEQUENCE   20 AA;  21226 MW;  0CFA4C9D5EB6F1A3 CRC64;\n     MTTASTSQVR QNYHQDSEAA\n//\n"
    )
    assert read_sequences(path) == [NamedSequence("FRIH_HUMAN", "MTTASTSQVRQNYHQDSEAA")]
    path.write_text(
        "LOCUS       NP_002023                183 aa\nDEFINITION  ferritin\nORIGIN      \n"
        "        1 mttastsqvr qnyhqdseaa\n       21 inrqin\n//\n"
        "LOCUS       NM_002032   12 bp\nORIGIN\n        1 atgacgaccg cg\n//\n"
    )
    assert read_sequences(path) == [NamedSequence("NP_002023", "MTTASTSQVRQNYHQDSEAAINRQIN")]


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        (">x\n  1 mktayi akqr 10\n 11 QISFVKSHF 19 *\n\n", "MKTAYIAKQRQISFVKSHF"),
        ("1 MKTAY\n6 IAKQR\n", "MKTAYIAKQR"),
        ("Met-Lys-Thr-Ala-Tyr-MSE", "MKTAYM"),
        ("MET LYS THR\nALA TYR\n", "MKTAY"),
    ],
)
def test_numbers_lower_case_and_three_letter_names(tmp_path, text, sequence):
    path = tmp_path / "s.txt"
    path.write_text(text)
    assert [f.sequence for f in read_sequences(path)] == [sequence]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CLUSTAL W (1.83)\n\na MKT-AYI\nb MKTWAYI\n", "alignment"),
        ("# STOCKHOLM 1.0\na MKT\n//\n", "alignment"),
        ("{\\rtf1\\ansi MKT}", "RTF"),
        ("<!DOCTYPE html><html>MKT</html>", "web page"),
        ('{"sequences": ["MKT"]}', "JSON"),
    ],
)
def test_what_is_no_sequence_file_is_called_by_its_name(tmp_path, text, words):
    path = tmp_path / "s.fasta"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_sequences(path)
