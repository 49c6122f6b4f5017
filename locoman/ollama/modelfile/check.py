"""Says what is wrong with a Modelfile before Ollama does, or where Ollama would say nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.errors import InvalidFile, InvalidName
from locoman.names import nearest
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.modelfile.check_files import File, look_at, named_file, place
from locoman.ollama.modelfile.parameters import is_deprecated, parameter_problem
from locoman.ollama.modelfile.parse import dropped_characters, parse_modelfile
from locoman.ollama.modelfile.value import KNOWN, Instruction, Modelfile
from locoman.ollama.tag import OllamaTag
from locoman.ollama.template_family import template_families

_VERSION = re.compile(r"v?\d{1,6}(\.\d{1,6}(\.\d{1,6}([-+][0-9A-Za-z.+-]+)?)?)?")
_SINGLE = ("ADAPTER", "DRAFT", "TEMPLATE", "SYSTEM", "RENDERER", "PARSER", "REQUIRES")
_ASKS = re.compile(r"\.(Messages|Prompt)\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found: a "problem" (the model cannot be made, or not as written) or a "warning"; line 0: the whole."""

    kind: Literal["problem", "warning"]
    line: int
    text: str


def check_modelfile(text: str, path: Path, capabilities: Capabilities | None = None) -> tuple[Finding, ...]:
    """What is wrong, by line. Files are looked for beside `path`; `capabilities` are those of the Ollama that is to make it."""
    try:
        modelfile = parse_modelfile(text, path)
    except InvalidFile as error:
        return (Finding("problem", error.line or 0, error.detail),)
    findings = [
        *_dropped(text),
        *_repeated(modelfile),
        *_unknown(modelfile),
        *_parameters(modelfile),
        *_requires(modelfile),
        *_weights(modelfile, path.parent, capabilities),
        *_template(modelfile),
    ]
    return tuple(sorted(findings, key=lambda finding: finding.line))


def _dropped(text: str) -> Iterator[Finding]:
    for found in dropped_characters(text):
        code = f"U+{ord(found.character):04X}"
        yield Finding(
            "warning", found.line, f"Ollama drops the character {code}, and every other that it does not print"
        )


def _repeated(modelfile: Modelfile) -> Iterator[Finding]:
    for name in _SINGLE:
        for instruction in modelfile.all(name)[:-1]:
            kind: Literal["problem", "warning"] = "problem" if name == "ADAPTER" else "warning"
            yield Finding(kind, instruction.line, f"of several {name} Ollama takes the last alone, and does not say so")


def _unknown(modelfile: Modelfile) -> Iterator[Finding]:
    for instruction in modelfile.unknown:
        close = nearest(instruction.name, [name.lower() for name in KNOWN])
        hint = f"; did you mean {close[0].upper()}?" if close else ""
        yield Finding("problem", instruction.line, f"Ollama 0.33 knows no instruction {instruction.name[:40]}{hint}")


def _parameters(modelfile: Modelfile) -> Iterator[Finding]:
    for instruction in modelfile.all("PARAMETER"):
        if is_deprecated(instruction.key):
            yield Finding(
                "warning", instruction.line, f"Ollama leaves the parameter {instruction.key} out: it is deprecated"
            )
        elif problem := parameter_problem(instruction.key, instruction.value):
            yield Finding("problem", instruction.line, problem)


def _requires(modelfile: Modelfile) -> Iterator[Finding]:
    for instruction in modelfile.all("REQUIRES"):
        if not _VERSION.fullmatch(instruction.value):
            yield Finding(
                "problem", instruction.line, f"REQUIRES needs a version such as 0.14.0, not {instruction.value[:40]!r}"
            )


