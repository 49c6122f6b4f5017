"""Metadata values of a GGUF file: how they are read from hostile bytes, and how they are packed."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf.constants import GGUFValueType
from numpy.typing import NDArray

from locoman.errors import InvalidFile

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_FORMATS: dict[int, str] = {
    GGUFValueType.UINT8: "<B",
    GGUFValueType.INT8: "<b",
    GGUFValueType.UINT16: "<H",
    GGUFValueType.INT16: "<h",
    GGUFValueType.UINT32: "<I",
    GGUFValueType.INT32: "<i",
    GGUFValueType.FLOAT32: "<f",
    GGUFValueType.BOOL: "<?",
    GGUFValueType.UINT64: "<Q",
    GGUFValueType.INT64: "<q",
    GGUFValueType.FLOAT64: "<d",
}
_DTYPES = {kind: np.dtype(code) for kind, code in _FORMATS.items()}

MAX_KEY_BYTES = 65_535
MAX_STRING_BYTES = 1 << 24
MAX_ARRAY_STRINGS = 1 << 23
"""Strings in all arrays of one file: some ten times the largest vocabulary with its merges."""


class Cursor:
    """Reads forward through the bytes of a file; every step is checked against its end."""

    def __init__(self, data: memoryview, path: Path) -> None:
        self._data = data
        self._path = path
        self.position = 0
        self._strings_left = MAX_ARRAY_STRINGS

    def skip(self, count: int) -> int:
        """Steps over `count` bytes; returns where they begin. Raises InvalidFile at the end of the file."""
        start = self.position
        if count > len(self._data) - start:
            raise self.invalid("the file ends too early")
        self.position = start + count
        return start

    def u32(self) -> int:
        return int(_U32.unpack_from(self._data, self.skip(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack_from(self._data, self.skip(8))[0])

    def string(self, limit: int, what: str) -> str:
        """A length and that many bytes of UTF-8."""
        length = self.u64()
        if length > limit:
            raise self.invalid(f"{what} of {length} bytes is longer than {limit}")
        start = self.skip(length)
        try:
            return str(self._data[start : start + length], "utf-8")
        except UnicodeDecodeError as error:
            raise self.invalid(f"{what} is not UTF-8 text") from error

    def value(self) -> MetadataValue:
        """A value with its type in front; an array is stepped over, to be read on demand."""
        code = self.u32()
        if code == GGUFValueType.STRING:
            return self.string(MAX_STRING_BYTES, "a text")
        if code == GGUFValueType.ARRAY:
            return self._array()
        return self._scalar(code)

    def invalid(self, detail: str) -> InvalidFile:
        return InvalidFile(self._path, f"not a usable GGUF file: {detail}")

    def _scalar(self, code: int) -> int | float | bool:
        if code not in _FORMATS:
            raise self.invalid(f"unknown type of value {code}")
        start = self.skip(_DTYPES[code].itemsize)
        value: int | float | bool = struct.unpack_from(_FORMATS[code], self._data, start)[0]
        return value

    def _array(self) -> GgufArray:
        code, count = self.u32(), self.u64()
        start = self.position
        if code == GGUFValueType.STRING:
            if count > self._strings_left:
                raise self.invalid(f"more than {MAX_ARRAY_STRINGS} strings in arrays")
            self._strings_left -= count
            self._skip_strings(count)
        elif code in _FORMATS:
            self.skip(count * _DTYPES[code].itemsize)
        else:
            raise self.invalid(f"an array of type {code}")
        return GgufArray(code, count, self._data[start : self.position], self._path)

    def _skip_strings(self, count: int) -> None:
        position, end, unpack = self.position, len(self._data) - 8, _U64.unpack_from
        for _ in range(count):
            if position > end:
                break
            position += 8 + unpack(self._data, position)[0]
        else:
            if position <= len(self._data):
                self.position = position
                return
        raise self.invalid("the file ends too early")


@dataclass(frozen=True, slots=True)
class GgufArray:
    """An array in the metadata, its bytes still in the file; `code` is the GGUFValueType of the items."""

    code: int
    count: int
    data: memoryview
    path: Path

    def __len__(self) -> int:
        return self.count

    def numbers(self) -> NDArray[Any]:
        """The items of an array of numbers; raises InvalidFile for one of strings."""
        if self.code not in _DTYPES:
            raise InvalidFile(self.path, "an array holds texts where numbers belong")
        return np.frombuffer(self.data, dtype=_DTYPES[self.code], count=self.count)

    def byte_strings(self) -> Iterator[bytes]:
        """The items of an array of strings, undecoded; raises InvalidFile for one of numbers."""
        if self.code != GGUFValueType.STRING:
            raise InvalidFile(self.path, "an array holds numbers where texts belong")
        position = 0
        for _ in range(self.count):
            start = position + 8
            position = start + _U64.unpack_from(self.data, position)[0]
            yield bytes(self.data[start:position])


MetadataValue = int | float | bool | str | GgufArray


@dataclass(frozen=True, slots=True)
class Packed:
    """A metadata value ready to be written: type code and bytes."""

    data: bytes


def pack_string(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return _U64.pack(len(encoded)) + encoded


def text(value: str) -> Packed:
    """A string."""
    return Packed(_U32.pack(GGUFValueType.STRING) + pack_string(value))


def u16(value: int) -> Packed:
    """An unsigned 16-bit number."""
    return Packed(_U32.pack(GGUFValueType.UINT16) + struct.pack("<H", value))


def i32(value: int) -> Packed:
    """A signed 32-bit number."""
    return Packed(_U32.pack(GGUFValueType.INT32) + struct.pack("<i", value))


def u32(value: int) -> Packed:
    """An unsigned 32-bit number."""
    return Packed(_U32.pack(GGUFValueType.UINT32) + _U32.pack(value))


def f32(value: float) -> Packed:
    """A float32 number."""
    return Packed(_U32.pack(GGUFValueType.FLOAT32) + struct.pack("<f", value))


def boolean(value: bool) -> Packed:
    """A truth value."""
    return Packed(_U32.pack(GGUFValueType.BOOL) + struct.pack("<?", value))


def texts(values: Sequence[str]) -> Packed:
    """An array of strings."""
    body = b"".join(pack_string(value) for value in values)
    return Packed(struct.pack("<IIQ", GGUFValueType.ARRAY, GGUFValueType.STRING, len(values)) + body)


def i32s(values: Sequence[int]) -> Packed:
    """An array of signed 32-bit numbers."""
    body = np.asarray(values, dtype="<i4").tobytes()
    return Packed(struct.pack("<IIQ", GGUFValueType.ARRAY, GGUFValueType.INT32, len(values)) + body)


def f32s(values: Sequence[float]) -> Packed:
    """An array of float32 numbers."""
    body = np.asarray(values, dtype="<f4").tobytes()
    return Packed(struct.pack("<IIQ", GGUFValueType.ARRAY, GGUFValueType.FLOAT32, len(values)) + body)
