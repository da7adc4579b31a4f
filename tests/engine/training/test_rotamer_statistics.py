from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.training.ramachandran_statistics import AtomSample, crystal_atoms
from adp3d.training.rotamer_statistics import (
    ALLOWED_MASS,
    ATOM14,
    FAVOURED_MASS,
    chi_density,
    chi_samples,
    main,
    rotamer_contours,
    write_rotamers,
)
from adp3d.validation.c_beta import ideal_c_beta
from adp3d.validation.rotamers import RotamerContours, chi_periods


def test_density_is_relative_to_a_uniform_one_and_periodic():
    rng = np.random.default_rng(0)
    chi = np.stack([rng.normal(180, 8, 4000), rng.normal(-60, 8, 4000)], 1)
    table = chi_density(chi, np.ones(4000), chi_periods("LEU"))
    assert table.shape == (60, 60) and table.mean() == pytest.approx(1.0, abs=0.01)
    peak = np.unravel_index(table.argmax(), table.shape)
    assert abs(peak[0] - 30) <= 1 and abs(peak[1] - 50) <= 1
    edge = chi_density(np.full((50, 1), 359.9), np.ones(50), chi_periods("SER"))
    assert edge[1] == pytest.approx(edge[-1], rel=1e-6)
    assert chi_density(chi, np.ones(4000), chi_periods("PHE")).shape == (60, 30)


def test_levels_enclose_what_they_say_of_residues_not_seen():
    rng = np.random.default_rng(1)

    def draw(count: int) -> np.ndarray:
        return np.mod(rng.choice([60.0, 180.0, 300.0], count) + rng.normal(0, 10, count), 360.0)[:, None]

    contours = rotamer_contours("SER", (draw(6000), np.arange(6000)))
    level = contours.evaluate(draw(20000))
    assert (level >= contours.favoured).mean() == pytest.approx(FAVOURED_MASS, abs=0.006)
    assert (level >= contours.allowed).mean() == pytest.approx(ALLOWED_MASS, abs=0.002)
    with pytest.raises(InputError, match="SER"):
        rotamer_contours("SER", (draw(3), np.zeros(3, int)))


def test_side_chains_with_cb_out_of_place_are_left_out():
    rng = np.random.default_rng(2)
    x = np.full((2, 14, 3), np.nan)
    x[:, :4] = [[-0.5, 1.36, 0.0], [0.0, 0.0, 0.0], [1.525, 0.0, 0.0], [2.1, 1.0, 0.0]]
    x[:, 4] = ideal_c_beta(["SER", "SER"], x[:, :4])
    x[:, 5] = x[:, 4] + rng.normal(size=3)
    x[1, 4] += 0.3
    chi, clusters = chi_samples([AtomSample(x, "SS", np.ones(1, bool), 7)])["SER"]
    assert chi.shape == (1, 1) and clusters.tolist() == [7]
    assert ATOM14["TRP"][-1] == "CH2" and ATOM14["PRO"] == ("N", "CA", "C", "O", "CB", "CG", "CD")


def test_stored_contours_are_what_was_computed(tmp_path: Path):
    rng = np.random.default_rng(3)
    contours = rotamer_contours("VAL", (rng.uniform(0, 360, (500, 1)), np.arange(500)))
    write_rotamers({"VAL": contours}, {"VAL": 500}, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as z:
        table = z["offset"] + z["step"] * z["VAL"].astype(float)
        again = RotamerContours(table, float(z["favoured"][0]), float(z["allowed"][0]), chi_periods("VAL"))
    np.testing.assert_allclose(again.log_density, contours.log_density, atol=1e-9)
    assert (again.favoured, again.allowed) == (contours.favoured, contours.allowed)


def test_chains_to_be_left_out_are(tmp_path: Path):
    columns = {
        "xyz": np.zeros((4, 3), np.int16),
        "atommask": np.full(1, 0b1111, np.uint16),
        "aatype": np.zeros(1, np.uint8),
        "brk": np.zeros(1, np.uint8),
        "bfac": np.full(1, 10, np.uint8),
        "res_ptr": np.array([0, 1]),
        "atom_ptr": np.array([0, 4]),
        "split": np.array(["train"]),
        "method": np.array(["XRAY"]),
        "rep90": np.array([1]),
        "resolution": np.array([1.5]),
        "c40": np.array([7]),
    }
    np.savez(tmp_path / "chains_full_0.npz", **columns)
    assert len(list(crystal_atoms(tmp_path))) == 1
    (tmp_path / "leave_out.tsv").write_text("shard\trow\tchain\nchains_full_0.npz\t0\t1abc_A\n")
    assert list(crystal_atoms(tmp_path)) == []
    with pytest.raises(InputError, match="chains_full"):
        main([str(tmp_path / "empty"), str(tmp_path / "out.npz")])