def _weights(modelfile: Modelfile, folder: Path, capabilities: Capabilities | None) -> Iterator[Finding]:
    found: list[File] = []
    for instruction in modelfile.all("FROM"):
        path = named_file(instruction.value, folder)
        if path is None:
            yield from _model_name(instruction)
            continue
        found.append(look_at(path))
        if problem := _wrong(found[-1], "model", "mmproj"):
            yield Finding("problem", instruction.line, problem)
    models = [file for file in found if file.kind == "model"]
    for instruction in modelfile.all("DRAFT"):
        if problem := _wrong(look_at(place(instruction.value, folder)), "model"):
            yield Finding("problem", instruction.line, problem)
    architecture = models[0].architecture if models else ""
    for instruction in modelfile.all("ADAPTER"):
        yield from _adapter(instruction, look_at(place(instruction.value, folder)), architecture, capabilities)
    if models and modelfile.renderer is None:
        yield from _own_template(modelfile, models[0])


def _own_template(modelfile: Modelfile, model: File) -> Iterator[Finding]:
    """A model that is made of a file has no template but the one given and the one in the file."""
    line, given = modelfile.all("FROM")[0].line, modelfile.template
    if given is not None:
        knows_tools = any(
            word in model.chat_template for word in ("tools", "tool_call")
        )  # as Ollama's server/images.go
        if knows_tools and ".Tools" not in given and all(given != family.template for family in template_families()):
            text = "Ollama goes by the chat template in the file, not by this TEMPLATE, because that one knows tools"
            yield Finding("warning", modelfile.all("TEMPLATE")[-1].line, text)
    elif model.chat_template:
        yield Finding("warning", line, "without a TEMPLATE, an Ollama older than 0.30 guesses how prompts are written")
    else:
        text = "there is no TEMPLATE, and none in the file: questions reach the model bare, and it answers gibberish"
        yield Finding("warning", line, text)


def _model_name(instruction: Instruction) -> Iterator[Finding]:
    """What FROM says is no file here: a model's name, or a file that is missing."""
    value = instruction.value
    if value.startswith((".", "/", "~", "\\")) or value.endswith((".gguf", ".safetensors", ".bin")):
        yield Finding("problem", instruction.line, f"there is no file or folder {value[:200]}")
        return
    try:
        OllamaTag.parse(value)
    except InvalidName as error:
        yield Finding("problem", instruction.line, str(error).rstrip("."))


def _wrong(file: File, *kinds: str) -> str | None:
    if file.problem:
        return file.problem
    if file.kind not in (*kinds, "folder") and not ("mmproj" in kinds and file.architecture == "clip"):
        return f"{file.path.name} is a GGUF of the kind {file.kind[:40]!r}, not {kinds[0]!r}"
    return None


def _adapter(
    instruction: Instruction, file: File, architecture: str, capabilities: Capabilities | None
) -> Iterator[Finding]:
    if problem := _wrong(file, "adapter"):
        yield Finding("problem", instruction.line, problem)
    elif file.kind == "folder":
        yield Finding(
            "warning",
            instruction.line,
            "Ollama converts adapters of Llama and Gemma 2 alone; make a GGUF with locoman convert",
        )
    elif architecture and file.architecture != architecture:
        yield Finding(
            "problem", instruction.line, f"the adapter is for {file.architecture}, the model is {architecture}"
        )
    if capabilities is not None and capabilities.known and not capabilities.adapters_at_create:
        yield Finding(
            "problem", instruction.line, f"Ollama {capabilities.version} takes no ADAPTER any more; use locoman merge"
        )
    elif capabilities is None or not capabilities.known:
        yield Finding("warning", instruction.line, "Ollama from 0.34.1 on takes no ADAPTER; there, use locoman merge")


def _template(modelfile: Modelfile) -> Iterator[Finding]:
    for instruction in modelfile.all("TEMPLATE")[-1:]:
        text = instruction.value
        if text.count("{{") != text.count("}}"):
            yield Finding("problem", instruction.line, "the template's {{ and }} do not match")
        elif not _ASKS.search(text):
            yield Finding(
                "problem",
                instruction.line,
                "the template has neither .Messages nor .Prompt: no question would be asked",
            )
