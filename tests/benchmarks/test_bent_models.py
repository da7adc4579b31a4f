"""How models are bent for the benchmark, and what is told of the results."""

import gemmi
import numpy as np
import pytest


@pytest.fixture
def bent_models(load):
    return load("bent_models")


@pytest.fixture
def line():
    """A straight chain of 120 residues, 3.8 A apart, whose atoms lie around their CA."""
    ca = np.arange(120)[:, None] * np.array([3.8, 0.0, 0.0])
    return ca[:, None] + np.array([[-1.2, 0.5, 0.3], [0, 0, 0], [1.2, 0.6, -0.4], [1.5, 1.5, 0.2]])


def test_smooth_fields_have_the_size_asked_for(bent_models, line):
    moved = bent_models.bent_backbone(line, "2", np.random.default_rng(0)) - line
    assert np.sqrt(np.square(moved).sum(-1).mean()) == pytest.approx(2.0)
    assert np.linalg.norm(np.diff(moved[:, 1], axis=0), axis=-1).max() < 2.5


@pytest.mark.parametrize("seed", range(5))
def test_hinges_turn_the_second_part_as_a_whole(bent_models, line, seed):
    bent = bent_models.bent_backbone(line, "hinge", np.random.default_rng(seed))
    still = np.abs(bent - line).max((1, 2)) < 1e-9
    hinge = int(still.argmin())
    assert 40 <= hinge < 80 and still[:hinge].all()
    before, after = line[hinge:].reshape(-1, 3), bent[hinge:].reshape(-1, 3)
    fit = gemmi.superpose_positions([gemmi.Position(*p) for p in after], [gemmi.Position(*p) for p in before])
    assert fit.rmsd < 1e-3  # an ill-conditioned sum of squares
    angle = np.degrees(np.arccos((np.trace(np.array(fit.transform.mat.tolist())) - 1) / 2))
    assert 10 <= angle <= 40


def test_two_stretches_are_pushed_aside(bent_models, line):
    spoiled, wrong = bent_models.spoiled_stretches(line, np.random.default_rng(1))
    way = np.linalg.norm(spoiled - line, axis=-1)
    assert wrong.sum() == 20 and (way[~wrong] == 0).all()
    assert 3.8 < way.max() < 4.0 and wrong[:60].sum() == wrong[60:].sum() == 10


def test_models_carry_their_confidence(bent_models, line, tmp_path):
    stated = np.linspace(40, 98, 120)
    bent_models.write_model(tmp_path / "m.cif", line, "AG" * 60, stated)
    chain = gemmi.read_structure(str(tmp_path / "m.cif"))[0][0]
    assert [residue.name for residue in chain][:2] == ["ALA", "GLY"]
    np.testing.assert_allclose([residue["CA"][0].b_iso for residue in chain], stated, atol=0.01)
    np.testing.assert_allclose([residue["O"][0].pos.tolist() for residue in chain], line[:, 3], atol=2e-3)


def test_summary_keeps_kinds_of_bends_apart(bent_models):
    def row(bend, rmsd, resolution=3.0):
        names = ("rmsd_start", "correlation", "correlation_true", "favoured", "favoured_true", "seconds")
        return {"bend": bend, "resolution": resolution, "rmsd": rmsd, **dict.fromkeys(names, 1.0)}

    found = bent_models.summary_of([row("1", 0.2), row("1", 0.4), row("hinge", 0.3), row("1", 0.9, 4.0)])
    assert [(r["resolution"], r["bend"], r["proteins"], r["goal"]) for r in found] == [
        (3.0, "1", 2, 0.5),
        (3.0, "hinge", 1, None),
        (4.0, "1", 1, 0.8),
    ]
    assert found[0]["rmsd_mean"] == pytest.approx(0.3) and found[0]["rmsd_worst"] == 0.4


def test_the_picture_is_drawn(bent_models, tmp_path):
    rows = [
        {"resolution": 3.0, "bend": bend, "rmsd_start": start, "rmsd": 0.3}
        for bend, start in (("4", 4.1), (bent_models.HINGE, 5.5))
    ]
    bent_models.draw(tmp_path / "bent_models.png", rows)
    assert (tmp_path / "bent_models.png").stat().st_size > 1000
