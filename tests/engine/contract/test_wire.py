from __future__ import annotations

import io
import struct
import subprocess
import sys
from dataclasses import fields

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adp3d.contract import messages as said
from adp3d.contract import wire
from adp3d.contract.messages import MESSAGES, Frame
from adp3d.contract.wire import ProtocolError, decode, encode, read_message

numbers = st.floats(allow_nan=False)
EXAMPLES = [
    said.Hello(client="test"),
    said.Submit("a", {"version": 1, "kind": "complete", "chains": ["A"], "resolution": None}, True),
    said.Reopen("a", "/tmp/x"),
    said.Stop("a"),
    said.Pause("a"),
    said.Resume("a"),
    said.SetWeight("a", "density_weight", 2.5),
    said.Tug("a", 7, [1.5, -2.0, 1e4]),
    said.Tug("a", 7, [0.0, 0.0, 0.0], False),
    said.Fix("a", [0, 5, 6], False),
    said.Check("a", {"version": 1, "kind": "complete"}),
    said.Dock("a", {"map": "map.mrc", "models": ["m.cif"], "labels": ["#1"], "resolution": None}),
    said.Score("a", {"models": ["/tmp/m.cif"], "labels": ["#1"], "interface": "A:B"}),
    said.Ping(7),
    said.Offer(3, ["0" * 64 + "/map.mrc"], 10**10),
    said.Wanted(3, "/srv/store", ["0" * 64 + "/map.mrc"], ""),
    said.Piece("", "0" * 64 + "/map.mrc", 0, 4, b"\x00\xff\n\x01", "0" * 64),
    said.Received("0" * 64 + "/map.mrc", "The disk is full."),
    said.List("a", "/srv/store/jobs/x"),
    said.Listing("a", {"result.cif": "12 abc"}),
    said.Fetch("a", "/srv/store/jobs/x", ["result.cif"]),
    said.Fetched("a", ""),
    said.Welcome(2, "0.1.0", 1234),
    said.Pong(7, "", 10**10),
    said.Started("a", "/tmp/x"),
    said.Progress("a", "refine", 3, 200, None, {"fit": 0.5}),
    said.Progress("a", "refine", 3, 200, 9.5, {}, 0.25, 120.0),
    said.Metric("a", "fit", [0.1, 0.2], 3, 4),
    said.Best("a", 3, 12),
    said.Log("a", "Ångström", "warning"),
    said.Checked("a", {"ok": True, "lines": ["x"], "overlap": {"inside": 1.0}}),
    said.Docked("a", {"found": True, "places": [[1.0, 0.0]]}),
    said.Scored("a", {"models": [{"energy": 1.5, "energies": [1.0, 0.5]}]}),
    said.Result("a", {"result": "/tmp/x/result.cif"}, {"seconds": 1.5, "list": [1, None, "x"]}),
    said.Stopped("a", "/tmp/x"),
    said.Error("", "What.", "Do."),
]


def test_every_message_has_an_example():
    assert {type(message) for message in EXAMPLES} | {Frame, said.Layout} == set(MESSAGES.values())


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.kind)
def test_round_trip(message):
    assert decode(encode(message)[4:]) == message


@given(
    hnp.arrays(
        st.sampled_from([np.dtype("<f4"), np.dtype("<f8"), np.dtype(">f4")]),
        hnp.array_shapes(min_dims=4, max_dims=4, min_side=0, max_side=3),
    )
)
def test_arrays_arrive_exactly(coordinates):
    back = decode(encode(Frame("a", 3, coordinates, 2))[4:])
    assert isinstance(back, Frame)
    assert back.coordinates.shape == coordinates.shape
    assert back.coordinates.dtype == coordinates.dtype.newbyteorder("<")
    np.testing.assert_array_equal(back.coordinates, coordinates)
    assert back.coordinates.flags.writeable
    assert (back.job_id, back.step, back.first_replica) == ("a", 3, 2)


def layout(count=2, shape=(1, 2, 4, 3)):
    coordinates = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    return said.Layout(
        "a", ["A", "A"], [12, 12], ["", "A"], ["ALA", "GLY"][:count], [True, False], [True, False], coordinates
    )


def test_a_layout_arrives_whole():
    sent = layout()
    back = decode(encode(sent)[4:])
    assert isinstance(back, said.Layout)
    for field in fields(sent):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(sent, field.name))


@pytest.mark.parametrize("shape", [(2, 2, 4, 3), (1, 3, 4, 3), (1, 2, 3, 3)])
def test_a_layout_of_another_size_than_its_columns(shape):
    with pytest.raises(ValueError, match="shape"):
        layout(shape=shape)


@pytest.mark.parametrize(
    ("residue", "target"),
    [(-1, [0.0, 0.0, 0.0]), (0, [0.0, 0.0]), (0, [0.0, 0.0, float("nan")]), (0, [0.0, 1e9, 0.0]), (0, [0.0] * 4)],
)
def test_a_tug_to_no_place_is_refused_on_arrival(residue, target):
    body = msgpack.unpackb(encode(said.Tug("a", 0, [0.0, 0.0, 0.0]))[4:]) | {"residue": residue, "target": target}
    with pytest.raises(ProtocolError, match="not consistent"):
        decode(msgpack.packb(body))


