"""Finds out what was typed behind `adapter add`: a package, a bundle, or something that has to become a package first."""

from __future__ import annotations

import tomllib
from pathlib import Path

from locoman.catalog.shelf import Shelf
from locoman.catalog.sources import open_source
from locoman.contracts import Source
from locoman.documents import MAX_TOML_BYTES, read_text
from locoman.errors import InvalidFile
from locoman.progress import Stages
from locoman.store.atomic import mapped
from locoman.store.home import Home
from locoman.workflows.importing.complete import complete
from locoman.workflows.importing.draft import Draft, ImportOptions
from locoman.workflows.importing.locollm import REGISTRY, find_description, read_locollm, registry_folder
from locoman.workflows.importing.lora_gguf import read_lora_file
from locoman.workflows.importing.modelfile import read_modelfile_draft
from locoman.workflows.importing.ollama_model import PREFIX, read_ollama_model
from locoman.workflows.importing.peft import CONFIG, read_peft

MODELFILE = "Modelfile"
PACKAGE = "adapter.toml"
KINDS = "a package, PEFT files, a LoRA in GGUF, a Modelfile or a LocoLLM adapter"


def is_path(text: str) -> bool:
    """Whether `text` is a path or a model in Ollama, not the name of an adapter (which a folder may be called, too)."""
    path = Path(text)
    told = text.startswith(PREFIX) or any(sign in text for sign in "/\\") or path.is_file()
    return told or any((path / name).is_file() for name in (PACKAGE, CONFIG, MODELFILE))


def understand(
    text: str, options: ImportOptions, *, home: Home, shelf: Shelf, ollama_url: str, stages: Stages
) -> Source:
    """The source that `text` is, or is made into.

    Raises InvalidFile, Unsupported, Incomplete (it does not tell all that is needed), WrongBase, UnknownName,
    MissingPrerequisite.
    """
    if text.startswith(PREFIX):
        draft = read_ollama_model(ollama_url, text, stages(f"Reading {text}"))
        return complete(draft, options, home, shelf, ollama_url)
    path = Path(text).expanduser()
    found = _read_folder(path, text, options) if path.is_dir() else _read_file(path, text)
    if isinstance(found, Draft):
        return complete(found, options, home, shelf, ollama_url)
    return open_source(str(found), home.downloads)


def _read_folder(folder: Path, where: str, options: ImportOptions) -> Draft | Path:
    """What the folder holds, by its files; the most telling description first. A Path: a source as it is."""
    if (folder / PACKAGE).is_file() and _is_own(folder / PACKAGE):
        return folder
    description = find_description(folder)
    if description is not None:
        return read_locollm(folder, description, where)
    if (folder / REGISTRY).is_file():
        inner = registry_folder(folder, options.ref.name if options.ref else "", where)
        return read_locollm(inner, folder / REGISTRY, where)
    if (folder / CONFIG).is_file():
        return read_peft(folder, where)
    if (folder / MODELFILE).is_file():
        return read_modelfile_draft(folder / MODELFILE, where)
    loras = sorted(folder.glob("*.gguf"))
    if len(loras) == 1:
        return read_lora_file(loras[0], where)
    if any(folder.glob(f"*/{PACKAGE}")):
        raise InvalidFile(folder, f"it holds several packages; name one: locoman adapter add NAME --from {where}")
    raise InvalidFile(folder, f"there is no adapter in this folder, neither {KINDS}")


def _read_file(path: Path, where: str) -> Draft | Path:
    with mapped(path):
        try:
            with path.open("rb") as file:
                begins = file.read(4)
        except FileNotFoundError as error:
            raise InvalidFile(path, "there is no such file or folder") from error
    if begins == b"GGUF":
        return read_lora_file(path, where)
    if begins[:2] == b"PK" or path.suffix in (".zip", ".locoman"):
        return path
    if path.name == CONFIG or path.suffix == ".safetensors":
        return read_peft(path.parent, where)
    return read_modelfile_draft(path, where)


def _is_own(path: Path) -> bool:
    """Whether an adapter.toml is one of ours; one that cannot be read is, so that it is told with its line."""
    try:
        document = tomllib.loads(read_text(path, MAX_TOML_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError):
        return True
    return "base_model" not in document and "adapters" not in document
