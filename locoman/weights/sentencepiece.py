"""Reads the SentencePiece models (tokenizer.model) that llama.cpp can do, as bytes that may be forged.

The file is a protobuf message (github.com/google/sentencepiece, src/sentencepiece_model.proto); only the fields that
decide how text is cut are looked at, all others are stepped over. Wire format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.files import map_file

MAX_FILE_BYTES = 64 << 20
MAX_PIECES = 300_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_TYPE = 1, 2, 3
_TRAINER_MODEL_TYPE, _TRAINER_WHITESPACE_SUFFIX = 3, 24
_NORMALIZER_CHARSMAP, _NORMALIZER_DUMMY_PREFIX, _NORMALIZER_REMOVE_WHITESPACE = 2, 3, 4
_MODEL_TYPES = {1: "unigram", 2: "BPE", 3: "word", 4: "char"}
_BPE = 2


class PieceType(IntEnum):
    """SentencePiece's own numbers."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the vocabulary; the higher its score, the sooner it is merged."""

    text: str
    score: float
    type: PieceType


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """The pieces in the order of their ids; `space_prefix`: text is read as if a blank stood before it."""

    pieces: tuple[Piece, ...]
    space_prefix: bool


Field = tuple[int, int | memoryview]
"""Number of a field and its value: a number, or bytes (of fixed or given length)."""


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """The model at `path`. Raises InvalidFile, Unsupported (not BPE, or it changes texts in ways llama.cpp cannot)."""
    data = map_file(path)
    if len(data) > MAX_FILE_BYTES:
        raise InvalidFile(path, f"larger than {MAX_FILE_BYTES >> 20} MiB")
    pieces: list[Piece] = []
    model_type, space_prefix, removes_whitespace = 1, True, True
    for number, value in _fields(memoryview(data.data), path):
        if number == _PIECES:
            if len(pieces) >= MAX_PIECES:
                raise InvalidFile(path, f"more than {MAX_PIECES} pieces")
            pieces.append(_read_piece(_message(value, path), path))
        elif number == _TRAINER:
            trainer = dict(_fields(_message(value, path), path))
            model_type = _number(trainer.get(_TRAINER_MODEL_TYPE, model_type), path)
            if _number(trainer.get(_TRAINER_WHITESPACE_SUFFIX, 0), path):
                raise Unsupported(path, "a SentencePiece model that puts blanks at the end of words")
        elif number == _NORMALIZER:
            normalizer = dict(_fields(_message(value, path), path))
            if len(_message(normalizer.get(_NORMALIZER_CHARSMAP, memoryview(b"")), path)):
                raise Unsupported(path, "a SentencePiece model that normalizes characters")
            space_prefix = bool(_number(normalizer.get(_NORMALIZER_DUMMY_PREFIX, space_prefix), path))
            removes_whitespace = bool(_number(normalizer.get(_NORMALIZER_REMOVE_WHITESPACE, 1), path))
    if model_type != _BPE:
        raise Unsupported(path, f"a SentencePiece model of type {_MODEL_TYPES.get(model_type, '?')} (known: BPE)")
    if removes_whitespace:
        raise Unsupported(path, "a SentencePiece model that removes repeated blanks")
    return SentencePieceModel(tuple(pieces), space_prefix)


def _read_piece(message: memoryview, path: Path) -> Piece:
    text, score, kind = "", 0.0, PieceType.NORMAL
    for number, value in _fields(message, path):
        if number == _PIECE_TEXT:
            text = _text(_message(value, path), path)
        elif number == _PIECE_SCORE:
            raw = _message(value, path)
            if len(raw) != 4 or not math.isfinite(score := struct.unpack("<f", raw)[0]):
                raise InvalidFile(path, "not a usable SentencePiece model: a score is no finite number")
        elif number == _PIECE_TYPE:
            try:
                kind = PieceType(_number(value, path))
            except ValueError as error:
                raise InvalidFile(path, "not a usable SentencePiece model: a piece of an unknown type") from error
    return Piece(text, score, kind)


def _fields(data: memoryview, path: Path) -> Iterator[Field]:
    """The fields of a message, in order."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position, path)
        kind, number = key & 7, key >> 3
        if kind == _VARINT:
            value, position = _varint(data, position, path)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = _varint(data, position, path)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise InvalidFile(path, f"not a usable SentencePiece model: a field of wire type {kind}")
        if number == 0 or size > len(data) - position:
            raise InvalidFile(path, "not a usable SentencePiece model: it ends inside a field")
        yield number, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int, path: Path) -> tuple[int, int]:
    """A number of at most 64 bits, seven to a byte, and the place behind it."""
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise InvalidFile(path, "not a usable SentencePiece model: a number does not end")


def _message(value: int | memoryview, path: Path) -> memoryview:
    if isinstance(value, int):
        raise InvalidFile(path, "not a usable SentencePiece model: a number where bytes belong")
    return value


def _number(value: int | memoryview, path: Path) -> int:
    if not isinstance(value, int):
        raise InvalidFile(path, "not a usable SentencePiece model: bytes where a number belongs")
    return value


def _text(data: memoryview, path: Path) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidFile(path, "not a usable SentencePiece model: a piece is not UTF-8 text") from error
