"""What a command means by a model: a path, or the name of something that this home or its shelf knows."""

from __future__ import annotations

import shutil
from pathlib import Path

from locoman.catalog.shelf import Shelf
from locoman.errors import InvalidFile, NotEnoughDisk, UnknownName, UsageError
from locoman.names import AdapterRef, BaseRef
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.weights.files import sweep_unfinished
from locoman.workflows.collection import base_file, installed_base

_MARGIN = 16 << 20
"""Bytes left free for headers and for others."""


def gguf_file(home: Home, text: str) -> Path:
    """The GGUF file at the path `text`, or the file of the installed base of that name.

    Raises UnknownName, InvalidName, InvalidFile.
    """
    path = Path(text)
    if path.is_file():
        return path
    if _is_path(text):
        raise InvalidFile(path, "the file is missing" if not path.is_dir() else "a folder, not a GGUF file")
    return base_file(home, installed_base(load_registry(home.registry), BaseRef.parse(text)))


def base_weights(home: Home, text: str) -> Path:
    """A checkpoint folder, or what `gguf_file` says."""
    path = Path(text)
    return path if path.is_dir() else gguf_file(home, text)


def adapter_weights(home: Home, text: str) -> Path:
    """A PEFT folder or LoRA GGUF at the path `text`, a package's own weights, or the installed adapter of that name.

    Raises UnknownName, InvalidName, InvalidFile.
    """
    path = Path(text)
    if path.is_file() or (path / "adapter_config.json").is_file():
        return path
    if path.is_dir():
        raise InvalidFile(path / "adapter_config.json", "the file is missing, so this folder is no PEFT adapter")
    if _is_path(text):
        raise InvalidFile(path, "there is no such file or folder")
    registry = load_registry(home.registry)
    adapter = registry.find_adapter(registry.current().name, AdapterRef.parse(text))
    if not adapter.gguf:
        raise UsageError(f"The adapter {adapter.ref} is prompt-only: it has no weights.")
    return home.root / adapter.gguf


def checkpoint_folder(shelf: Shelf, text: str) -> Path | None:
    """A checkpoint (or PEFT) folder at the path `text`, or the one beside the spec of that name; None: neither.

    Raises InvalidFile.
    """
    path = Path(text)
    if path.is_dir():
        return path
    if path.exists():
        raise InvalidFile(path, "a file, not a checkpoint folder")
    try:
        found = shelf.spec(BaseRef.parse(text)).checkpoint
    except (UnknownName, UsageError):
        return None
    return found if found is not None and found.is_dir() else None


def check_target(target: Path, needed: int, *, force: bool) -> None:
    """Returns when `needed` bytes can be written as `target`; what a killed process left of it is taken away first.

    Raises UsageError (it is there already), NotEnoughDisk.
    """
    sweep_unfinished(target)
    if target.exists() and not force:
        raise UsageError(f"{target} is there already; give --force to replace it.")
    existing = next(folder for folder in target.resolve().parents if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed + _MARGIN > free:
        raise NotEnoughDisk(needed + _MARGIN, free, existing)


def _is_path(text: str) -> bool:
    return any(sign in text for sign in "/\\") or text.endswith(".gguf")
