"""An ONNX model without its weights, which stay in the model's own file: the runtime maps them from there.

So a model is opened in half the time, nothing of it is copied but what the runtime arranges anew, and all processes of a
machine share its pages. The format is onnx.proto (ONNX, version 1) in protobuf's wire format; only the fields named here are
looked into, all others are handed on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, overload

MODEL_GRAPH = 7
GRAPH_INITIALIZER, GRAPH_OUTPUT = 5, 12
TENSOR_RAW_DATA, TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION = 9, 13, 14
NAME, KEY, VALUE = 1, 1, 2  # of an output; of a pair that says where external data are
EXTERNAL = 1
LARGE = 4096  # bytes: whole numbers of one byte, which may lie at any address; smaller ones stay in the graph

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes


class Data(Protocol):
    """Bytes, or a file mapped into memory."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, place: int, /) -> int: ...
    @overload
    def __getitem__(self, part: slice, /) -> bytes: ...


class _Field(NamedTuple):
    """A field from `begin` to `end`; its content starts at `content`."""

    number: int
    begin: int
    content: int
    end: int


def graph_alone(model: Data, file: str, outputs: Sequence[str]) -> bytes:
    """The model whose large tensors lie in `file`, with these values of its graph as its outputs.

    Raises ValueError for what is no model.
    """

    def changed(field: _Field) -> bytes | None:
        return _graph(model, field, file, outputs) if field.number == MODEL_GRAPH else None

    return _copied(model, 0, len(model), changed)


def _graph(model: Data, graph: _Field, file: str, outputs: Sequence[str]) -> bytes:
    def changed(field: _Field) -> bytes | None:
        if field.number == GRAPH_OUTPUT:
            return b""
        large = field.number == GRAPH_INITIALIZER and field.end - field.content > LARGE
        return _tensor(model, field, file) if large else None

    named = b"".join(message(GRAPH_OUTPUT, message(NAME, output.encode())) for output in outputs)
    return message(MODEL_GRAPH, _copied(model, graph.content, graph.end, changed) + named)


def _tensor(model: Data, tensor: _Field, file: str) -> bytes:
    """With its data told by their place."""

    def changed(field: _Field) -> bytes | None:
        if field.number != TENSOR_RAW_DATA:
            return None
        told = {"location": file, "offset": field.content, "length": field.end - field.content}
        pairs = (message(KEY, key.encode()) + message(VALUE, str(value).encode()) for key, value in told.items())
        place = b"".join(message(TENSOR_EXTERNAL_DATA, pair) for pair in pairs)
        return place + _varint(TENSOR_DATA_LOCATION << 3 | _VARINT) + _varint(EXTERNAL)

    return message(GRAPH_INITIALIZER, _copied(model, tensor.content, tensor.end, changed))


def _copied(model: Data, start: int, end: int, changed: Callable[[_Field], bytes | None]) -> bytes:
    """The message from `start` to `end`, with what is put in the place of some of its fields; None: as it is."""
    parts, kept = [], start
    for field in _fields(model, start, end):
        instead = changed(field)
        if instead is not None:
            parts += [model[kept : field.begin], instead]
            kept = field.end
    return b"".join([*parts, model[kept:end]])


def _fields(model: Data, start: int, end: int) -> Iterator[_Field]:
    """Those of a message that lies from `start` to `end`. Raises ValueError where it does not hold together."""
    place = start
    while place < end:
        key, content = _read_varint(model, place, end)
        kind, after = key & 7, content
        if kind == _LENGTH:
            length, content = _read_varint(model, content, end)
            after = content + length
        elif kind == _VARINT:
            _, after = _read_varint(model, content, end)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            after = content + (8 if kind == _EIGHT_BYTES else 4)
        else:
            raise ValueError("a field of a kind that protobuf does not have")
        if after > end:
            raise ValueError("a field that is longer than what it stands in")
        yield _Field(key >> 3, place, content, after)
        place = after


def _read_varint(model: Data, place: int, end: int) -> tuple[int, int]:
    """The number, and where it ends."""
    value = 0
    for count in range(min(_LONGEST_VARINT, end - place)):
        byte = model[place + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value, place + count + 1
    raise ValueError("a number without an end")


def message(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return _varint(number << 3 | _LENGTH) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)
