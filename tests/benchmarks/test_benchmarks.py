"""The rules of the benchmarks: which proteins, which segments, which figures."""

import argparse
import csv
import itertools

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.structure.polymer import AMINO_ACIDS, Polymer


@pytest.fixture
def helices(load):
    """Ideal backbones (N, 4, 3) of any length."""
    return load("scaling", "steps").helix_bundle


def _archive(folder, rows, helices):
    """Packed archive and index of chains given as (entry, split, cluster, sequence)."""
    structures = folder / "structures"
    structures.mkdir(parents=True)
    lengths = [len(sequence) for *_, sequence in rows]
    types = [AMINO_ACIDS.index(letter) for *_, sequence in rows for letter in sequence]
    # one long helix per chain: a bundle has breaks
    xyz = np.concatenate([_helix(n, helices) for n in lengths])
    repository = ["some+where" for _ in rows]
    np.savez(
        structures / "chains_full_0.npz",
        xyz=np.rint(100 * xyz.reshape(-1, 3)).astype(np.int16),
        centroid=np.zeros((len(rows), 3), np.float32),
        atommask=np.full(sum(lengths), 15, np.uint16),
        aatype=np.array(types, np.uint8),
        resnum=np.concatenate([np.arange(n) for n in lengths]).astype(np.int16),
        brk=np.zeros(sum(lengths), np.uint8),
        res_ptr=np.cumsum([0, *lengths]),
        atom_ptr=4 * np.cumsum([0, *lengths]),
        pdb=np.array([entry for entry, *_ in rows]),
        chain=np.array(["A"] * len(rows)),
        repo=np.array(repository),
        split=np.array([split for _, split, *_ in rows]),
        rep90=np.ones(len(rows), bool),
        c40=np.array([cluster for _, _, cluster, _ in rows]),
    )
    with (structures / "index.tsv").open("w", newline="") as file:
        names = ["shard", "pdb", "chain", "kind", "method", "split", "cluster40", "repo"]
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(names)
        for entry, split, cluster, _ in rows:
            writer.writerow(["chains_full_0.npz", entry, "A", "full", "XRAY", split, cluster, "some/where"])


def _helix(n, helices):
    """An ideal helix of any length, from the screw that takes one residue to the next."""
    first, second = helices(18)[0], helices(18)[1]
    a, b = first - first.mean(0), second - second.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    turn = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    shift = second.mean(0) - turn @ first.mean(0)
    out = [first]
    for _ in range(n - 1):
        out.append(out[-1] @ turn.T + shift)
    return np.array(out) - np.mean(out, axis=(0, 1))


def _sequence(seed, n=90):
    return "".join(np.random.default_rng(seed).choice(list(AMINO_ACIDS), n))


def test_held_out_proteins_share_no_run_with_training_and_come_one_per_cluster(tmp_path, load, helices):
    related = _sequence(1)[:60] + _sequence(9)[:30]
    rows = [
        ("1trn", "train", 1, _sequence(1)),
        ("2rel", "test", 2, related),
        ("3new", "test", 3, _sequence(3)),
        ("4twn", "test", 3, _sequence(4)),
        ("5sho", "test", 5, _sequence(5, 60)),
        ("6val", "val", 6, _sequence(6)),
        ("7new", "test", 7, _sequence(7)),
    ]
    _archive(tmp_path, rows, helices)
    held_out = load("held_out")
    found = held_out.held_out_proteins(tmp_path, 2)
    assert [protein.name for protein in found] == ["3new_A", "7new_A"]
    assert found[0].polymer.sequence == _sequence(3)
    assert found[0].x.shape == (90, 4, 3)
    with pytest.raises(InputError, match="2 usable"):
        held_out.held_out_proteins(tmp_path, 3)
    with pytest.raises(InputError, match="There is no file"):
        held_out.held_out_proteins(tmp_path / "elsewhere")


def test_shared_runs_are_counted_exactly(load):
    held_out = load("held_out")
    types = np.random.default_rng(0).integers(0, 20, 40)
    trained = np.unique(held_out._runs(types[5:30]))
    assert len(trained) == 16
    assert held_out.shared_runs(types, trained) == 16
    assert held_out.shared_runs(types[::-1].copy(), trained) == 0
    assert held_out.shared_runs(types[:9], trained) == 0
    assert held_out.shared_runs(types, np.zeros(0, np.int64)) == 0


