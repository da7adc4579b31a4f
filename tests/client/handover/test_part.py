"""Parts of models: what a specifier names is what is worked on, or it is refused."""

from __future__ import annotations

import pytest


def _part(session, text):
    from chimerax.adp3d.commands.arguments import ModelPartArg

    part, _, rest = ModelPartArg.parse(text, session)
    return part, rest


def _work(session, text, chains=None):
    from chimerax.adp3d.handover.model_export import read_open_model
    from chimerax.adp3d.handover.part import work_of

    part, _ = _part(session, text)
    return work_of(part, read_open_model(part.model), chains)


@pytest.fixture
def model(make_model):
    """Chains A, B and C of 20 residues without 8 to 10, and two waters of chain A."""
    return make_model(chains="ABC", waters=2)


@pytest.mark.parametrize(
    ("written", "chains", "stretches", "spec"),
    [
        ("#{m}", None, [], "#{m}"),
        ("#{m} & protein", None, [], "#{m}"),
        ("#{m}/A,B,C", None, [], "#{m}"),
        ("#{m}/A", ("A",), [], "#{m}/A"),
        ("#{m}/A,C", ("A", "C"), [], "#{m}/A,C"),
        ("#{m}/B@CA", ("B",), [], "#{m}/B"),
        ("#{m}/A:2-5", ("A",), [("A", 2, 5)], "#{m}/A:2-5"),
        # what is missing between residues that are named belongs to the stretch
        ("#{m}/A:6-12", ("A",), [("A", 6, 12)], "#{m}/A:6-12"),
        # and so does what is missing in a range that is typed
        ("#{m}/A:7-9", ("A",), [("A", 7, 9)], "#{m}/A:7-9"),
        ("#{m}/A:8-10", ("A",), [("A", 8, 10)], "#{m}/A:8-10"),
        ("#{m}/A:9", ("A",), [("A", 9, 9)], "#{m}/A:9"),
        ("#{m}:9-12", ("A", "B", "C"), [("A", 9, 12), ("B", 9, 12), ("C", 9, 12)], "#{m}/A:9-12/B:9-12/C:9-12"),
        ("#{m}/A:1-20", ("A",), [], "#{m}/A"),
        ("#{m}/A:18-25 & protein", ("A",), [("A", 18, 20)], "#{m}/A:18-20"),
        ("#{m}/A:2-3,12,15-16", ("A",), [("A", 2, 3), ("A", 12, 12), ("A", 15, 16)], "#{m}/A:2-3,12,15-16"),
        ("#{m}/A/B:2-5", ("A", "B"), [("B", 2, 5)], "#{m}/A/B:2-5"),
        ("#{m}:4-5", ("A", "B", "C"), [("A", 4, 5), ("B", 4, 5), ("C", 4, 5)], "#{m}/A:4-5/B:4-5/C:4-5"),
        ("#{m}/A:18-25", ("A",), [("A", 18, 25)], "#{m}/A:18-25"),
    ],
)
def test_what_is_worked_on(session, model, written, chains, stretches, spec):
    number = model.id_string
    work = _work(session, written.format(m=number))
    assert work.chains == chains
    assert [(first[0], first[1], last[1]) for first, last in work.stretches] == stretches
    assert work.spec == spec.format(m=number)
    assert bool(work.note(f"#{number}")) == (chains is not None)
    again = _work(session, work.spec)
    assert (again.chains, again.stretches) == (work.chains, work.stretches)


def test_the_selection_and_named_selections(session, model, select):
    from chimerax.atomic import Atoms
    from chimerax.core.commands import deregister_selector, register_selector
    from chimerax.core.objects import Objects

    number = model.id_string
    select(model, lambda a: a.residue.chain_id == "B" and 12 <= a.residue.number <= 15 and a.name == "CA")
    work = _work(session, "sel")
    assert (work.chains, work.spec) == (("B",), f"#{number}/B:12-15")
    assert work.note(f"#{number}") == (
        f"ADP-3D works on residues 12-15 of chain B, built anew, of #{number} only; the rest stays as it is."
    )
    assert _work(session, f"#{number}/B:1-13 & sel").spec == f"#{number}/B:12-13"
    chosen = Atoms([a for a in model.atoms if a.residue.chain_id == "C" and a.residue.name != "HOH"])
    register_selector("mychain", Objects(atoms=chosen), session.logger, user=True)
    try:
        assert _work(session, "mychain").spec == f"#{number}/C"
    finally:
        deregister_selector("mychain", session.logger)


