"""What an interrupted run of scoring leaves, and what of it is found again."""

import math

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.pipeline.unfinished_scores import UnfinishedScores, fingerprint


def test_energies_are_found_again_to_the_last_digit(tmp_path):
    path = tmp_path / "unfinished.jsonl"
    kept = UnfinishedScores(path)
    assert len(kept) == 0 and kept.find("a") is None and not path.exists()
    each = [0.1, -1.0 / 3.0, 1e300]
    kept.add("a", each, math.nan)
    kept.add("b", [2.0], 0.5)
    again = UnfinishedScores(path)
    assert len(again) == 2 and again.find("b") == ([2.0], 0.5)
    assert again.find("a")[0] == each and math.isnan(again.find("a")[1])
    again.done()
    assert not path.exists()


def test_what_was_half_written_is_left_out_and_does_no_harm(tmp_path):
    path = tmp_path / "unfinished.jsonl"
    UnfinishedScores(path).add("a", [1.0], 0.1)
    whole = path.read_text()
    path.write_text(whole + whole.replace('"a"', '"b"')[:-12] + "\n[]\n7\n\xff")
    kept = UnfinishedScores(path)
    assert len(kept) == 1 and kept.find("b") is None
    kept.add("c", [3.0], 0.3)
    assert len(UnfinishedScores(path)) == 2


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        UnfinishedScores(tmp_path / "none" / "unfinished.jsonl").add("a", [1.0], 0.1)


def test_everything_counts_in_a_fingerprint():
    x = np.zeros((3, 2))
    names = [
        fingerprint({"steps": 3}, x),
        fingerprint({"steps": 4}, x),
        fingerprint({"steps": 3}, x + 1),
        fingerprint({"steps": 3}, x.reshape(2, 3)),
        fingerprint({"steps": 3}, x.astype(np.float32)),
        fingerprint({"steps": 3}, x, x),
    ]
    assert len(set(names)) == len(names) and fingerprint({"steps": 3}, x.copy()) == names[0]
