"""A small ONNX model, written field by field as onnx.proto (version 1) has them, in protobuf's wire format.

    scaled = DequantizeLinear(weights of 8 bits, scale);  product = x @ scaled;  sum = product + bias

The weights of 8 bits are a large tensor, the scale and the bias are small ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WIDE, INSIDE, OUTSIDE = 96, "product", "sum"
_FLOAT, _UINT8 = 1, 2


def number(field: int, value: int) -> bytes:
    """A field that holds a whole number."""
    return varint(field << 3) + varint(value)


def content(field: int, value: bytes | str) -> bytes:
    """A field that holds bytes, text or a message."""
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """Seven bits in each byte, the lowest first; the last byte alone has no eighth."""
    parts = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(part | 128 for part in parts[:-1]), parts[-1]])


def weights() -> np.ndarray:
    """Shape (WIDE, WIDE), uint8."""
    return np.random.default_rng(5).integers(0, 256, (WIDE, WIDE), dtype=np.uint8)


def asked() -> np.ndarray:
    """Something for x, shape (3, WIDE)."""
    return np.random.default_rng(6).standard_normal((3, WIDE), dtype=np.float32)


def model(outputs: Sequence[str] = (OUTSIDE,)) -> bytes:
    """The file, with these values of its graph as its outputs."""
    bias = np.random.default_rng(7).standard_normal(WIDE, dtype=np.float32)
    graph = [
        _node("DequantizeLinear", ("weights", "scale"), "scaled"),
        _node("MatMul", ("x", "scaled"), INSIDE),
        _node("Add", (INSIDE, "bias"), OUTSIDE),
        content(2, "tiny"),
        _tensor("scale", np.array(0.013, dtype=np.float32)),
        _tensor("weights", weights()),
        _tensor("bias", bias),
        content(11, _value("x", ("rows", WIDE))),
        *(content(12, _value(name, ("rows", WIDE))) for name in outputs),
    ]
    opset = content(1, "") + number(2, 13)
    return number(1, 8) + content(2, "locoman's tests") + content(7, b"".join(graph)) + content(8, opset)


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    named = b"".join(content(1, name) for name in inputs)
    return content(1, named + content(2, output) + content(3, f"the {kind}") + content(4, kind))


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = _UINT8 if values.dtype == np.uint8 else _FLOAT
    shape = b"".join(number(1, size) for size in values.shape)
    return content(5, shape + number(2, kind) + content(8, name) + content(9, values.tobytes()))


def _value(name: str, shape: Sequence[str | int]) -> bytes:
    dimensions = (number(1, size) if isinstance(size, int) else content(2, size) for size in shape)
    tensor = number(1, _FLOAT) + content(2, b"".join(content(1, dimension) for dimension in dimensions))
    return content(1, name) + content(2, content(1, tensor))
