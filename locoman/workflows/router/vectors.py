"""The vectors that the encoder made before: a text is encoded once on a machine."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from locoman.errors import StoreError
from locoman.progress import Progress, no_progress
from locoman.routing.encoder.bge import DIMENSIONS
from locoman.routing.encoder.files import VECTORS
from locoman.routing.features import Floats
from locoman.routing.models import Encoder
from locoman.store.atomic import write_atomic
from locoman.store.home import Home

MAX_KEPT = 50_000  # texts; beyond, only those asked for last are kept
MAX_BYTES = 256 << 20
_BATCH = 256
_KEY_BYTES = 16
_FILE = "vectors-{}.npz"


class Remembering:
    """An encoder that keeps what it has made, by the sha256 of the text, in memory and in one file.

    Vectors pass through float16, as a router's file keeps them, so that it makes no difference whether one was known. The
    file is a cache: one that cannot be read or written is done without.
    """

    def __init__(self, encoder: Encoder, path: Path | None, progress: Progress = no_progress) -> None:
        self._encoder = encoder
        self._path = path
        self._progress = progress
        self._known = _read(path) if path is not None else {}

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, DIMENSIONS)."""
        keys = [hashlib.sha256(text.encode()).digest()[:_KEY_BYTES] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        for start in range(0, len(new), _BATCH):
            part = dict(list(new.items())[start : start + _BATCH])
            made = self._encoder.encode(list(part.values())).astype(np.float16)
            self._known.update(zip(part, made, strict=True))
            self._progress(min(start + _BATCH, len(new)), len(new), "questions")
        if new and self._path is not None:
            self._write(set(keys))
        return np.stack([self._known[key] for key in keys]).astype(np.float32)

    def _write(self, used: set[bytes]) -> None:
        kept = self._known if len(self._known) <= MAX_KEPT else {k: v for k, v in self._known.items() if k in used}
        buffer = io.BytesIO()
        keys = np.frombuffer(b"".join(kept), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        np.savez(buffer, keys=keys, vectors=np.stack(list(kept.values())))
        assert self._path is not None
        with suppress(StoreError, OSError):
            write_atomic(self._path, buffer.getvalue(), mode=0o600)
            for other in self._path.parent.glob(_FILE.format("*")):
                if other != self._path:  # of an earlier encoder
                    other.unlink(missing_ok=True)


def vectors_file(home: Home) -> Path:
    """Where the vectors are kept; those of another encoder have another name."""
    return home.root / "cache" / _FILE.format(VECTORS)


def _read(path: Path) -> dict[bytes, Floats]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        with zipfile.ZipFile(path) as archive:
            if any(member.file_size != member.compress_size for member in archive.infolist()):
                return {}
        with np.load(path, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    whole = keys.dtype == np.uint8 and keys.ndim == 2 and keys.shape[1] == _KEY_BYTES
    if not whole or vectors.dtype != np.float16 or vectors.shape != (len(keys), DIMENSIONS):
        return {}
    return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True) if np.isfinite(vector).all()}
