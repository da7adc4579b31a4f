from __future__ import annotations

import os
import threading

from adp3d.far import outbox as module
from adp3d.far.outbox import Outbox


def test_bytes_arrive_in_order():
    came = []
    box = Outbox(came.append)
    for i in range(100):
        box.write(bytes([i]))
    assert box.drain(5.0)
    assert came == [bytes([i]) for i in range(100)]
    assert not box.crowded and not box.broken


def test_a_line_that_hangs_is_waited_for_only_so_long(monkeypatch):
    monkeypatch.setattr(module, "_CROWDED_BYTES", 10)
    monkeypatch.setattr(module, "_FULL_BYTES", 30)
    hangs = threading.Event()
    box = Outbox(lambda data: hangs.wait(10.0), stalled=0.2)
    for _ in range(5):
        box.write(b"0123456789")  # the fifth waits for the line, in vain
    assert box.broken
    box.write(b"more")  # nobody waits any more
    assert box.drain(0.0)
    hangs.set()


def test_a_slow_line_is_crowded_until_it_has_passed_everything(monkeypatch):
    monkeypatch.setattr(module, "_CROWDED_BYTES", 10)
    passes = threading.Event()
    box = Outbox(lambda data: passes.wait(10.0))
    box.write(b"0123456789")
    box.write(b"0123456789")
    assert box.crowded
    passes.set()
    assert box.drain(5.0) and not box.crowded


def test_a_closed_line_is_broken():
    reading, writing = os.pipe()
    os.close(reading)
    box = Outbox(lambda data: os.write(writing, data) and None)
    box.write(b"x")
    assert box.drain(5.0)
    assert box.broken
    os.close(writing)
