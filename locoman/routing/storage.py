"""A fitted router in one file: an uncompressed .npz of plain arrays and a JSON header, never a pickle.

Members: `header` (JSON as UTF-8 bytes), `texts` (a JSON list of the examples), `starts` (whose they are, as scorer.Owners), for
each of `words` and `characters` the terms, one per line, with `_idf`, `_starts`, `_texts` and `_weights` (features.Bag),
`lexical` (the scorer's weights), and where an encoder was used `vectors` with their `scales` (packed.Packed, the lower
layer's before the last's) and `meaning`. Where no adapter gave an example only `header` is there. A file is taken for
hostile: sizes, types and shapes are checked before memory is spent.
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
from locoman.routing.calibration import Sureness
from locoman.routing.cascade import Router
from locoman.routing.encoder.bge import WIDTH
from locoman.routing.encoder.files import VECTORS
from locoman.routing.features import Bag, Vocabulary
from locoman.routing.models import AdapterRule, Conflict, Encoder, Learnt, Meaning, RouterModel, Wording
from locoman.routing.packed import LARGEST_NUMBER, Packed
from locoman.routing.scorer import Owners, Scale, Scorer
from locoman.routing.stages.arbiter import Arbiter
from locoman.store.atomic import write_atomic

FORMAT: Literal[4] = 4  # goes up whenever features or file change: a router of another format is fitted again, not read
MAX_BYTES = 256 << 20
MAX_HEADER_BYTES = 16 << 20

_NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<type>[<|]\w\d)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>[\d, ]{1,40})\), \} *\n",
    re.DOTALL,
)
_BAG = ("", "_idf", "_starts", "_texts", "_weights")
_LEARNT = {"texts", "starts", "lexical"} | {kind + part for kind in ("words", "characters") for part in _BAG}
_MEANT = {"vectors", "scales", "meaning"}
Number = TypeVar("Number", bound=np.generic)

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Positive = Annotated[float, msgspec.Meta(gt=0.0)]
_Four = Annotated[tuple[float, ...], msgspec.Meta(min_length=4, max_length=4)]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    keywords: tuple[str, ...]
    minimum_confidence: _Share


class _Scorer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    temperature: _Positive
    doubt: _Share
    mean: _Four
    spread: Annotated[tuple[_Positive, ...], msgspec.Meta(min_length=4, max_length=4)]
    threshold: float
    slope: _Positive


class _Conflict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    adapter: str
    other: str | None
    count: Annotated[int, msgspec.Meta(ge=1)]
    of: Annotated[int, msgspec.Meta(ge=1)]
    mutual: bool
    examples: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    adapters: tuple[_Rule, ...]
    wrong_cost: Annotated[float, msgspec.Meta(ge=0.0)]
    said: tuple[tuple[str, str | None], ...] = ()
    names: tuple[str, ...] = ()
    lexical: _Scorer | None = None
    meaning: _Scorer | None = None
    encoder: str = ""
    conflicts: tuple[_Conflict, ...] = ()
    format: Literal[4] = FORMAT


def save(model: RouterModel, path: Path) -> None:
    """Writes `model`; the file is replaced whole or not at all. Raises StoreError, also for numbers that are none."""
    rules = tuple(_Rule(rule.name, rule.keywords, rule.minimum_confidence) for rule in model.adapters)
    learnt = model.learnt
    arrays: dict[str, NDArray[Any]] = {}
    header = _Header(rules, model.wrong_cost, model.said)
    if learnt is not None:
        arrays = {"texts": _bytes(msgspec.json.encode(learnt.texts)), "starts": learnt.lexical.owners.starts}
        for kind, bag in (("words", learnt.wording.words), ("characters", learnt.wording.characters)):
            terms = _bytes("\n".join(bag.vocabulary.terms).encode())
            parts = (terms, bag.vocabulary.idf, bag.starts, bag.texts, bag.weights)
            arrays |= dict(zip([kind + part for part in _BAG], parts, strict=True))
        arrays["lexical"] = learnt.lexical.weights
        meaning = learnt.meaning
        if meaning is not None:
            halves = (meaning.lower, meaning.last)
            arrays |= {
                "vectors": np.stack([half.numbers for half in halves]),
                "scales": np.stack([half.scales for half in halves]),
                "meaning": meaning.scorer.weights,
            }
        header = _Header(
            rules,
            model.wrong_cost,
            model.said,
            learnt.names,
            _scorer_header(learnt.lexical),
            None if meaning is None else _scorer_header(meaning.scorer),
            "" if meaning is None else meaning.encoder,
            tuple(_Conflict(c.adapter, c.other, c.count, c.of, c.mutual, c.examples) for c in learnt.conflicts),
        )
    if not all(map(_is_finite, (*arrays.values(), *_numbers(header)))):
        raise StoreError(path, "the fitted router has numbers that are none, so it is not written")
    write_atomic(path, _archive({"header": _bytes(msgspec.json.encode(header)), **arrays}))


def load(path: Path, encoder: Encoder | None = None, arbiter: Arbiter | None = None) -> Router:
    """The router in the file. Raises InvalidFile (missing, damaged, of another format) and StoreError."""
    return Router.of(load_model(path), encoder, arbiter)


def load_model(path: Path) -> RouterModel:
    """As `load`, for what the router knows."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidFile(path, f"larger than {MAX_BYTES >> 20} MiB")
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return _model(_File(archive, members))
    except FileNotFoundError as error:
        raise InvalidFile(path, "the file is missing") from error
    except OSError as error:
        raise StoreError(path, (error.strerror or str(error)).lower()) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidFile(path, "not a router of this version of locoman, or a damaged one") from error


