"""The files that a Modelfile names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.errors import LocomanError
from locoman.weights.gguf import GgufFile


@dataclass(frozen=True, slots=True)
class File:
    """What stands at a path: `kind` is a GGUF's general.type, "folder", or "" with a `problem`."""

    path: Path
    kind: str = ""
    architecture: str = ""
    chat_template: str = ""
    problem: str = ""


def named_file(value: str, folder: Path) -> Path | None:
    """The path that FROM means, seen from the Modelfile's folder, if anything is there; else it is a model's name."""
    path = place(value, folder)
    try:
        return path if value and path.exists() else None
    except (OSError, ValueError):
        return None


def place(value: str, folder: Path) -> Path:
    """The path that a Modelfile in `folder` means by `value`: "~" is the home of whoever runs this."""
    try:
        return folder / Path(value).expanduser()
    except (RuntimeError, ValueError):
        return folder / value


def look_at(path: Path) -> File:
    """Reads the head of a file; of a folder, whether there are weights in it."""
    try:
        if path.is_dir():
            there = any(path.glob("*.safetensors")) or any(path.glob("*.gguf"))
            return File(path, "folder") if there else File(path, problem=f"there are no weights in the folder {path}")
        if not path.is_file():
            return File(path, problem=f"there is no file {path}")
        with GgufFile.open(path) as file:
            return File(
                path,
                file.text("general.type", "model"),
                file.text("general.architecture", ""),
                file.text("tokenizer.chat_template", ""),
            )
    except LocomanError as error:
        return File(path, problem=str(error).rstrip("."))
    except (OSError, ValueError) as error:
        return File(path, problem=f"{str(path)[:200]} cannot be read: {error}")
