"""Merges LoRA adapters into Hugging Face checkpoints: a new folder that differs in the touched tensors alone.

The new weight files have the headers of the old ones, so that every byte of the other tensors stays at its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from locoman.errors import InvalidFile, StoreError, Unsupported
from locoman.progress import Progress, no_progress
from locoman.store.atomic import mapped
from locoman.weights.files import drop_pages, map_file, new_folder
from locoman.weights.lora_base import read_lora_base
from locoman.weights.lora_gguf import LoraGguf
from locoman.weights.merge import Merged
from locoman.weights.model_config import ExpectedTensor
from locoman.weights.pieces import Piece, in_order, row_blocks, stored_pieces
from locoman.weights.safetensors import PICKLED, StoredTensor, open_safetensors, open_weights
from locoman.weights.tensor_types import TYPES
from locoman.weights.transforms import Reordered, TensorSource

MAX_FILES = 1000
_PIECES_KEPT = 32


@dataclass(frozen=True, slots=True)
class CheckpointMerge:
    """What will be written: `files` are the weight files, `merged` the touched tensors by name, `others` are copied."""

    base: Path
    files: Mapping[Path, tuple[StoredTensor, ...]]
    merged: Mapping[str, Merged]
    others: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.data.nbytes for tensors in self.files.values() for tensor in tensors)

    @property
    def touched_bytes(self) -> int:
        """Bytes of the tensors that the adapter touches."""
        touched = (t for tensors in self.files.values() for t in tensors if t.name in self.merged)
        return sum(tensor.data.nbytes for tensor in touched)


def plan_checkpoint_merge(folder: Path, lora: LoraGguf) -> CheckpointMerge:
    """What merging the open adapter into the checkpoint in `folder` will give; each tensor keeps its type.

    Raises WrongBase, InvalidFile, Unsupported, StoreError.
    """
    known = read_lora_base(folder)
    by_target = {tensor.target: tensor for tensor in known.tensors.values()}
    lora.check(known.name, known.architecture, {name: tensor.shape for name, tensor in by_target.items()})
    stored = open_weights(folder)
    merged: dict[str, Merged] = {}
    for target, pair in lora.pairs.items():
        expected = by_target[target]
        tensor = stored.get(expected.source)
        if tensor is None or tensor.shape != pair.shape:
            raise InvalidFile(folder, f"the checkpoint lacks {expected.source} of the size that config.json says")
        if tensor.dtype not in TYPES:
            raise Unsupported(
                tensor.path, f"the tensor {tensor.name} is stored as {tensor.dtype}; use F32, F16 or BF16"
            )
        merged[expected.source] = Merged(tensor, pair.a, _as_stored(expected, pair.b), pair.scale)
    files = {path: open_safetensors(path).values() for path in sorted({tensor.path for tensor in stored.values()})}
    in_file_order = {path: tuple(sorted(tensors, key=_address)) for path, tensors in files.items()}
    return CheckpointMerge(folder, in_file_order, merged, _other_files(folder))


def merge_checkpoint(plan: CheckpointMerge, target: Path, progress: Progress = no_progress) -> None:
    """Writes the folder `target`, which must not exist yet and appears whole or not at all. Progress counts bytes.

    Raises InvalidFile (a weight that is no number), Unsupported, StoreError, MissingPrerequisite (disk full).
    """
    if target.exists():
        raise StoreError(target, "it is there already")
    with new_folder(target) as folder:
        with mapped(folder):
            for path in plan.others:
                shutil.copyfile(path, folder / path.name)
        done = 0
        for path, tensors in plan.files.items():
            with mapped(folder), (folder / path.name).open("wb") as file:
                file.write(_header(path, tensors))
                for written in _write(file, tensors, plan.merged):
                    done += written
                    progress(done, plan.bytes, "bytes")


def _write(file: BinaryIO, tensors: tuple[StoredTensor, ...], merged: Mapping[str, Merged]) -> Iterator[int]:
    """Writes the tensors one after the other; yields the bytes of each piece."""
    items = ((None, piece) for tensor in tensors for piece in _pieces(tensor, merged.get(tensor.name)))
    with closing(in_order(items)) as pieces:
        for count, (_, data) in enumerate(pieces, start=1):
            file.write(data.reshape(-1).data)
            if count % _PIECES_KEPT == 0:
                drop_pages()
            yield data.nbytes


def _pieces(tensor: StoredTensor, merged: Merged | None) -> Iterator[Piece]:
    if merged is not None:
        return stored_pieces(merged, TYPES[tensor.dtype])
    stored = tensor.data.reshape(tensor.rows, -1) if tensor.data.size else tensor.data.reshape(0, 0)
    return (stored[rows] for rows in row_blocks(tensor) if stored.size)


def _as_stored(expected: ExpectedTensor, b: TensorSource) -> TensorSource:
    """B as Hugging Face has it, given as GGUF has it."""
    converted = expected.converted(b)
    if isinstance(converted, Reordered):
        back: NDArray[np.intp] = np.argsort(converted.order)
        return Reordered(b, back)
    if converted is not b:
        raise Unsupported(b.path, f"a LoRA on {expected.source}, which is computed anew on conversion")
    return b


def _header(path: Path, tensors: tuple[StoredTensor, ...]) -> bytes:
    """All that stands before the tensors."""
    whole = map_file(path)
    return whole[: len(whole) - sum(tensor.data.nbytes for tensor in tensors)].tobytes()


def _address(tensor: StoredTensor) -> int:
    """Where the tensor lies in its mapped file."""
    return int(tensor.data.ctypes.data)


def _other_files(folder: Path) -> tuple[Path, ...]:
    """What belongs to a checkpoint beside its weights: settings, tokenizer, template, licence; no folders.

    The hub's cache keeps checkpoints as folders of links, so links are followed.
    """
    with mapped(folder):
        found = [path for path in sorted(folder.iterdir()) if path.is_file()]
    if len(found) > MAX_FILES:
        raise InvalidFile(folder, f"more than {MAX_FILES} files in a checkpoint")
    return tuple(path for path in found if path.suffix not in (".safetensors", ".gguf", *PICKLED))
