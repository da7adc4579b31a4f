"""Rows of a batch on several threads."""

from __future__ import annotations

import threading

import pytest
import torch

from adp3d.prior.builtin.in_parts import in_parts

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("threads_of_torch", "count", "sizes"),
    [(1, 4, [4]), (2, 4, [2, 2]), (2, 1, [1]), (3, 5, [1, 2, 2]), (4, 2, [1, 1])],
)
def test_rows_keep_their_order_whoever_computes_them(threads, threads_of_torch, count, sizes):
    threads(threads_of_torch)
    seen = []

    def evaluate(rows):
        assert not torch.is_grad_enabled()
        seen.append((rows.stop - rows.start, torch.get_num_threads()))
        return torch.arange(count)[rows, None] * 1.5

    with torch.no_grad():
        assert torch.equal(in_parts(evaluate, count, CPU), torch.arange(count)[:, None] * 1.5)
    assert sorted(size for size, _ in seen) == sizes
    assert all(own == (threads_of_torch // len(sizes)) for _, own in seen)
    assert torch.get_num_threads() == threads_of_torch


def test_a_batch_stays_whole_where_gradients_are_wanted_or_it_is_on_a_card(threads):
    threads(2)
    here, seen = threading.get_ident(), []

    def evaluate(rows):
        seen.append((rows, threading.get_ident()))
        return torch.zeros(4)

    in_parts(evaluate, 4, CPU)
    with torch.no_grad():
        in_parts(evaluate, 4, torch.device("cuda"))
    assert seen == [(slice(0, 4), here)] * 2


def test_an_error_of_one_part_is_the_error_of_all(threads):
    threads(2)

    def evaluate(rows):
        if rows.start:
            raise ValueError("no such row")
        return torch.zeros(2)

    with torch.no_grad(), pytest.raises(ValueError, match="no such row"):
        in_parts(evaluate, 4, CPU)
    assert torch.get_num_threads() == 2
