"""Stated against observed."""

import sys

import numpy as np
import pytest


@pytest.fixture
def calibration(load):
    return load("calibration")


def test_confidences_that_say_what_is_right_have_no_error(calibration):
    rng = np.random.default_rng(0)
    confidence = rng.uniform(20, 100, 40_000)
    error = np.where(rng.uniform(0, 100, len(confidence)) < confidence, 0.5, 6.0)
    bins = calibration.calibration_of(confidence, error)
    assert len(bins) == 10 and sum(row["residues"] for row in bins) == len(confidence)
    assert [row["lowest"] for row in bins] == sorted(row["lowest"] for row in bins)
    assert calibration.calibration_error(bins) < 1.5
    boastful = calibration.calibration_of(np.minimum(confidence + 30.0, 100.0), error)
    assert calibration.calibration_error(boastful) > 20.0


def test_tables_of_gaps_are_read(calibration, tmp_path, monkeypatch, capsys):
    jobs = tmp_path / "jobs.csv"
    jobs.write_text(
        "protein,variant,resolution,lengths,rmsds,confidences,errors\n"
        "one,builtin,3,4,0.5,90.0 80.0 100.0 100.0,0.1 0.2 0.3 9.0\n"
    )
    monkeypatch.setattr(sys, "argv", ["calibration.py", "--jobs", str(jobs), "--out", str(tmp_path / "out")])
    calibration.main()
    # 20 and 10 off for the first two, nothing for the third, 100 for the last
    assert capsys.readouterr().out == "3 A: 4 residues, calibration error 32.5 %\n"
    assert (tmp_path / "out" / "calibration.png").is_file()


def test_a_fit_finds_what_confidences_mean(calibration):
    rng = np.random.default_rng(1)
    stated, level = rng.uniform(15, 99, 20_000), rng.choice([3.0, 6.0], 20_000)
    odds = 1.0 + 0.5 * np.log(stated / (100 - stated)) - 2.0 * np.log(level / 3)
    right = rng.uniform(size=len(odds)) < 1 / (1 + np.exp(-odds))
    np.testing.assert_allclose(calibration.fitted(stated, level, right), [1.0, 0.5, -2.0], atol=0.15)