def test_tables_keep_the_rows_of_a_stopped_run(tmp_path, load):
    report = load("report")
    table = report.Table(tmp_path / "t.csv")
    table.add({"a": 1, "b": 0.123456})
    table.add({"a": 2, "b": None})
    assert (tmp_path / "t.csv").read_text().splitlines() == ["a,b", "1,0.1235", "2,"]
    np.testing.assert_array_equal(report.column(table.rows, "b"), [0.123456, np.nan])


def test_replica_figures(load):
    figures = load("report").replica_figures([3.0, 1.0, 2.0], 2, "rmsd")
    assert figures == {"rmsd_mean": 2.0, "rmsd_std": 1.0, "rmsd_best": 1.0, "rmsd_chosen": 2.0}


@pytest.mark.parametrize("n", [100, 500, 2000])
def test_the_bundle_of_helices_is_compact_and_right_handed(n, helices):
    xyz = helices(n)
    ca = xyz[:, 1]
    assert xyz.shape == (n, 4, 3)
    # inside a helix neighbours are 3.8 A apart; 110 to 150 A^3 a residue is the density of proteins
    assert np.median(np.linalg.norm(np.diff(ca, axis=0), axis=1)) == pytest.approx(3.82, abs=0.02)
    extent = np.ptp(ca, axis=0) + 9.5
    assert extent.max() / extent.min() < 2.2
    assert 90 < np.prod(extent) / n < 320
    turns = [np.dot(np.cross(ca[i + 1] - ca[i], ca[i + 2] - ca[i + 1]), ca[i + 3] - ca[i + 2]) for i in range(14)]
    assert min(turns) > 0
    second = ca[18:32]
    turns = [
        np.dot(np.cross(second[i + 1] - second[i], second[i + 2] - second[i + 1]), second[i + 3] - second[i + 2])
        for i in range(10)
    ]
    assert min(turns) > 0


def test_mirror_images_are_recognised_by_the_truth(load, helices):
    distances = load("distances")
    truth = helices(80)
    turned = truth @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    x = torch.as_tensor(np.stack([turned + 5.0, turned * np.array([1, 1, -1])]))
    assert distances.is_mirrored(x, truth).tolist() == [False, True]


def test_few_distances_are_among_the_many_and_exact(load, helices):
    distances, held_out = load("distances"), load("held_out")
    protein = held_out.Protein("x", Polymer.single_chain("A" * 80), torch.as_tensor(helices(80)).float())
    few, many = distances.measure(protein, 50, 3), distances.measure(protein, 200, 3)
    assert torch.equal(few.operator.residues, many.operator.residues[:50])
    pairs = {tuple(pair) for pair in many.operator.residues.tolist()}
    assert len(pairs) == 200 and all(i < j for i, j in pairs)
    assert float(many(protein.x[None])[0]) == 0.0


def test_completion_without_a_prior_keeps_the_known_residues(load, helices):
    completion, held_out = load("completion"), load("held_out")
    protein = held_out.Protein("x", Polymer.single_chain("A" * 40), torch.as_tensor(helices(40)).float() + 30.0)
    options = argparse.Namespace(replicas=2, steps=20, seed=0, threads=1)
    row = completion.complete(protein, 2, "gaussian", options)
    known = 40 * 4 * row["rmsd_mean"] ** 2 - 20 * 4 * row["missing_mean"] ** 2
    assert 0 < row["rmsd_best"] <= row["rmsd_chosen"] and row["missing_best"] > row["rmsd_best"]
    # all of the error is that of the unknown half
    assert known / (40 * 4 * row["rmsd_mean"] ** 2) == pytest.approx(0.0, abs=0.01)


def test_posterior_sampling_is_a_row_like_the_others(load, helices):
    completion, held_out = load("completion"), load("held_out")
    protein = held_out.Protein("x", Polymer.single_chain("A" * 30), torch.as_tensor(helices(30)).float())
    options = argparse.Namespace(replicas=2, steps=5, seed=0, threads=1)
    rows = [completion.complete(protein, 2, name, options) for name in ("dps", "langevin", "gaussian")]
    assert rows[0].keys() == rows[1].keys() == rows[2].keys()
    assert [row["prior"] for row in rows] == ["dps", "langevin", "gaussian"]
    assert all(0 < row["rmsd_best"] < 50 for row in rows)


