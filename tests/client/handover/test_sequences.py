"""Where sequences come from."""

from __future__ import annotations

import pytest


def _known(session, structure, chains=None, names=None):
    from chimerax.adp3d.handover.sequences import known_sequences

    return known_sequences(session, structure, chains, names or {})


def test_records_of_the_chains(session, make_model):
    known = _known(session, make_model(chains="AB"))
    assert known.fasta == ">chain A\nMALEKMALEKMALEKMALEK\n>chain B\nMALEKMALEKMALEKMALEK\n"
    assert known.longest_gap == 3 and known.unknown == ()


def test_chains_of_the_job_under_the_names_of_the_files(session, make_model):
    known = _known(session, make_model(chains="AB"), ["B"], {"B": "x"})
    assert known.fasta == ">chain x\nMALEKMALEKMALEKMALEK\n"


def test_nothing_known(session, make_model):
    known = _known(session, make_model(known=False))
    assert known.fasta is None
    # ChimeraX may make two chains of it, neither of which has a gap
    assert (known.unknown, known.longest_gap) in (((), 0), (("A",), 3))


def test_known_and_unknown_chains(session, make_model):
    structure = make_model(chains="AB")
    for chain in structure.chains:
        if chain.chain_id == "B":
            chain.bulk_set(list(chain.existing_residues), "MALEKMAMALEKMALEK")
            chain.from_seqres = False
    known = _known(session, structure)
    assert known.fasta == ">chain A\nMALEKMALEKMALEKMALEK\n"
    assert known.unknown == ("B",) and "not known" in known.notes[0]


def test_associated_alignment(session, make_model):
    structure = make_model(known=False, missing=())
    alignments = getattr(session, "alignments", None)
    if alignments is None:
        pytest.skip("no alignments here")
    from chimerax.atomic import Sequence

    longer = Sequence(name="longer", characters="GGMALEK-MALEKMALEKMALEKHH")
    session.alignments.new_alignment([longer], "test alignment", viewer=False)
    alignment = session.alignments.alignments[0]
    try:
        chain = structure.chains[0]
        alignment.associate([chain], seq=longer)
        known = _known(session, structure)
        assert known.fasta == ">chain A\nGGMALEKMALEKMALEKMALEKHH\n"
        assert known.notes == ("Sequence of chain A: longer of alignment test alignment.",)
        from chimerax.adp3d.handover.sequences import resolve_sequence

        for text in ("longer", "test alignment:longer"):
            assert resolve_sequence(session, text) == f">{text}\nGGMALEKMALEKMALEKMALEKHH\n"
        assert resolve_sequence(session, f"#{structure.id_string}/A") == ">sequence 1\nGGMALEKMALEKMALEKMALEKHH\n"
    finally:
        session.alignments.destroy_alignment(alignment)


def test_typed_sequences(session, make_model, tmp_path):
    from chimerax.adp3d.handover.sequences import resolve_sequence
    from chimerax.core.errors import UserError

    structure = make_model()
    assert resolve_sequence(session, " MALEK,GGS ") == "MALEK,GGS"
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMALEK\n")
    assert resolve_sequence(session, str(path)) == str(path)
    assert resolve_sequence(session, f"#{structure.id_string}/A") == ">sequence 1\nMALEKMALEKMALEKMALEK\n"
    assert resolve_sequence(session, ">mine\nMALEK") == ">mine\nMALEK"
    number = structure.id_string
    for wrong, sentence in (
        ("no such file.fasta", "There is no file 'no such file.fasta'."),
        ("MAL3K", "The sequence 'MAL3K' is no file, no chain such as #1/A, no sequence of an open alignment and no "),
        ("MA", "The sequence 'MA' is no file"),
        (f"#{number}/Z", f"'#{number}/Z' specifies no protein chain; use for instance #1/A."),
        (f"#{number}/A:2-5", f"'#{number}/A:2-5' names a part of chain #{number}/A, but a sequence is that of whole "),
    ):
        with pytest.raises(UserError) as error:
            resolve_sequence(session, wrong)
        assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        "/no/such/file",
        "~/no_such_file",
        "seqs.fasta",
        "/x.fa",
        "../a.seq",
        "C:\\data\\a.txt",
        "~nobody_of_this/x.fasta",
    ],
)
def test_files_that_do_not_exist(session, make_model, text):
    from chimerax.adp3d.handover.sequences import resolve_sequence
    from chimerax.core.errors import UserError

    make_model()
    with pytest.raises(UserError) as error:
        resolve_sequence(session, text)
    assert str(error.value) == f"There is no file '{text}'."


def test_chains_of_all_models_and_long_sequences_are_no_files(session, make_model):
    from chimerax.adp3d.handover.sequences import resolve_sequence

    make_model()
    assert resolve_sequence(session, "/A") == ">sequence 1\nMALEKMALEKMALEKMALEK\n"
    assert resolve_sequence(session, "MALEK" * 100) == "MALEK" * 100