def test_a_layout_with_columns_of_different_lengths_is_refused_on_arrival():
    with pytest.raises(ValueError, match="differ in length"):
        layout(count=1)
    body = msgpack.unpackb(encode(layout())[4:])
    body["known"] = [True]
    with pytest.raises(ProtocolError, match="not consistent"):
        decode(msgpack.packb(body))


def test_strided_arrays():
    coordinates = np.arange(2 * 5 * 4 * 6, dtype="f4").reshape(2, 5, 4, 6)[::-1, :, :, ::2]
    back = decode(encode(Frame("a", 0, coordinates))[4:])
    np.testing.assert_array_equal(back.coordinates, coordinates)


@given(st.lists(st.sampled_from(EXAMPLES), max_size=6), st.data())
def test_stream_in_any_pieces(messages, data):
    stream = io.BytesIO(b"".join(map(encode, messages)))

    def read(n):
        return stream.read(data.draw(st.integers(min(n, 1), n)))

    assert [read_message(read) for _ in messages] == messages
    assert read_message(read) is None


def test_blocking_stream():
    stream = io.BytesIO(b"".join(map(encode, EXAMPLES)))
    read = [read_message(lambda n: stream.read(min(n, 5))) for _ in EXAMPLES]
    assert read == EXAMPLES
    assert read_message(stream.read) is None


@pytest.mark.parametrize("cut", [1, 3, 4, 9])
def test_stream_that_ends_inside_a_frame(cut):
    with pytest.raises(ProtocolError, match="ended inside"):
        read_message(io.BytesIO(encode(EXAMPLES[0])[:cut]).read)


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises(ProtocolError):
        read_message(io.BytesIO(data).read)


@given(st.recursive(st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5), st.lists, max_leaves=5))
def test_msgpack_that_is_no_message(value):
    with pytest.raises(ProtocolError):
        decode(msgpack.packb(value))


def test_printed_text_is_recognised():
    with pytest.raises(ProtocolError, match="b'Warn'"):
        read_message(io.BytesIO(b"Warning: deprecated\n").read)


def test_garbage_that_starts_like_a_length_is_not_waited_for():
    text = b"\x01\x00\x00\x00a length that could be"
    with pytest.raises(ProtocolError, match="no message begins there"):
        read_message(io.BytesIO(text).read)


def packed(dtype, shape, raw):
    array = msgpack.ExtType(1, msgpack.packb([dtype, shape, raw]))
    return msgpack.packb({"kind": "frame", "job_id": "a", "step": 1, "coordinates": array})


@pytest.mark.parametrize(
    "body",
    [
        packed("<f4", [1, 1, 4, 3], b"0" * 47),
        packed("<f4", [1, 1, 4, -3], b""),
        packed("<f4", [0, 2**64 - 1, 4, 3], b""),
        packed("<f4", [True, 1, 4, 3], b"0" * 48),
        packed("|O", [1, 1, 1, 1], b"0" * 8),
        packed("<f4", [12], b"0" * 48),
        packed("<i4", [1, 1, 4, 3], b"0" * 48),
        msgpack.packb({"kind": "frame", "job_id": "a", "step": 1, "coordinates": msgpack.ExtType(9, b"")}),
        msgpack.packb({"kind": "unheard-of"}),
        msgpack.packb({"kind": "ping", "token": "7"}),
        msgpack.packb({"kind": "ping", "token": True}),
        msgpack.packb({"kind": "ping", "surplus": 1}),
        msgpack.packb({"kind": "stop"}),
        msgpack.packb({"kind": "fix", "job_id": "a", "residues": [1, "2"]}),
        msgpack.packb({"kind": "fix", "job_id": "a", "residues": [True]}),
        msgpack.packb({"kind": "progress", "job_id": "a", "stage": "s", "step": 1, "total": 2, "metrics": {"x": "y"}}),
    ],
)
def test_invalid_messages(body):
    with pytest.raises(ProtocolError):
        decode(body)


def test_unsendable_content():
    with pytest.raises(ProtocolError, match="object"):
        encode(said.Submit("a", {"x": object()}))
    with pytest.raises(ProtocolError, match="complex"):
        encode(Frame("a", 1, np.zeros((1, 1, 4, 3), complex)))  # type: ignore[arg-type]


def test_size_limits(monkeypatch):
    with pytest.raises(ProtocolError):
        read_message(io.BytesIO(struct.pack(">I", wire.MAX_FRAME_BYTES + 1)).read)
    with pytest.raises(ProtocolError):
        read_message(io.BytesIO(struct.pack(">I", 0)).read)
    monkeypatch.setattr(wire, "MAX_FRAME_BYTES", 100)
    with pytest.raises(ProtocolError, match="too long"):
        encode(said.Log("a", "x" * 100))


def test_field_types_are_all_checked():
    from adp3d.contract.wire import _FIELD_TYPES

    used = {str(field.type) for message in MESSAGES.values() for field in fields(message)}
    assert used == set(_FIELD_TYPES)


def test_import_is_light():
    code = "import sys, adp3d.contract.wire; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("'torch'", "'gemmi'", "'numpy'", "'scipy'", "'pydantic'", "'typer'", "'rich'"):
        assert heavy not in loaded
