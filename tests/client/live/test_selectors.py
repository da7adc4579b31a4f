"""Residues of jobs by name: new, moved, held and doubtful ones, in the models that show them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SHORT = "replicas 2 steps 3 device cpu prior gaussian sideChains none"
NAMES = ("adp3d-new", "adp3d-moved", "adp3d-held", "adp3d-doubtful")


def _handover_fixtures():
    path = Path(__file__).resolve().parents[1] / "handover" / "conftest.py"
    spec = importlib.util.spec_from_file_location("adp3d_handover_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_model = _handover_fixtures().make_model


def _found(session, text):
    """Residues that a specifier finds, by model and number."""
    from chimerax.core.commands import AtomSpecArg

    spec, _, _ = AtomSpecArg.parse(text, session)
    return {(r.structure, r.number) for r in spec.evaluate(session).atoms.unique_residues}


def _numbers(session, text):
    return {number for _, number in _found(session, text)}


def test_without_jobs_the_names_mean_nothing(session, make_model):
    from chimerax.core.commands import list_selectors

    make_model()
    assert set(NAMES) <= set(list_selectors())
    assert not any(_found(session, name) for name in NAMES)


def test_they_follow_what_is_shown_and_what_is_accepted(session, make_model, tmp_path, messages):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.core.commands import run

    model = make_model(missing=(5, 6, 12, 13, 14))
    folder = tmp_path / "job"
    job = run(session, f"adp3d complete #{model.id_string} {SHORT} folder {folder} keep #{model.id_string}/A:17-20")
    result = result_model(session, job)
    new = {5, 6, 12, 13, 14}
    assert _found(session, "adp3d-new") == {(result, number) for number in new}
    assert _found(session, f"adp3d-new & #{result.id_string}/A:1-10") == {(result, 5), (result, 6)}
    assert not _found(session, "adp3d-held"), "a job that has ended holds nothing"
    rows = (folder / "residues.csv").read_text().splitlines()
    head = rows[0].split(",")
    moved, confidence = head.index("displacement"), head.index("confidence")
    first = rows[1].split(",")
    first[moved], first[confidence] = "0.7", "31"
    second = rows[2].split(",")
    second[moved], second[confidence] = "0.49", "90"
    (folder / "residues.csv").write_text("\n".join([rows[0], ",".join(first), ",".join(second), *rows[3:]]))
    assert 1 in _numbers(session, "adp3d-moved") and 2 not in _numbers(session, "adp3d-moved")
    assert not _numbers(session, "adp3d-moved") & new
    doubtful = _numbers(session, "adp3d-doubtful")
    troubled = {int(n) for one in run(session, "adp3d segments") if one.trouble for n in one.residues}
    assert 1 in doubtful and 2 not in doubtful and troubled <= doubtful
    run(session, f"adp3d accept {job.id} residues #{model.id_string}/A:5-6")
    assert _found(session, "adp3d-new") == {(result, number) for number in new}, "the model is hidden under the result"
    model.display = True
    assert _found(session, "adp3d-new") == {(result, n) for n in new} | {(model, 5), (model, 6)}
    session.models.close([result])
    assert _found(session, "adp3d-new") == {(model, 5), (model, 6)}
    session.undo.undo()
    assert _found(session, "adp3d-new") == set()
    (folder / "residues.csv").write_text("chain\nA\n")
    assert _found(session, "adp3d-new") == set()
    assert any("cannot be read" in text for level, text in messages if level == "warning")
    session.models.close([model])
    assert not any(_found(session, name) for name in NAMES)


def test_held_are_those_of_jobs_that_go_on(bench):
    """The job holds A 8 from its start and A 6 since the user said so."""
    from chimerax.adp3d.engine.contract import messages as wire
    from chimerax.adp3d.live.models import live_models
    from chimerax.core.commands import run

    session, job = bench.session, bench.submit()
    job.prepared.spec["keep"] = ["A:8"]
    best = live_models(session).views[job.id].best
    bench.frame(job)
    bench.manager.pump()
    run(session, f"adp3d fix #{best.id_string}/A:6 job {job.id}")
    assert _found(session, "adp3d-held") == {(best, 6), (best, 8)}
    bench.engine.report(wire.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    assert not _found(session, "adp3d-held")


def test_the_bundle_names_what_there_is():
    from chimerax.adp3d.live.residue_groups import GROUPS

    assert set(GROUPS) == set(NAMES)
