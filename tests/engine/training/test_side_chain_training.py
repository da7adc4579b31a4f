"""Training of the side-chain model: crops, what is shown of them, losses, and a run that learns and goes on."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from side_chain_scene import SMALL, small_model
from typer.testing import CliRunner

from adp3d.contract.errors import InputError
from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.measure import measure_chi
from adp3d.sidechain.network import Decoded
from adp3d.sidechain.weights_file import load_side_chain_model
from adp3d.training import command, descent
from adp3d.training.dataset import load_chains
from adp3d.training.descent import TrainingSpec
from adp3d.training.map_source import MapSource
from adp3d.training.side_chain_batches import Conditions, SideChainDraws, make_batch
from adp3d.training.side_chain_crops import AtomCropSampler
from adp3d.training.side_chain_loop import train_side_chains
from adp3d.training.side_chain_loss import autoencoder_loss, diffusion_loss, reconstruction_loss
from adp3d.training.side_chain_validation import packing_figures

CPU = torch.device("cpu")


@pytest.fixture
def folder(archive, packed):
    make = archive.Record
    return packed(
        make(n=48, side_chains=True),
        # a second chain of the same entry, beside the first
        make(n=40, chain="B", c40=1, shift=(9.0, 0.0, 0.0), side_chains=True),
        make(n=40, pdb="2bbb", c40=2),
        make(n=44, pdb="3ccc", split="val", c40=3, side_chains=True),
    )


@pytest.fixture
def sampler(folder):
    return AtomCropSampler(load_chains(folder, "train", side_chains=True), residues=32, examples=3)


def as_deposited(crop, **changes):
    b, n = crop.present.shape
    plain = Conditions(np.zeros(b), np.zeros((b, n), bool), np.zeros((b, n), bool), np.zeros(b, bool))
    return make_batch(crop, replace(plain, **changes), None, np.random.default_rng(0), CPU)


def test_chains_without_side_chains_are_left_aside(sampler):
    assert [chain.entry for chain in sampler.around.chains] == ["1abc_A", "1abc_B"]
    assert sampler.around.chains[0].atom14.there[:, :4].all()


def test_crops_are_the_nearest_residues_across_chains(sampler):
    crop = sampler.batch(np.random.default_rng(0))
    assert crop.atoms.shape == (3, 32, 14, 3) and crop.present.all()
    assert any(len(set(chain)) == 2 for chain in crop.crop.chain_index.tolist())
    assert crop.inner.any() and not crop.inner.all()
    assert (np.diff(crop.crop.chain_index, axis=1) >= 0).all()
    np.testing.assert_allclose(crop.atoms[:, :, 1].mean(1), 0.0, atol=1e-4)


def test_bonded_residues_are_bonded(sampler):
    batch = as_deposited(sampler.batch(np.random.default_rng(1)))
    bonded = batch.whole.bonded
    gap = (batch.whole.atoms[:, 1:, 0] - batch.whole.atoms[:, :-1, 2]).norm(dim=-1)
    assert float((gap[bonded[:, :-1]] - 1.33).abs().max()) < 0.02


def test_what_is_known_is_shown_and_nothing_else(sampler):
    crop = sampler.batch(np.random.default_rng(2))
    known = np.zeros(crop.present.shape, bool)
    known[:, ::2] = True
    batch = as_deposited(crop, known=known)
    assert torch.equal(batch.given.shown, batch.whole.shown & torch.from_numpy(known)[..., None])
    assert not (batch.counts & batch.given.known).any()
    assert batch.whole.shown.any() and not batch.whole.known.any()


def test_errors_have_their_size_and_stay_out_of_the_truth(sampler):
    crop = sampler.batch(np.random.default_rng(2))
    noisy = as_deposited(crop, noise=np.array([0.0, 0.3, 0.6]))
    off = (noisy.given.atoms - noisy.whole.atoms)[:, :, :4].square().mean((1, 2, 3)).sqrt()
    assert float(off[0]) == 0.0
    assert off[1:].tolist() == pytest.approx([0.3, 0.6], rel=0.3)
    assert torch.equal(noisy.whole.atoms, as_deposited(crop).whole.atoms)


def test_batches_depend_on_their_number_alone(sampler):
    draws = SideChainDraws(sampler, True, 3, CPU)
    later, again, other = draws.draw(5), SideChainDraws(sampler, True, 3, CPU).draw(5), draws.draw(6)
    assert torch.equal(later.given.atoms, again.given.atoms)
    assert not torch.equal(later.given.atoms, other.given.atoms)


def test_examples_that_shall_see_a_map_do(sampler):
    crop = sampler.batch(np.random.default_rng(4))
    b, n = crop.present.shape
    conditions = Conditions(np.zeros(b), np.zeros((b, n), bool), np.zeros((b, n), bool), np.array([True, False, True]))
    maps = MapSource(sampler.around, fraction=1.0)
    grids = make_batch(crop, conditions, maps, np.random.default_rng(0), CPU).given.density
    assert grids.present.tolist() == [True, False, True]
    backbone = torch.from_numpy(crop.atoms[:, :, :4]).flatten(1, 2)
    on, off = (grids.sample(1, backbone + shift)[0, :, 0].mean() for shift in (0.0, 8.0))
    assert float(on) > float(off) + 0.5


def test_the_truth_has_no_loss_and_full_marks(sampler):
    batch = as_deposited(sampler.batch(np.random.default_rng(5)))
    chi, _ = measure_chi(batch.whole.atoms, batch.whole.aatype, batch.there)
    turns = torch.cat([torch.stack([chi.cos(), chi.sin()], -1), torch.zeros(*chi.shape[:2], 1, 2)], -2)
    none = torch.zeros(*chi.shape[:2], 10, 3)
    perfect = float(reconstruction_loss(Decoded(turns, none), batch))
    wrong = float(reconstruction_loss(Decoded(-turns, none), batch))
    # steps of 0.01 A in the archive, and the square root's softening
    assert perfect < 0.02 < 1.0 < wrong
    built = build_side_chains(batch.whole.atoms[..., :4, :], batch.whole.aatype, chi)
    figures = packing_figures([built], [batch])
    assert figures["chi1_20"] == figures["chi12_40"] == 100.0 and figures["rmsd"] < 0.03
    other = build_side_chains(batch.whole.atoms[..., :4, :], batch.whole.aatype, chi + 0.5)
    figures = packing_figures([other], [batch])
    assert figures["chi1_20"] == 0.0 and figures["chi1_40"] == 100.0 and figures["rmsd"] > 0.3


def test_names_exchanged_by_half_a_turn_cost_nothing(sampler):
    batch = as_deposited(sampler.batch(np.random.default_rng(5)))
    chi, _ = measure_chi(batch.whole.atoms, batch.whole.aatype, batch.there)
    flipped = chi + torch.pi * geometry_table().chi_symmetric[batch.whole.aatype]
    made = build_side_chains(batch.whole.atoms[..., :4, :], batch.whole.aatype, flipped)
    figures = packing_figures([made], [batch])
    assert figures["chi12_20"] == 100.0 and figures["rmsd"] < 0.05


def test_only_hidden_codes_of_residues_that_count_are_asked(sampler):
    model = small_model()
    batch = as_deposited(sampler.batch(np.random.default_rng(6)))
    none = replace(batch, counts=torch.zeros_like(batch.counts))
    assert diffusion_loss(model, none, torch.Generator().manual_seed(0)).item() == 0.0
    loss = diffusion_loss(model, batch, torch.Generator().manual_seed(0)).item()
    assert loss == pytest.approx(np.log(model.config.codes), abs=0.4)
    assert np.isfinite(autoencoder_loss(model, batch).item())


@pytest.fixture
def tick(monkeypatch):
    """A clock that advances two seconds each time it is read: two minutes are sixty updates."""
    seconds = itertools.count(step=2.0)
    monkeypatch.setattr(descent, "time", SimpleNamespace(monotonic=lambda: next(seconds)))


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream)]


def run(folder, out, minutes, **options):
    spec = TrainingSpec(minutes=minutes, learning_rate=4e-3, warmup_steps=5, average_decay=0.8, workers=0)
    return train_side_chains(
        folder, out, spec=spec, config=SMALL, device=CPU, residues=32, examples=3, validation_batches=1, **options
    )


def test_learns_and_goes_on(folder, tick, tmp_path):
    weights = run(folder, tmp_path / "run", 6.0)
    table = [row for row in rows(tmp_path / "run" / "validation.csv") if row["case"] == "backbone"]
    assert [row["step"] for row in table] == ["45", "180"]
    # first the codes are learned, then what codes there are
    assert float(table[1]["entropy"]) < 0.8 * float(table[0]["entropy"])
    assert float(table[1]["rebuilt_chi1_20"]) == pytest.approx(float(table[0]["rebuilt_chi1_20"]), abs=15)
    assert {row["case"] for row in rows(tmp_path / "run" / "validation.csv")} == {"backbone", "error", "half", "trace"}
    assert load_side_chain_model(weights).config == SMALL
    # the time is used up: another call only validates again
    run(folder, tmp_path / "run", 6.0)
    again = [row for row in rows(tmp_path / "run" / "validation.csv") if row["case"] == "backbone"]
    assert again[2] == again[1]


def test_codes_stay_while_the_diffusion_is_trained(folder, tick, tmp_path):
    run(folder, tmp_path / "run", 1.0)
    before = load_file(tmp_path / "run" / "state.safetensors")["net.to_code.weight"]
    run(folder, tmp_path / "run", 1.5)
    after = load_file(tmp_path / "run" / "state.safetensors")["net.to_code.weight"]
    assert torch.equal(before, after)


def test_weights_of_other_sizes_are_refused(folder, tick, tmp_path):
    weights = run(folder, tmp_path / "run", 0.0)
    with pytest.raises(InputError, match="other sizes"):
        train_side_chains(
            folder, tmp_path / "two", spec=TrainingSpec(minutes=0.0), config=replace(SMALL, levels=(4, 2)), device=CPU,
            residues=32, examples=1, validation_batches=1, initial=weights,
        )  # fmt: skip


def test_from_the_command_line(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_SMOKE_MINUTES", 0.005)
    threads = torch.get_num_threads()
    arguments = [str(folder), "--model", "sidechain", "-o", str(tmp_path / "run"), "--smoke"]
    result = CliRunner().invoke(command.app, arguments)
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    assert load_side_chain_model(tmp_path / "run" / "weights.safetensors").config.density_width == 8
    assert "map" in {row["case"] for row in rows(tmp_path / "run" / "validation.csv")}
