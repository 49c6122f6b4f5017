"""A fitted router in one file: an uncompressed .npz of plain arrays and a JSON header, never a pickle.

Members: `header` (JSON as UTF-8 bytes), `words` and `characters` (terms, one per line, as UTF-8 bytes), `words_idf`,
`characters_idf`, `weights` and `bias` (float32). Without a lexical model only `header` is there.
A file is taken for hostile: sizes, types and shapes are checked before memory is spent on them.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile, LocomanError, StoreError
from locoman.names import check_name
from locoman.routing.cascade import AdapterRule, Router, RouterModel
from locoman.routing.features import Vocabulary
from locoman.routing.stages.lexical import LexicalModel
from locoman.store.atomic import write_atomic

FORMAT: Literal[1] = 1  # goes up whenever features or file change: a router of another format is fitted again, not read
MAX_BYTES = 256 << 20
MAX_HEADER_BYTES = 16 << 20

_NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<type>[<|]\w\d)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>[\d, ]{1,40})\), \} *\n",
    re.DOTALL,
)
_ARRAYS = ("words", "words_idf", "characters", "characters_idf", "weights", "bias")
Number = TypeVar("Number", bound=np.generic)

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    keywords: tuple[str, ...]
    minimum_confidence: _Share


class _Lexical(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    adapters: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    temperature: Annotated[float, msgspec.Meta(gt=0.0)]
    threshold: _Share


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    adapters: tuple[_Rule, ...]
    lexical: _Lexical | None
    format: Literal[1] = FORMAT


def save(model: RouterModel, path: Path) -> None:
    """Writes `model`; the file is replaced whole or not at all. Raises StoreError."""
    rules = tuple(_Rule(rule.name, rule.keywords, rule.minimum_confidence) for rule in model.adapters)
    lexical = model.lexical
    arrays: dict[str, NDArray[Any]] = {}
    if lexical is not None:
        arrays = {
            "words": _bytes("\n".join(lexical.words.terms)),
            "words_idf": lexical.words.idf,
            "characters": _bytes("\n".join(lexical.characters.terms)),
            "characters_idf": lexical.characters.idf,
            "weights": lexical.weights,
            "bias": lexical.bias,
        }
    summary = None if lexical is None else _Lexical(lexical.adapters, lexical.temperature, lexical.threshold)
    header = msgspec.json.encode(_Header(rules, summary))
    write_atomic(path, _archive({"header": np.frombuffer(header, dtype=np.uint8), **arrays}))


def load(path: Path) -> Router:
    """The router in the file. Raises InvalidFile (missing, damaged, of another format) and StoreError."""
    return Router.of(load_model(path))


def load_model(path: Path) -> RouterModel:
    """As `load`, for what the router knows."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidFile(path, f"larger than {MAX_BYTES >> 20} MiB")
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return _model(path, archive, members)
    except FileNotFoundError as error:
        raise InvalidFile(path, "the file is missing") from error
    except OSError as error:
        raise StoreError(path, (error.strerror or str(error)).lower()) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidFile(path, "not a router of this version of locoman, or a damaged one") from error


def _model(path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> RouterModel:
    if "header" not in members or members["header"].file_size > MAX_HEADER_BYTES:
        raise ValueError("no header, or a huge one")
    header = msgspec.json.decode(_member(archive, members["header"], np.uint8, 1).tobytes(), type=_Header)
    rules = tuple(AdapterRule(rule.name, rule.keywords, rule.minimum_confidence) for rule in header.adapters)
    names = [_checked_name(rule.name) for rule in rules]
    if len(set(names)) != len(names):
        raise ValueError("an adapter twice")
    if header.lexical is None:
        return RouterModel(rules, None)
    if set(members) != {"header", *_ARRAYS} or not set(header.lexical.adapters) <= set(names):
        raise ValueError("other arrays or adapters than announced")
    words = _vocabulary(archive, members, "words")
    characters = _vocabulary(archive, members, "characters")
    weights = _member(archive, members["weights"], np.float32, 2)
    bias = _member(archive, members["bias"], np.float32, 1)
    classes = len(header.lexical.adapters) + 1
    if weights.shape != (len(words.terms) + len(characters.terms), classes) or bias.shape != (classes,):
        raise ValueError("arrays that do not fit together")
    if not all(np.isfinite(a).all() for a in (weights, bias)) or not math.isfinite(header.lexical.temperature):
        raise ValueError("numbers that are none")
    lexical = header.lexical
    model = LexicalModel(lexical.adapters, words, characters, weights, bias, lexical.temperature, lexical.threshold)
    return RouterModel(rules, model)


def _vocabulary(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> Vocabulary:
    text = _member(archive, members[name], np.uint8, 1).tobytes().decode("utf-8")
    terms = tuple(text.split("\n")) if text else ()
    idf = _member(archive, members[f"{name}_idf"], np.float32, 1)
    if not np.isfinite(idf).all():
        raise ValueError("numbers that are none")
    return Vocabulary(terms, idf)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, kind: type[Number], dimensions: int) -> NDArray[Number]:
    """One array. Its header is matched, not evaluated, and nothing is allocated by what it claims alone."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.file_size > MAX_BYTES:
        raise ValueError("a compressed or oversized member")
    content = archive.read(info)
    head = _NPY.match(content)
    if head is None or head["type"] != np.dtype(kind).newbyteorder("<").str.encode():
        raise ValueError("not an array of this type")
    shape = tuple(int(size) for size in head["shape"].split(b",") if size.strip())
    if len(shape) != dimensions or math.prod(shape) * np.dtype(kind).itemsize != len(content) - head.end():
        raise ValueError("an array of another size than announced")
    return np.frombuffer(content, dtype=kind, offset=head.end()).reshape(shape)


def _archive(arrays: dict[str, NDArray[Any]]) -> bytes:
    """What numpy.savez writes, with the same bytes for the same arrays."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)


def _checked_name(name: str) -> str:
    try:
        return check_name(name, "an adapter")
    except LocomanError as error:
        raise ValueError(str(error)) from error
