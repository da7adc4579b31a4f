from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.training.ramachandran_statistics import (
    ALLOWED_MASS,
    FAVOURED_MASS,
    TorsionSample,
    crystal_chains,
    density,
    main,
    statistics,
    write_contours,
)
from adp3d.validation.ramachandran import Contours, residue_kinds
from adp3d.validation.torsions import backbone_torsions

SEQUENCE = "AGPAPLLLGG"


def random_chain(rng: np.random.Generator, cluster: int) -> TorsionSample:
    """A chain with random geometry: what counts here is bookkeeping, not protein-likeness."""
    x = np.cumsum(rng.normal(size=(40, 3)), axis=0).reshape(10, 4, 3)
    return TorsionSample(x, SEQUENCE, np.ones(9, bool), cluster)


def write_shard(path: Path, **changes: object) -> np.ndarray:
    """One chain of four residues in the shards' format; returns its coordinates (4, 4, 3) in A."""
    xyz = np.round(np.random.default_rng(0).normal(size=(16, 3)) * 5, 2)
    columns: dict[str, object] = {
        "xyz": np.rint(xyz * 100).astype(np.int16),
        "atommask": np.full(4, 0b1111, np.uint16),
        "aatype": np.array([0, 7, 14, 0], np.uint8),
        "brk": np.array([0, 1, 0, 0], np.uint8),
        "bfac": np.array([10, 10, 90, 10], np.uint8),
        "res_ptr": np.array([0, 4]),
        "atom_ptr": np.array([0, 16]),
        "split": np.array(["train"]),
        "method": np.array(["XRAY"]),
        "rep90": np.array([1]),
        "resolution": np.array([1.5]),
        "c40": np.array([7]),
        **changes,
    }
    np.savez(path, **columns)
    return xyz.reshape(4, 4, 3)


def test_density_is_normalised_and_smooths_around_its_points() -> None:
    rng = np.random.default_rng(0)
    phi, psi = rng.normal(-60, 5, 4000), rng.normal(-45, 5, 4000)
    table = density(phi, psi, np.ones(4000))
    assert table.sum() * 16 == pytest.approx(1.0, abs=0.02)
    peak = np.unravel_index(table.argmax(), table.shape)
    np.testing.assert_allclose(-180 + 4 * np.array(peak), [-60, -45], atol=4)
    # Periodic: points on the edge spread to the other side.
    edge = density(np.full(50, 179.9), np.zeros(50), np.ones(50))
    np.testing.assert_allclose(edge[1, 45], edge[-1, 45], rtol=1e-6)


def test_levels_enclose_what_they_say_with_clusters_weighted() -> None:
    rng = np.random.default_rng(1)
    samples = [random_chain(rng, cluster=min(i, 150)) for i in range(300)]
    contours, counts = statistics(samples)
    assert counts.tolist() == [300 * k for k in (3, 2, 2, 1)]  # the last residue has no psi
    kept, total = np.zeros((2, 4)), np.zeros(4)
    for sample in samples:
        torsions = backbone_torsions(sample.x, sample.linked)
        kinds = residue_kinds(sample.sequence, sample.linked)
        level = contours.evaluate(torsions.phi, torsions.psi, kinds)
        weight = np.where(np.isfinite(level), 1.0 if sample.cluster < 150 else 1 / 150, 0.0)
        for kind in range(4):
            mine = kinds == kind
            total[kind] += weight[mine].sum()
            for row, limit in enumerate((contours.favoured, contours.allowed)):
                kept[row, kind] += weight[mine & (level >= limit[kind])].sum()
    np.testing.assert_allclose(kept[0] / total, FAVOURED_MASS, atol=0.01)
    np.testing.assert_allclose(kept[1] / total, ALLOWED_MASS, atol=0.008)


def test_stored_contours_are_what_was_computed(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    contours, counts = statistics([random_chain(rng, i) for i in range(30)])
    write_contours(contours, counts, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as z:
        again = Contours(z["offset"] + z["step"] * z["log_density"].astype(float), z["favoured"], z["allowed"])
    np.testing.assert_allclose(again.log_density, contours.log_density, atol=1e-9)
    np.testing.assert_array_equal(again.favoured, contours.favoured)


def test_reads_only_the_wanted_chains(tmp_path: Path) -> None:
    xyz = write_shard(tmp_path / "chains_full_0.npz")
    (chain,) = crystal_chains(tmp_path)
    assert chain.sequence == "AGPA" and chain.cluster == 7 and chain.linked.tolist() == [True, False, True]
    np.testing.assert_allclose(chain.x[[0, 1, 3]], xyz[[0, 1, 3]], atol=1e-9)
    assert np.isnan(chain.x[2]).all()
    for change in (
        {"split": np.array(["test"])},
        {"method": np.array(["NMR"])},
        {"resolution": np.array([2.6])},
        {"rep90": np.array([0])},
    ):
        write_shard(tmp_path / "chains_full_0.npz", **change)
        assert list(crystal_chains(tmp_path)) == []


def test_bad_input_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chains_full"):
        main([str(tmp_path), str(tmp_path / "out.npz")])
    with pytest.raises(InputError, match="glycine"):
        statistics([TorsionSample(np.random.default_rng(0).normal(size=(5, 4, 3)), "AAAAA", np.ones(4, bool), 0)])
