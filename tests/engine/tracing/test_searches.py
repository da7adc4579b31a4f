"""Several searches at a time."""

from __future__ import annotations

from threading import Barrier
from time import sleep

import pytest

from adp3d.tracing.searches import searched


class _Stop(Exception):
    """What a user's wish to end becomes."""


def test_results_keep_their_order_and_searches_meet():
    meeting = Barrier(2, timeout=30)  # passes only with two at a time

    def search(number, poll):
        meeting.wait()
        poll()
        return number * number

    assert searched(search, range(6), 2, lambda: None) == [0, 1, 4, 9, 16, 25]


def test_one_thread_and_one_search_need_no_others():
    def search(number, poll):
        poll()
        return number

    asked = []
    assert searched(search, [3, 2, 1], 1, lambda: asked.append(None)) == [3, 2, 1] and len(asked) == 3
    assert searched(search, [7], 8, lambda: None) == [7] and searched(search, [], 8, lambda: None) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_ends_all_of_them(threads):
    begun, asked = [], []

    def poll():
        asked.append(None)
        if len(asked) > 3:
            raise _Stop

    def search(number, poll):
        begun.append(number)
        while True:
            poll()

    with pytest.raises(_Stop):
        searched(search, range(50), threads, poll)
    assert len(begun) <= threads + 1, "those that had not begun do not begin"


def test_one_at_a_time_is_asked_what_to_do():
    inside, most = [0], [0]

    def poll():
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        sleep(0.001)  # long enough for others to come in, were they let
        inside[0] -= 1

    def search(number, poll):
        for _ in range(10):
            poll()

    searched(search, range(8), 4, poll)
    assert most == [1]
