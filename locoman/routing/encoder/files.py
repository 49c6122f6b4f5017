"""The encoder's files on this machine: which they are, whether they are here, and how they are opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from locoman.documents import read_text
from locoman.errors import InvalidFile, LocomanError
from locoman.routing.encoder.minilm import HALVES, Floats, Halves, MiniLM
from locoman.routing.encoder.wordpiece import read_vocabulary
from locoman.store.digests import sha256_of
from locoman.weights.safetensors import open_safetensors

NAME = "all-MiniLM-L6-v2"
LICENCE = "Apache-2.0"
SOURCE = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class EncoderFile:
    """One of the encoder's files: its size in bytes and its digest, the same wherever it comes from."""

    name: str
    bytes: int
    sha256: str


WEIGHTS = EncoderFile(
    "model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
VOCABULARY = EncoderFile("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3")
FILES = (WEIGHTS, VOCABULARY)
BYTES = sum(file.bytes for file in FILES)
ID = WEIGHTS.sha256[:16]
"""Names this encoder's files."""
VECTORS = f"{ID}-2"
"""Names its vectors wherever something depends on them: other files, or other layers of them, mean something else."""


def encoder_folder(root: Path) -> Path:
    """Where the encoder is kept in the folder `root` of all encoders."""
    return root / f"{NAME}-{ID}"


def is_whole(folder: Path) -> bool:
    """Whether all files are there in their full size."""
    return all(_size(folder / file.name) == file.bytes for file in FILES)


def is_sound(folder: Path) -> bool:
    """Whether all files are there and are what they should be; reads every byte."""
    try:
        verify(folder)
    except LocomanError:
        return False
    return True


def verify(folder: Path) -> None:
    """Raises InvalidFile for a file that is missing or is not what it should be; reads every byte."""
    for file in FILES:
        path = folder / file.name
        if _size(path) != file.bytes:
            raise InvalidFile(path, f"it should be {file.bytes} bytes long")
        if sha256_of(path) != file.sha256:
            raise InvalidFile(path, f"its digest is not that of {NAME}")


def open_encoder(folder: Path, halves: Halves = HALVES) -> MiniLM:
    """The encoder in a folder whose files were verified when they came. Raises InvalidFile, Unsupported, StoreError."""
    vocabulary = folder / VOCABULARY.name
    tokenizer = read_vocabulary(read_text(vocabulary, VOCABULARY.bytes), vocabulary)
    path = folder / WEIGHTS.name
    stored = open_safetensors(path)

    def tensor(name: str, shape: tuple[int, ...]) -> Floats:
        found = stored.get(name)
        if found is None or found.shape != shape or found.dtype != "F32":
            raise InvalidFile(path, f"not the weights of {NAME}: {name} is missing or has another shape")
        return np.require(found.data.view("<f4").reshape(shape), requirements="A")

    return MiniLM(tokenizer, tensor, halves)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