def test_samplers_take_as_many_calls_of_the_network_as_folding(load, helices):
    distances, held_out = load("distances"), load("held_out")
    protein = held_out.Protein("x", Polymer.single_chain("A" * 20), torch.as_tensor(helices(20)).float())
    options = argparse.Namespace(replicas=2, steps=6, seed=0, threads=1)
    plain = distances.load_prior("gaussian", protein.polymer, torch.device("cpu"))
    calls = {}

    class Counted:
        name, sees_density, correlation, schedule = "c", False, plain.correlation, plain.schedule

        def denoise(self, x_t, t, *evidence):
            calls[name] = calls.get(name, 0) + len(x_t)
            return plain.denoise(x_t, t)

    likelihood = distances.measure(protein, 60, 0)
    for name in ("dps", "langevin"):
        first, ordered = distances.sample_posterior(Counted(), likelihood, name, options)
        assert sorted(float(x[0, 0, 0]) for x in first) == sorted(float(x[0, 0, 0]) for x in ordered)
    name = "map"
    distances.fold_replicas(Counted(), likelihood, options)
    # the judgement of replicas by their denoising energy is apart; folding judges both hands
    judged = calls["map"] - 2 * 2 * 6
    assert calls["dps"] == calls["langevin"] == 2 * 2 * 6 + judged / 2


def test_baselines_are_compared_on_proteins_that_have_all_of_their_rows(load):
    baselines = load("baselines")
    figures = dict.fromkeys(("rmsd_std", "rmsd_best", "rmsd_chosen", "favoured_percent", "seconds"), 1.0)

    def row(protein, k, prior, mean):
        return {"protein": protein, "k": k, "prior": prior, "rmsd_mean": mean, **figures}

    found = {"builtin": (1.0, 2.0), "dps": (3.0, 4.0), "langevin": (2.0, 1.5), "gaussian": (5.0, 5.0)}
    rows = [row(f"p{i}", 8, name, mean) for name, means in found.items() for i, mean in enumerate(means)]
    rows += [row("p2", 8, "builtin", 9.0)]
    summary = {one["method"]: one for one in baselines.summarise("completion", rows)}
    assert summary["builtin"]["proteins"] == 2 and summary["builtin"]["rmsd_mean"] == 1.5
    assert summary["builtin"]["wins"] == 1
    text = baselines.table_text(list(summary.values()), "k").splitlines()
    assert text[0] == "| k | proteins | MAP | DPS | Langevin | no prior |"
    assert text[2] == "| 8 | 2 | 1.50 (1.00, 1.00) | 3.50 (1.00, 1.00) | 1.75 (1.00, 1.00) | 5.00 (1.00, 1.00) |"


def test_rows_are_taken_up_again(load, tmp_path):
    report = load("report")
    rows = [{"protein": "1abc_A", "k": 2, "rmsd": 0.25}, {"protein": "2abc_A", "k": 4, "rmsd": None}]
    first = report.Table(tmp_path / "t.csv")
    first.restore(text=("protein",))
    assert first.rows == []
    first.add(rows[0])
    second = report.Table(tmp_path / "t.csv")
    second.restore(text=("protein",))
    second.add(rows[1])
    third = report.Table(tmp_path / "t.csv")
    third.restore(text=("protein",))
    assert third.rows == rows and isinstance(third.rows[0]["k"], int)


def test_validation_proteins_come_from_their_split(tmp_path, load, helices):
    rows = [(f"{i}abc", split, i, _sequence(i)) for i, split in enumerate(("val", "test", "val", "train"))]
    _archive(tmp_path, rows, helices)
    held_out = load("held_out")
    assert {protein.name for protein in held_out.validation_proteins(tmp_path, 2)} == {"0abc_A", "2abc_A"}
    with pytest.raises(InputError, match="2 usable"):
        held_out.validation_proteins(tmp_path, 3)


def test_segments_are_removed_between_kept_runs(load):
    numbers = list(range(5, 305))
    removed = load("starting_models").segments_to_remove(numbers)
    gone = sum(last - first + 1 for first, last in removed)
    assert removed[0] == (27, 34)
    assert 0.28 < gone / len(numbers) < 0.4
    assert all(b[0] - a[1] - 1 == 22 for a, b in itertools.pairwise(removed))
    assert removed[-1][1] <= numbers[-1] - 11