class _File:
    """The members of one file."""

    def __init__(self, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> None:
        self._archive = archive
        self.members = members

    def array(self, name: str, kind: type[Number], dimensions: int) -> NDArray[Number]:
        """Raises ValueError for anything but finite numbers of this kind."""
        found = _member(self._archive, self.members[name], kind, dimensions)
        if not np.isfinite(found).all():
            raise ValueError("numbers that are none")
        return found

    def raw(self, name: str) -> bytes:
        """The bytes of a text."""
        return self.array(name, np.uint8, 1).tobytes()


def _model(file: _File) -> RouterModel:
    if "header" not in file.members or file.members["header"].file_size > MAX_HEADER_BYTES:
        raise ValueError("no header, or a huge one")
    header = msgspec.json.decode(file.raw("header"), type=_Header)
    rules = tuple(AdapterRule(rule.name, rule.keywords, rule.minimum_confidence) for rule in header.adapters)
    names = [_checked_name(rule.name) for rule in rules]
    mentioned = {*header.names, *(adapter for _, adapter in header.said if adapter is not None)}
    if len(set(names)) != len(names) or not mentioned <= set(names):
        raise ValueError("an adapter twice, or one that is not announced")
    expected = {"header"} | (_LEARNT if header.lexical else set()) | (_MEANT if header.meaning else set())
    if (
        set(file.members) != expected
        or bool(header.lexical) != bool(header.names)
        or not math.isfinite(header.wrong_cost)
    ):
        raise ValueError("other arrays or adapters than announced")
    if header.lexical is None:
        return RouterModel(rules, None, header.wrong_cost, header.said)
    return RouterModel(rules, _learnt(file, header, header.lexical), header.wrong_cost, header.said)


def _learnt(file: _File, header: _Header, lexical: _Scorer) -> Learnt:
    texts = msgspec.json.decode(file.raw("texts"), type=tuple[str, ...])
    starts = file.array("starts", np.int64, 1)
    if (
        len(starts) != len(header.names) + 2
        or starts[0] != 0
        or starts[-1] != len(texts)
        or (np.diff(starts) < 1).any()
    ):
        raise ValueError("examples that are nobody's")
    owners = Owners(starts)
    wording = Wording(_bag(file, "words", len(texts)), _bag(file, "characters", len(texts)))
    meaning = None
    if header.meaning is not None:
        vectors, scales = file.array("vectors", np.int8, 3), file.array("scales", np.float32, 2)
        if vectors.shape != (2, len(texts), WIDTH) or scales.shape != (2, len(texts)) or header.encoder != VECTORS:
            raise ValueError("vectors of another encoder")
        if scales.size and not 0 < scales.min() <= scales.max() <= 1 / LARGEST_NUMBER:
            raise ValueError("vectors longer than the encoder's")
        lower, last = (Packed(numbers, scale) for numbers, scale in zip(vectors, scales, strict=True))
        meaning = Meaning(header.encoder, lower, last, _scorer(file, "meaning", header.meaning, owners))
    conflicts = tuple(Conflict(c.adapter, c.other, c.count, c.of, c.mutual, c.examples) for c in header.conflicts)
    return Learnt(header.names, texts, wording, _scorer(file, "lexical", lexical, owners), meaning, conflicts)


def _scorer_header(scorer: Scorer) -> _Scorer:
    scale = scorer.scale
    mean, spread = tuple(scale.mean.tolist()), tuple(scale.spread.tolist())
    return _Scorer(scorer.sureness.temperature, scorer.sureness.doubt, mean, spread, scorer.threshold, scorer.slope)


def _numbers(header: _Header) -> list[NDArray[Any]]:
    """All numbers of the header that a fit makes."""
    scorers = [scorer for scorer in (header.lexical, header.meaning) if scorer is not None]
    return [np.array([s.temperature, s.doubt, s.threshold, s.slope, *s.mean, *s.spread]) for s in scorers]


def _is_finite(array: NDArray[Any]) -> bool:
    return bool(np.isfinite(array).all())


def _scorer(file: _File, name: str, header: _Scorer, owners: Owners) -> Scorer:
    weights = file.array(name, np.float32, 2)
    numbers = (header.temperature, header.doubt, header.threshold, header.slope, *header.mean, *header.spread)
    if weights.shape != (owners.starts[-1], len(owners.starts) - 1) or not all(map(math.isfinite, numbers)):
        raise ValueError("arrays that do not fit together")
    scale = Scale(np.array(header.mean), np.array(header.spread))
    return Scorer(owners, weights, Sureness(header.temperature, header.doubt), scale, header.threshold, header.slope)


def _bag(file: _File, kind: str, count: int) -> Bag:
    terms = file.raw(kind).decode("utf-8")
    vocabulary = Vocabulary(tuple(terms.split("\n")) if terms else (), file.array(f"{kind}_idf", np.float32, 1))
    starts, texts = file.array(f"{kind}_starts", np.int64, 1), file.array(f"{kind}_texts", np.int32, 1)
    return Bag(vocabulary, starts, texts, file.array(f"{kind}_weights", np.float16, 1), count)


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


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _checked_name(name: str) -> str:
    try:
        return check_name(name, "an adapter")
    except LocomanError as error:
        raise ValueError(str(error)) from error
