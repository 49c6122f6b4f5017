"""The encoder's files on this machine: which they are, and whether they are here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.errors import InvalidFile, LocomanError
from locoman.store.digests import sha256_of

NAME = "bge-small-en-v1.5"
LICENCE = "MIT"
SOURCE = "Xenova/bge-small-en-v1.5"


@dataclass(frozen=True, slots=True)
class EncoderFile:
    """One of the encoder's files: its size in bytes and its digest, the same wherever it comes from."""

    name: str
    bytes: int
    sha256: str


WEIGHTS = EncoderFile(
    "model_quantized.onnx", 34_014_426, "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4"
)
VOCABULARY = EncoderFile("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3")
FILES = (WEIGHTS, VOCABULARY)
BYTES = sum(file.bytes for file in FILES)
ID = WEIGHTS.sha256[:16]
"""Names this encoder's files."""
OUTPUTS = {7: "/encoder/layer.6/output/LayerNorm/Add_1_output_0", 9: "/encoder/layer.8/output/LayerNorm/Add_1_output_0",
           11: "/encoder/layer.10/output/LayerNorm/Add_1_output_0", 12: "last_hidden_state"}  # fmt: skip
"""What the weights' graph calls what these layers make, counted from 1."""
VECTORS = f"{ID}-1"
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
