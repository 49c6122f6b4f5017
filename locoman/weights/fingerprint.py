"""A base's identity in one line, the same whether read from a checkpoint or from a GGUF of any quantization.

Five parts, each of which can be compared alone: the dimensions, the tokenizer, the chat template, the norm vectors (which
every quantization keeps exactly, so that a fine-tuned model mostly shows there), and a sketch of the large matrices.

The sketch is a SimHash (Charikar 2002): 256 sums of weights with pseudo-random signs, of which only the sign is kept. Two
sets of weights at the angle t differ in about 256 t / pi bits: quantization moves a few bits, another model half of them.
Summed are some rows of the matrices that no family permutes on conversion, each scaled to unit length.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from gguf.constants import TokenType
from numpy.typing import NDArray

from locoman.errors import InvalidFile, InvalidName
from locoman.weights.checkpoint import open_checkpoint
from locoman.weights.gguf_model import GgufModel
from locoman.weights.tokenizer import read_tokenizer

SKETCH_BITS = 256
SAME_MODEL_BITS = 48
"""Up to this distance two sketches count as one model. Measured on random matrices: Q8_0 moves at most 1 bit, Q4_K 7 to
10, Q3_K 12 to 17, Q2_K 27; unrelated models lie at 128 with a standard deviation of 8."""

_ROWS_PER_TENSOR = 8
_MAX_TENSORS = 160
_MAX_COLUMNS = 1 << 20
_SKETCHED = re.compile(r"blk\.\d+\.(attn_v|attn_qkv|attn_output|ffn_(gate|up|down))\.weight")
_DIMENSIONS = ("attention.head_count", "attention.head_count_kv")
_FORM = re.compile(r"1:([a-z0-9_.-]{1,40}):([0-9a-f]{16}):([0-9a-f]{16}):([0-9a-f]{16}):([0-9a-f]{16}):([0-9a-f]{64})")

T = TypeVar("T")
_Rows = Callable[[str, list[int]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a base is. `str()` gives one line that `parse` reads back; hashes and sketch are lower-case hex."""

    architecture: str
    dimensions: str
    tokenizer: str
    template: str
    norms: str
    sketch: str

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Raises InvalidName."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise InvalidName("a fingerprint", text, "it is not one that locoman wrote")
        return cls(*match.groups())

    def __str__(self) -> str:
        return ":".join(
            ("1", self.architecture, self.dimensions, self.tokenizer, self.template, self.norms, self.sketch)
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """How two bases differ. `sketch_distance` is in bits of SKETCH_BITS, and means nothing across other dimensions."""

    same_architecture: bool
    same_dimensions: bool
    same_tokenizer: bool
    same_template: bool
    same_norms: bool
    sketch_distance: int

    @property
    def same_model(self) -> bool:
        """One model, perhaps quantized differently: all but the template equal, sketches SAME_MODEL_BITS apart at most."""
        structure = self.same_architecture and self.same_dimensions and self.same_tokenizer
        return structure and self.same_norms and self.sketch_distance <= SAME_MODEL_BITS


def compare(a: Fingerprint, b: Fingerprint) -> Difference:
    """The difference, part by part."""
    return Difference(
        a.architecture == b.architecture,
        a.dimensions == b.dimensions,
        a.tokenizer == b.tokenizer,
        a.template == b.template,
        a.norms == b.norms,
        (int(a.sketch, 16) ^ int(b.sketch, 16)).bit_count(),
    )


def fingerprint_of_checkpoint(folder: Path) -> Fingerprint:
    """Of a Hugging Face checkpoint folder. Reads a few rows of each matrix. Raises InvalidFile, Unsupported, StoreError."""
    checkpoint = open_checkpoint(folder)
    tokenizer = read_tokenizer(folder, checkpoint.config, checkpoint.model.numbers["vocabulary"])
    stored = {tensor.target: tensor.source for tensor in checkpoint.tensors}
    tokens = (
        (number, token.encode())
        for number, (token, kind) in enumerate(zip(tokenizer.tokens, tokenizer.kinds, strict=True))
        if kind != TokenType.UNUSED
    )
    return _fingerprint(
        checkpoint.model.architecture.name,
        {name: tensor.shape for name, tensor in stored.items()},
        {key: value for key, value in checkpoint.model.entries() if key in _DIMENSIONS},
        _hash_tokenizer(tokens, (merge.encode() for merge in tokenizer.merges)),
        tokenizer.chat_template or "",
        lambda name, rows: _finite(stored[name].values(rows), folder),
    )


def fingerprint_of_gguf(path: Path) -> Fingerprint:
    """Of a GGUF model of any quantization, whole or in shards. Reads a few rows of each matrix.

    Raises InvalidFile, Unsupported, StoreError.
    """
    with GgufModel.open(path) as model:
        file = model.head
        name = file.architecture
        if not re.fullmatch(r"[a-z0-9_.-]{1,40}", name):
            raise InvalidFile(path, f"an architecture called {name[:40]!r}")
        dimensions = {key: file.metadata.get(f"{name}.{key}") for key in _DIMENSIONS}
        kinds = file.array("tokenizer.ggml.token_type").numbers()
        listed = file.array("tokenizer.ggml.tokens")
        if len(kinds) != len(listed):
            raise InvalidFile(path, f"{len(listed)} tokens with {len(kinds)} types")
        unused = int(TokenType.UNUSED)
        tokens = ((n, token) for n, token in enumerate(listed.byte_strings()) if kinds[n] != unused)
        merges = file.array("tokenizer.ggml.merges").byte_strings() if "tokenizer.ggml.merges" in file.metadata else ()
        return _fingerprint(
            name,
            {tensor.name: tensor.shape for tensor in model.tensors.values()},
            {key: int(value) for key, value in dimensions.items() if isinstance(value, int)},
            _hash_tokenizer(tokens, merges),
            file.text("tokenizer.chat_template", ""),
            lambda tensor, rows: _finite(model.tensors[tensor].values(rows), path),
        )


def _fingerprint(
    architecture: str,
    shapes: Mapping[str, tuple[int, ...]],
    dimensions: Mapping[str, int],
    tokenizer: str,
    template: str,
    rows: _Rows,
) -> Fingerprint:
    matrices = sorted((name, shape) for name, shape in shapes.items() if len(shape) == 2)
    described = [f"{name} {shape[0]} {shape[1]}" for name, shape in matrices]
    described += [f"{key} {dimensions[key]}" for key in sorted(dimensions)]
    norms = sorted(name for name, shape in shapes.items() if len(shape) == 1 and name.endswith("_norm.weight"))
    sketched = [name for name, shape in matrices if _SKETCHED.fullmatch(name) and shape[1] <= _MAX_COLUMNS]
    return Fingerprint(
        architecture,
        _digest([line.encode() for line in described]),
        tokenizer,
        _digest([template.replace("\r\n", "\n").strip().encode()]),
        _digest(rows(name, [0]).astype("<f4").tobytes() for name in norms),
        _sketch(_spread(sketched, _MAX_TENSORS), shapes, rows),
    )


def _sketch(names: Iterable[str], shapes: Mapping[str, tuple[int, ...]], rows: _Rows) -> str:
    sums = np.zeros(SKETCH_BITS, dtype=np.float64)
    for name in names:
        chosen = _spread(range(shapes[name][0]), _ROWS_PER_TENSOR)
        values = rows(name, chosen).astype(np.float64)
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        values = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
        padded = np.zeros(-(-values.size // SKETCH_BITS) * SKETCH_BITS)
        padded[: values.size] = values.reshape(-1) * _signs(name, values.size)
        sums += padded.reshape(-1, SKETCH_BITS).sum(axis=0)
    return np.packbits(sums > 0).tobytes().hex()


def _signs(seed: str, count: int) -> NDArray[np.float64]:
    """`count` fixed pseudo-random signs, the same on every machine."""
    drawn = np.frombuffer(hashlib.shake_256(seed.encode()).digest(-(-count // 8)), dtype=np.uint8)
    return np.unpackbits(drawn, count=count).astype(np.float64) * 2 - 1


def _finite(values: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise InvalidFile(path, "it holds weights that are no finite numbers")
    return values


def _spread(items: Iterable[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced."""
    listed = list(items)
    if len(listed) <= count:
        return listed
    return [listed[place * len(listed) // count] for place in range(count)]


def _hash_tokenizer(tokens: Iterable[tuple[int, bytes]], merges: Iterable[bytes]) -> str:
    def parts() -> Iterator[bytes]:
        for number, token in tokens:
            yield b"%d " % number + token
        yield b"merges"
        yield from merges

    return _digest(parts())


def _digest(parts: Iterable[bytes]) -> str:
    """64 bits of the SHA-256 of the parts, each with its length in front."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:16]
