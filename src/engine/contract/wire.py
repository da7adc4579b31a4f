"""Messages as frames on a byte stream, and back.

A frame is a 4-byte big-endian length followed by that many bytes of msgpack. The map inside holds
``kind`` and the fields of one message; arrays travel as an extension of dtype, shape and bytes.
numpy is imported only where arrays are met: the module itself must load in a moment.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import msgpack

from .messages import MESSAGES, Message

__all__ = ["MAX_FRAME_BYTES", "ProtocolError", "decode", "encode", "read_message"]

MAX_FRAME_BYTES = 256 * 2**20
"""Longest frame accepted; anything longer is taken for garbage on the stream."""


class ProtocolError(ValueError):
    """The bytes on the stream are not frames of this protocol, or the two sides disagree on it."""


_LENGTH = struct.Struct(">I")
_ARRAY = 1
_ARRAY_TYPES = ("|b1", "|i1", "|u1", "<i2", "<i4", "<i8", "<f4", "<f8")


def encode(message: Message) -> bytes:
    """One message as a frame.

    Raises
    ------
    ProtocolError
        If a field cannot be encoded or the frame would be longer than `MAX_FRAME_BYTES`.
    """
    body = {"kind": message.kind, **{f.name: getattr(message, f.name) for f in fields(message)}}
    try:
        packed: bytes = msgpack.packb(body, default=_pack_array)
    except (ValueError, TypeError, OverflowError) as error:
        raise ProtocolError(f"a {message.kind} message cannot be encoded: {error}") from error
    if len(packed) > MAX_FRAME_BYTES:
        raise ProtocolError(f"a {message.kind} message of {len(packed):,} bytes is too long to send")
    return _LENGTH.pack(len(packed)) + packed


def decode(packed: bytes) -> Message:
    """Message from the body of a frame.

    Raises
    ------
    ProtocolError
        If the body is not msgpack, or its kind, fields or types are not those of a message.
    """
    try:
        body = msgpack.unpackb(packed, ext_hook=_unpack_array)
    except ProtocolError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"a frame does not hold msgpack ({packed[:40]!r})") from error
    if not isinstance(body, dict) or not isinstance(kind := body.pop("kind", None), str):
        raise ProtocolError("a frame does not hold a message")
    message_type = MESSAGES.get(kind)
    if message_type is None:
        raise ProtocolError(f"unknown kind of message {kind[:40]!r}")
    types = {f.name: str(f.type) for f in fields(message_type)}
    for name, value in body.items():
        if name not in types:
            raise ProtocolError(f"a {kind} message has no field {str(name)[:40]!r}")
        if not _FIELD_TYPES[types[name]](value):
            raise ProtocolError(f"field '{name}' of a {kind} message is not {types[name]}")
    try:
        message: Message = message_type(**body)
    except TypeError as error:
        raise ProtocolError(f"a {kind} message lacks fields: {error}") from error
    except ValueError as error:
        raise ProtocolError(f"a {kind} message is not consistent: {error}") from error
    return message


def read_message(read: Callable[[int], bytes]) -> Message | None:
    """Next message from a blocking stream; ``None`` at its end.

    Parameters
    ----------
    read : callable
        ``read(n)`` returns between 1 and n bytes, or none at the end of the stream.

    Raises
    ------
    ProtocolError
        If the stream ends inside a frame or holds something else than frames.
    """
    header = _read_exactly(read, _LENGTH.size)
    if not header:
        return None
    if len(header) == _LENGTH.size:
        length = _frame_length(header)
        packed = _read_exactly(read, 1)
        _check_map(packed)
        packed += _read_exactly(read, length - 1)
        if len(packed) == length:
            return decode(packed)
    raise ProtocolError("the stream ended inside a frame")


def _read_exactly(read: Callable[[int], bytes], count: int) -> bytes:
    data = bytearray()
    while len(data) < count and (piece := read(count - len(data))):
        data += piece
    return bytes(data)


def _frame_length(buffer: bytes) -> int:
    (length,) = _LENGTH.unpack_from(buffer)
    if not 0 < length <= MAX_FRAME_BYTES:
        raise ProtocolError(f"the stream holds something else than frames ({buffer[:40]!r})")
    return int(length)


def _check_map(first: bytes) -> None:
    """Raise if a body's first byte, once it is there, does not open a msgpack map.

    Four bytes of garbage may well be a possible length, and its reader would wait for the rest.
    """
    if first and not (0x80 <= first[0] <= 0x8F or first[0] in (0xDE, 0xDF)):
        raise ProtocolError("the stream holds something else than frames (no message begins there)")


def _pack_array(value: object) -> msgpack.ExtType:
    import numpy as np

    if isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} is not a type of this protocol")
    little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).reshape(value.shape)
    if little.dtype.str not in _ARRAY_TYPES:
        raise TypeError(f"arrays of {value.dtype} are not sent")
    return msgpack.ExtType(_ARRAY, msgpack.packb([little.dtype.str, little.shape, little.tobytes()]))


def _unpack_array(code: int, data: bytes) -> Any:
    import numpy as np

    if code != _ARRAY:
        raise ProtocolError(f"unknown msgpack extension {code}")
    content = msgpack.unpackb(data)
    if not isinstance(content, list) or len(content) != 3:
        raise ProtocolError("an array is not given as dtype, shape and bytes")
    dtype, shape, raw = content
    shape_valid = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
    if dtype not in _ARRAY_TYPES or not shape_valid or not isinstance(raw, bytes):
        raise ProtocolError("an array has an unknown dtype, shape or content")
    size = np.dtype(dtype).itemsize
    for n in shape:
        size *= n
    if size != len(raw) or len(shape) > 16:
        raise ProtocolError("the size of an array disagrees with its shape")
    return np.frombuffer(raw, dtype=dtype).reshape(shape).copy()


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_array(value: object) -> bool:
    return hasattr(value, "dtype") and getattr(value, "ndim", 0) == 4 and value.dtype.kind == "f"


_FIELD_TYPES: dict[str, Callable[[Any], bool]] = {
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "bytes": lambda v: isinstance(v, bytes),
    "int": _is_integer,
    "int | None": lambda v: v is None or _is_integer(v),
    "float": _is_real,
    "float | None": lambda v: v is None or _is_real(v),
    "list[float]": lambda v: isinstance(v, list) and all(map(_is_real, v)),
    "list[int]": lambda v: isinstance(v, list) and all(map(_is_integer, v)),
    "list[str]": lambda v: isinstance(v, list) and all(isinstance(x, str) for x in v),
    "list[bool]": lambda v: isinstance(v, list) and all(isinstance(x, bool) for x in v),
    "dict[str, float]": lambda v: isinstance(v, dict) and all(map(_is_real, v.values())),
    "dict[str, str]": lambda v: isinstance(v, dict) and all(isinstance(x, str) for x in v.values()),
    "dict[str, Any]": lambda v: isinstance(v, dict),
    "NDArray[np.float32]": _is_array,
}
