"""``adp3d train`` from the command line."""

from __future__ import annotations

import pytest
import torch
from typer.testing import CliRunner

from adp3d.cli.app import run
from adp3d.prior.builtin.weights_file import load_denoiser
from adp3d.training import command


def test_smoke_run_writes_weights(archive, packed, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_SMOKE_MINUTES", 0.005)
    make = archive.Record
    data = packed(make(n=64), make(n=64, pdb="2bbb", split="val", c40=1), make(n=64, pdb="3ccc", split="test", c40=2))
    threads = torch.get_num_threads()
    result = CliRunner().invoke(command.app, [str(data), "-o", str(tmp_path / "run"), "--smoke"])
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    weights = tmp_path / "run" / "weights.safetensors"
    assert str(weights) in result.output
    assert load_denoiser(weights).config.width == 32
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {"state.safetensors", "validation.csv"}


def test_the_test_split_is_never_read(archive, packed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_SMOKE_MINUTES", 0.0)
    data = packed(archive.Record(n=64), archive.Record(n=64, pdb="3ccc", split="test", c40=2))
    before = sorted(tmp_path.iterdir())
    assert run(["train", str(data), "-o", str(tmp_path / "run"), "--smoke"]) == 2
    assert "split 'val'" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("arguments", [["--device", "tpu"], ["--bogus"], ["--seed", "-1"]])
def test_wrong_usage(archive, packed, tmp_path, arguments, capsys):
    data = packed(archive.Record(n=64))
    assert run(["train", str(data), "-o", str(tmp_path / "run"), *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [["--complexes", "0.2"], ["--bfloat16"]])
def test_options_of_the_prior_are_no_options_of_side_chains(archive, packed, tmp_path, option, capsys):
    data = packed(archive.Record(n=64))
    assert run(["train", str(data), "-o", str(tmp_path / "run"), "--model", "sidechain", *option]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: --complexes and --bfloat16") and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_missing_data_is_one_sentence(tmp_path, capsys):
    assert run(["train", str(tmp_path / "none"), "-o", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: No chains_") and error.count("\n") == 1
