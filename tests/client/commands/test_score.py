"""Open models are scored: colours, attributes, tables, and what has changed meanwhile."""

from __future__ import annotations

import csv

import numpy as np
import pytest

QUICK = "prior gaussian steps 3 draws 1 device cpu"


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


@pytest.fixture
def models(session, make_model):
    """Three models of one protein, the second stretched, the third turned and moved."""
    from chimerax.geometry import rotation, translation

    found = [make_model(missing=(), waters=1) for _ in range(3)]
    xyz = np.asarray(found[1].atoms.coords)
    found[1].atoms.coords = xyz * (1.0, 1.0, 1.6)
    found[2].atoms.coords = (translation((30, 2, 9)) * rotation((1, 2, 3), 70)) * np.asarray(found[2].atoms.coords)
    return found


def _spec(models):
    return "#" + ",".join(model.id_string for model in models)


def _energies(model):
    return [getattr(residue, "adp3d_energy", None) for residue in model.residues]


def test_energies_colours_and_table(session, models, messages):
    depth = len(session.undo.undo_stack)
    before = [np.array(model.residues.ribbon_colors) for model in models]
    report = _run(session, f"adp3d score {_spec(models)} reference #{models[0].id_string} {QUICK}")
    told = report["models"]
    assert [row["model"] for row in told] == [f"#{model.id_string}" for model in models]
    assert told[2]["energy"] == pytest.approx(told[0]["energy"], abs=0.05), "wherever it lies"
    assert told[1]["energy"] > told[0]["energy"] + 10 and told[1]["above_lowest"] > 10
    assert told[1]["ca_rmsd"] > 3 and told[2]["ca_rmsd"] == pytest.approx(0.0, abs=1e-3)
    for model, row in zip(models, told, strict=True):
        protein, water = _energies(model)[:20], _energies(model)[20]
        assert sum(protein) == pytest.approx(row["energy"], abs=0.01) and water is None
    stretched = models[1]
    values, colours = np.array(_energies(stretched)[:20]), np.array(stretched.residues.ribbon_colors)
    worst, best = int(values.argmax()), int(values.argmin())
    assert colours[worst][0] > colours[worst][2] and colours[best][2] > colours[best][0], "red and blue"
    carbon = stretched.residues[worst].find_atom("CA")
    assert tuple(carbon.color) == tuple(colours[worst])
    assert tuple(stretched.residues[worst].find_atom("N").color) != tuple(colours[worst])
    (table,) = [text for _, text in messages if "above lowest" in text]
    assert "CA RMSD" in table and ">group<" not in table
    assert len(session.undo.undo_stack) == depth + 1
    session.undo.undo()
    for model, was in zip(models, before, strict=True):
        assert np.array_equal(model.residues.ribbon_colors, was)


def test_an_interface_and_chains_of_a_model(session, make_model, tmp_path):
    model = make_model(missing=(), chains="AB")
    file = tmp_path / "scores.csv"
    name = f"#{model.id_string}"
    quick = f"{QUICK} method path color false"  # exact for the Gaussian chain, whatever the noise
    (row,) = _run(session, f"adp3d score {name} interface A:B {quick} save '{file}'")["models"]
    whole, *sides = (_run(session, f"adp3d score {name}{part} {quick}")["models"][0] for part in ("", "/A", "/B"))
    assert row["energy"] == pytest.approx(whole["energy"] - sum(side["energy"] for side in sides), abs=0.5)
    with file.open(encoding="utf-8") as stream:
        (line,) = csv.DictReader(stream)
    assert (line["model"], line["residues"]) == (name, "40")
    assert float(line["energy"]) == pytest.approx(row["energy"], abs=0.1)
    (one,) = _run(session, f"adp3d score {name}/A {QUICK} color false")["models"]
    assert one["residues"] == 20 and _energies(model)[20:] == [None] * 20, "values of before are gone"
    assert _energies(model)[0] is not None


def test_what_cannot_be_used(session, models, make_model):
    from chimerax.core.errors import UserError

    name = f"#{models[0].id_string}"
    wrong = {
        f"adp3d score {name} interface A": "'interface' A does not name two sides",
        f"adp3d score {name} interface A:B": f"{name} has no protein chain B; its protein chains are A",
        f"adp3d score {name}:301 {QUICK}": "contains no protein",
        f"adp3d score {name} steps 1": "steps|2",
        f"adp3d score {name} prior nonesuch wait true device cpu": "nonesuch",
        f"adp3d score #99 {QUICK}": "names no|structures",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=words):
            _run(session, command)
    assert _energies(models[0])[:20] == [None] * 20


def test_the_command_need_not_wait(session, models, wait_until):
    from chimerax.adp3d.handover.scoreboard import scoreboard

    assert _run(session, f"adp3d score {_spec(models)} {QUICK} wait false") is None
    assert scoreboard(session).rows == ()
    wait_until(lambda: scoreboard(session).rows)
    assert [row.model for row in scoreboard(session).rows] == models
    session.models.close([models[1]])
    left = [f"#{models[0].id_string}", "", f"#{models[2].id_string}"]
    assert [row.specifier for row in scoreboard(session).rows] == left


def test_models_that_changed_meanwhile(session, models):
    from chimerax.adp3d.handover.part import ModelPart
    from chimerax.adp3d.handover.scoring import apply_scores, prepare_scoring

    given = prepare_scoring([ModelPart(model) for model in models], {})
    rows = [
        {
            "model": f"#{model.id_string}",
            "chains": ["A"] * 20,
            "numbers": list(range(1, 21)),
            "insertion_codes": [""] * 20,
            "energies": [float(i) for i in range(20)],
        }
        for model in models
    ]
    models[0].residues[4].delete()
    models[1].atoms.coords = np.asarray(models[1].atoms.coords) + 1.0
    session.models.close([models[2]])
    scored, notes = apply_scores(session, given, {"models": rows})
    assert [part.model for part in scored] == models[:2] and len(scored[0].residues) == 19
    assert scored[0].energies.tolist() == [float(i) for i in range(20) if i != 4]
    assert ["moved, made or deleted" in note for note in notes] == [True, True, False]
    assert "was closed while it was scored" in notes[2]


@pytest.mark.parametrize(
    ("values", "interface", "ends"),
    [
        (np.linspace(-2.0, 8.0, 101), False, (-1.5, 7.5)),
        (np.linspace(-2.0, 1.0, 101), True, (-1.85, 1.85)),
        (np.zeros(5), False, (-1.0, 1.0)),
        (np.full(5, 1.0), True, (-1.0, 1.0)),
    ],
)
def test_the_scale_of_colours(values, interface, ends):
    from chimerax.adp3d.handover.scoring import energy_scale

    scale = energy_scale(values, interface)
    assert (scale.values[0], scale.values[-1]) == pytest.approx(ends, abs=0.06)
    assert scale.values[1] == pytest.approx(sum(ends) / 2, abs=0.06)
    assert not interface or scale.values[1] == 0.0
