"""Looks into GGUF models: what they are, whether they are sound, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gguf.constants import LlamaFileType

from locoman.errors import CheckFailed
from locoman.progress import Progress
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.weights.fingerprint import Difference, Fingerprint, compare
from locoman.weights.fingerprint_cache import FingerprintCache
from locoman.weights.gguf_diff import ModelDifference, diff_models
from locoman.weights.gguf_model import GgufModel
from locoman.weights.gguf_values import GgufArray
from locoman.weights.gguf_verify import verify_gguf

MAX_TEXT = 200
"""Characters of a text that are shown; chat templates are longer."""


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """A tensor as it is listed; the shape in numpy's order."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What a GGUF model is. `quantization` is the name of its general.file_type, "" when it has none known."""

    files: tuple[Path, ...]
    architecture: str
    kind: str
    name: str
    quantization: str
    parameters: int
    bytes: int
    metadata: Mapping[str, int | float | bool | str]
    tensors: tuple[TensorSummary, ...]


def show_model(path: Path) -> ModelSummary:
    """The summary; no weights are read. Raises InvalidFile, Unsupported, StoreError."""
    with GgufModel.open(path) as model:
        head = model.head
        tensors = tuple(
            TensorSummary(name, rows.shape, rows.type.name, rows.bytes) for name, rows in model.tensors.items()
        )
        file_type = head.metadata.get("general.file_type")
        known = {int(kind): kind.name for kind in LlamaFileType}
        return ModelSummary(
            tuple(file.path for file in model.files),
            head.text("general.architecture", ""),
            head.text("general.type", "model"),
            head.text("general.name", ""),
            known.get(file_type, "").split("_", 1)[-1] if isinstance(file_type, int) else "",
            sum(rows.rows * rows.shape[-1] for rows in model.tensors.values()),
            sum(tensor.bytes for tensor in tensors),
            {key: _short(value) for key, value in model.metadata.items()},
            tensors,
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that was read through and found sound, and the digest of its bytes."""

    path: Path
    bytes: int
    sha256: str


def verify_model(path: Path, expected: str | None, progress: Progress) -> tuple[Verified, ...]:
    """Reads every byte: the structure, that every weight is a finite number, and with `expected` the SHA-256 of `path`.

    Raises InvalidFile, Unsupported, CheckFailed (another digest), StoreError.
    """
    with GgufModel.open(path) as model:
        files = [file.path for file in model.files]
    found = []
    for file in files:
        verify_gguf(file, progress)
        found.append(Verified(file, file.stat().st_size, sha256_of(file, progress)))
    if expected and expected.lower() != next(v.sha256 for v in found if v.path == path):
        raise CheckFailed(f"{path} has another SHA-256 than {expected[:64]}.")
    return tuple(found)


def diff_files(first: Path, second: Path, progress: Progress) -> ModelDifference:
    """How the second model differs from the first. Raises InvalidFile, Unsupported, StoreError."""
    with GgufModel.open(first) as a, GgufModel.open(second) as b:
        return diff_models(a, b, progress)


@dataclass(frozen=True, slots=True)
class Identified:
    """The fingerprint of a base, and how it differs from another's where one was given."""

    model: Path
    fingerprint: Fingerprint
    other: Path | None = None
    difference: Difference | None = None


def identify(home: Home, model: Path, other: Path | None) -> Identified:
    """Who a base is: a GGUF model or a checkpoint folder. Raises InvalidFile, Unsupported, StoreError."""
    known = FingerprintCache(home.fingerprints)
    fingerprint = known.of(model)
    return Identified(model, fingerprint, other, compare(fingerprint, known.of(other)) if other else None)


def _short(value: int | float | bool | str | GgufArray) -> int | float | bool | str:
    """A metadata value that fits on a line."""
    if isinstance(value, GgufArray):
        return f"[{len(value)} items]"
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[:MAX_TEXT] + "..."
    return value