def test_the_keyword_chains_beside_a_part(session, model):
    from chimerax.core.errors import UserError

    number = model.id_string
    assert _work(session, f"#{number}/A,B", ["B"]).spec == f"#{number}/B"
    assert _work(session, f"#{number}:2-4", ["B"]).spec == f"#{number}/B:2-4"
    with pytest.raises(UserError, match=rf"'chains' names C, which is no part of '#{number}/A,B'"):
        _work(session, f"#{number}/A,B", ["A", "C"])
    with pytest.raises(UserError, match="no protein chain Q; its protein chains are A, B, C"):
        _work(session, f"#{number}", ["Q"])


def test_what_is_refused(session, model, make_model, make_map):
    from chimerax.adp3d.handover.part import refuse_unknown
    from chimerax.core.commands import AnnotationError
    from chimerax.core.errors import UserError

    other, volume = make_model(name="other"), make_map()
    with pytest.raises(AnnotationError, match="names residues of 2 models"):
        _part(session, f"#{model.id_string},{other.id_string}/A")
    with pytest.raises(AnnotationError, match="names residues of 2 models"):
        _part(session, "/A:2-5")
    for nothing in (f"#{model.id_string}/Z", f"#{volume.id_string}", "#77/A:1-5", f"#{model.id_string}/A:8-10 & sel"):
        with pytest.raises(AnnotationError, match="names no residue of an open atomic model"):
            _part(session, nothing)
    with pytest.raises(UserError, match="names no residue of a protein chain"):
        _work(session, f"#{model.id_string}/A:301@O")
    for numbers in ("301", "30-40"):
        with pytest.raises(UserError, match=f"has no residues A {numbers}, and its sequence none that are missing"):
            refuse_unknown(_work(session, f"#{model.id_string}/A:{numbers}"), model)
    refuse_unknown(_work(session, f"#{model.id_string}/A:8-10"), model)


def test_whole_models_only(session, model):
    from chimerax.adp3d.commands.arguments import WholeModelArg
    from chimerax.core.commands import AnnotationError

    assert WholeModelArg.parse(f"#{model.id_string} x", session)[0] is model
    with pytest.raises(AnnotationError, match=f"is a part of #{model.id_string}, which can only be taken as a whole"):
        WholeModelArg.parse(f"#{model.id_string}/A", session)


def test_numbers_that_go_up_and_down(session):
    """A range of numbers must not take in residues that were not named."""
    from chimerax.adp3d.handover.part import _runs

    rows = [("A", n, "") for n in (1, 2, 50, 51, 3, 4, 60)]
    named = {("A", n, "") for n in (2, 50, 51, 3)}
    assert _runs(rows, named) == [(a, a) for a in rows[1:5]]
    assert _runs(rows, set(rows[4:6])) == [(("A", 3, ""), ("A", 4, ""))]
    assert _runs(rows, set(rows[5:])) == [(a, a) for a in rows[5:]], "4 to 60 would hold 50 and 51"


def test_specifiers_of_residues(session, model):
    from chimerax.adp3d.handover.part import residue_spec
    from chimerax.atomic import Residues

    number = model.id_string
    chosen = [r for r in model.residues if r.chain_id in "AB" and (r.number in (2, 3, 7, 12) or r.number == 301)]
    assert residue_spec(Residues(chosen)) == f"#{number}/A:2-3,7,12,301/B:2-3,7,12"
    odd = [r for r in model.residues if r.number % 2]
    assert residue_spec(Residues(odd)) == "", "too long to be read"