def test_finished_models_keep_known_atoms_and_their_geometry_is_judged(load, helices):
    final_model = load("final_model")
    truth = torch.as_tensor(helices(18)).float()
    polymer = Polymer.single_chain("A" * 18)
    known = torch.zeros(18, 4, dtype=torch.bool)
    known[::4] = True
    model = load("completion").KnownAtoms.measured(truth, known, torch.full(known.shape, 0.02))
    rough = truth + 0.2 * torch.randn(2, 18, 4, 3, generator=torch.Generator().manual_seed(0))
    done = final_model.finish(rough, polymer, model)
    torch.testing.assert_close(done[:, known], truth[known].expand(2, -1, -1))
    before, after = (final_model.geometry_figures(x[0], polymer) for x in (rough, done))
    assert after.bond_rmsz < 0.3 * before.bond_rmsz
    # a right-handed helix has negative phi, its mirror image positive
    assert final_model.geometry_figures(truth, polymer).positive_phi_percent == 0
    mirrored = final_model.geometry_figures(truth * torch.tensor([1.0, 1.0, -1.0]), polymer)
    assert mirrored.positive_phi_percent == 100


def test_parallel_rows_come_from_the_function_itself(load):
    rows = list(load("parallel").compute(divmod, [(7, 2), (9, 4)], 2))
    assert sorted(rows) == [(2, 1), (3, 1)]


def test_samples_are_described_by_their_helices_and_their_hand(load, helices):
    samples = load("samples")
    polymer = Polymer.single_chain("A" * 72)
    x = torch.as_tensor(helices(18)).float()
    one = samples.describe(x, Polymer.single_chain("A" * 18))
    assert one["helix_percent"] > 80
    assert one["strand_percent"] == 0
    bundle = torch.as_tensor(helices(72)).float()
    natural = samples.describe(bundle, polymer)
    mirrored = samples.describe(bundle * torch.tensor([1.0, 1.0, -1.0]), polymer)
    assert (natural["right_handed"], mirrored["right_handed"]) == (1, 0)
    assert mirrored["helix_percent"] == 0
    assert natural["radius_ratio"] == pytest.approx(mirrored["radius_ratio"])
    assert 0.7 < natural["radius_ratio"] < 1.4


def test_bending_moves_smoothly_and_by_the_size_asked_for(load, helices):
    structure, chain = gemmi.Structure(), gemmi.Chain("A")
    truth = helices(90)
    for number, xyz in enumerate(truth, 1):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number))
        for name, position in zip(("N", "CA", "C", "O"), xyz, strict=True):
            atom = gemmi.Atom()
            atom.name, atom.pos = name, gemmi.Position(*position)
            residue.add_atom(atom)
        chain.add_residue(residue)
    model = gemmi.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    load("starting_models").bend(structure, 0.8, 0)
    moved = np.array([[atom.pos.tolist() for atom in residue] for residue in structure[0][0]])
    assert np.sqrt(((moved - truth) ** 2).sum(-1).mean()) == pytest.approx(0.8, abs=0.01)
    # neighbours move together: bonds keep their lengths within a few hundredths
    bonds = [np.linalg.norm(x[:, 1] - x[:, 2], axis=-1) for x in (truth, moved)]
    assert np.abs(bonds[0] - bonds[1]).max() < 0.4


def test_each_true_place_of_a_docked_chain_counts_once(load):
    """Two copies laid over one place are one right and one wrong; a chain without a place is no crash."""
    errors = load("docking").chain_errors
    rng = np.random.default_rng(1)
    one = rng.normal(size=(30, 3)) * 10
    other, short = one + np.array([40.0, 0.0, 0.0]), one[:20]
    assert errors([one, one + 0.5], [one, other])[0] == pytest.approx((0.0, 0.0), abs=1e-4)
    assert errors([one, one + 0.5], [one, other])[1][0] == pytest.approx(np.linalg.norm([39.5, -0.5, -0.5]))
    swapped = errors([other, one], [one, other])
    assert max(way for way, _ in swapped) < 1e-6, "copies may change places"
    assert errors([one, short], [one])[1] == (float("inf"), 180.0) and errors([one], []) == []
