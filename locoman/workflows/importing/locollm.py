"""A LocoLLM adapter folder: described by adapter.toml or adapter.yaml in it, or by the entry of its name in registry.yaml.

The keys are those of LocoLLM's registry (michael-borck/loco-llm, adapters/registry.yaml and docs/adapter-guide.md); those
that say nothing of use here are passed over. Folders hold a PEFT adapter, or a LoRA GGUF; training/dataset.jsonl and
eval/benchmark.jsonl (or the file that eval_dataset names) have the questions.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from locoman.catalog.manifest import Case
from locoman.documents import MAX_TOML_BYTES, read_text
from locoman.errors import InvalidFile, LocomanError, UnknownName, Unsupported
from locoman.names import Version, check_name, nearest
from locoman.workflows.importing.draft import BaseClue, Draft
from locoman.workflows.importing.peft import CONFIG
from locoman.yaml_documents import read_yaml

REGISTRY = "registry.yaml"
_NAMES = ("adapter.toml", "adapter.yaml", "adapter.yml")
_MAX_QUESTIONS = 5000
_MAX_QUESTIONS_BYTES = 64 << 20
_QUESTION_FILES = ("eval/benchmark.jsonl", "eval_dataset.jsonl")
_TRAINING_FILES = ("training/dataset.jsonl",)


class _Training(msgspec.Struct, frozen=True):
    base_model: str = ""


class Entry(msgspec.Struct, frozen=True):
    """An adapter as LocoLLM describes it."""

    name: str = ""
    domain: str = ""
    version: str = ""
    type: str = ""
    base_model: str = ""
    ollama_base: str = ""
    description: str = ""
    licence: str = ""
    license: str = ""
    authors: tuple[str, ...] = ()
    router_keywords: tuple[str, ...] = ()
    system_prompt: str = ""
    gguf_path: str = ""
    eval_dataset: str = ""
    training: _Training = msgspec.field(default_factory=_Training)


class _Line(msgspec.Struct, frozen=True):
    question: str = ""
    answer: str | int | float = ""
    instruction: str = ""
    input: str = ""
    output: str = ""


def find_description(folder: Path) -> Path | None:
    """The file that describes a LocoLLM adapter's folder, if it is one."""
    for name in _NAMES:
        if (folder / name).is_file():
            return folder / name
    registry = folder.absolute().parent / REGISTRY
    return registry if registry.is_file() and folder.absolute().name in _adapters(registry) else None


def read_locollm(folder: Path, description: Path, where: str) -> Draft:
    """Raises InvalidFile, Unsupported (merged models, which hold no adapter), StoreError."""
    document = _load(description)
    name = folder.absolute().name
    if description.name == REGISTRY:
        document = _adapters(description)[name]
    elif isinstance(document.get("adapters"), dict) and len(document["adapters"]) == 1:
        name, document = next(iter(document["adapters"].items()))
    try:
        entry = msgspec.convert(document, Entry, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidFile(description, str(error)[:200].lower()) from error
    return _draft(folder, entry, entry.name or name, where, description)


def registry_folder(folder: Path, name: str, where: str) -> Path:
    """The folder of one of the adapters in a LocoLLM registry. Raises UnknownName (with those there are)."""
    known = _adapters(folder / REGISTRY)
    if name not in known or not (folder / name).is_dir():
        close = nearest(name, known) or sorted(known)[:10]
        raise UnknownName(f"adapter in {where}", name or "?", [f"{where}/{each}" for each in close])
    return folder / name


def _draft(folder: Path, entry: Entry, name: str, where: str, description: Path) -> Draft:
    base = entry.base_model or entry.ollama_base or entry.training.base_model
    training = tuple(_lines(folder, _TRAINING_FILES))
    asked = tuple(_lines(folder, ((entry.eval_dataset,) if entry.eval_dataset else ()) + _QUESTION_FILES))
    cases = [Case(line.question, str(line.answer)) for line in asked if line.question and str(line.answer)]
    trained = [Case(_question(line), line.output) for line in training if _question(line) and line.output]
    return Draft(
        "a LocoLLM adapter", where, BaseClue(base), _weights(folder, entry, description), name=_checked(name),
        version=_version(entry.version), domain=_checked(entry.domain or name), description=entry.description[:500],
        licence=(entry.licence or entry.license)[:200], authors=tuple(author[:200] for author in entry.authors[:50]),
        system=entry.system_prompt.strip()[:8000],
        keywords=tuple(word for word in entry.router_keywords[:200] if 2 <= len(word) <= 200),
        examples=tuple(dict.fromkeys(_question(line)[:4000] for line in (*training, *asked) if _question(line))),
        cases=tuple(cases), training=tuple(trained),
    )  # fmt: skip


def _weights(folder: Path, entry: Entry, description: Path) -> Path | None:
    if (folder / CONFIG).is_file():
        return folder
    found = sorted(folder.glob("*.gguf"))
    if entry.type == "merged-gguf":
        detail = "its adapter was merged into a whole model; give the PEFT folder that it was made from"
        raise Unsupported(description, detail)
    if entry.gguf_path:
        path = (folder.absolute().parent / entry.gguf_path).resolve()
        if not path.is_relative_to(folder.absolute().parent.resolve()):
            raise InvalidFile(description, f"gguf_path {entry.gguf_path[:80]!r} leaves the folder")
        found = [path]
    if found:
        return found[0]
    if entry.system_prompt.strip():
        return None
    raise InvalidFile(folder, f"there are no weights in it: neither {CONFIG} nor a GGUF, and no system_prompt")


def _question(line: _Line) -> str:
    return line.question or "\n\n".join(part for part in (line.instruction, line.input) if part)


def _lines(folder: Path, names: tuple[str, ...]) -> Iterator[_Line]:
    """The lines of the first of the files that is there; those that are no questions are passed over."""
    path = next((folder / name for name in names if name and (folder / name).is_file()), None)
    if path is None or not path.resolve().is_relative_to(folder.resolve()):
        return
    text = read_text(path, _MAX_QUESTIONS_BYTES)
    for number, line in enumerate(text.splitlines()[:_MAX_QUESTIONS], start=1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=_Line)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise InvalidFile(path, f"no question in JSON: {str(error)[:200].lower()}", line=number) from error


def _load(path: Path) -> dict[str, Any]:
    if path.suffix != ".toml":
        return read_yaml(path)
    try:
        return tomllib.loads(read_text(path, MAX_TOML_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidFile(path, f"broken TOML: {str(error)[:200].lower()}") from error


def _adapters(path: Path) -> dict[str, Any]:
    found = read_yaml(path).get("adapters")
    return found if isinstance(found, dict) else {}


def _checked(name: str) -> str:
    try:
        return check_name(name.lower().replace(" ", "-"), "an adapter")
    except LocomanError:
        return ""


def _version(text: str) -> str:
    try:
        return str(Version.parse(text))
    except LocomanError:
        return ""
