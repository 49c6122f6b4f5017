"""SHA-256 of files and folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

from locoman.progress import Progress, no_progress
from locoman.store.atomic import mapped

_BLOCK = 1 << 20


def sha256_of(path: Path, progress: Progress = no_progress) -> str:
    """The hex digest of a file's bytes. Raises StoreError."""
    digest = hashlib.sha256()
    done = 0
    with mapped(path), path.open("rb") as file:
        total = path.stat().st_size
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            progress(done, total, "bytes")
    return digest.hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """The hex digest of a folder's file names and contents, in sorted order, links not followed. Raises StoreError."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()
