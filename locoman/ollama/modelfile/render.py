"""Writes Modelfiles that Ollama reads back as the same value, and refuses by name what no Modelfile can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from locoman.errors import Unwritable
from locoman.ollama.modelfile.parse import QuotedText, printed
from locoman.ollama.modelfile.value import KNOWN, ROLES, Instruction, Modelfile

_NAME = re.compile(r"[A-Z]+")
_KEY = re.compile(r"[A-Za-z0-9_]*")
_NEWLINE = re.compile(r"([\r\n])")
_TAKEN = {"model", "message", *(name.lower() for name in KNOWN if name not in ("FROM", "PARAMETER"))}


def render_modelfile(modelfile: Modelfile, comments: Sequence[str] = ()) -> str:
    """The text, with `comments` (single lines) at its head.

    Ollama's own writer (the Modelfile of /api/show) loses values that begin with a quote; this one does not.
    Raises Unwritable for what cannot be said: characters that Ollama drops, a text in which both kinds of quotes would end
    too early, a name that is none.
    """
    lines = [f"# {comment}".rstrip() for comment in comments]
    if any(len(line.splitlines()) > 1 for line in lines):
        raise ValueError("a comment of several lines")
    return "".join(f"{line}\n" for line in [*lines, *map(_render, modelfile.instructions)])


def _render(instruction: Instruction) -> str:
    name, key = instruction.name, instruction.key
    if not _NAME.fullmatch(name):
        raise Unwritable(name[:40], "the name of an instruction is made of letters")
    if name == "PARAMETER":
        if not _KEY.fullmatch(key) or key in _TAKEN:
            raise Unwritable(f"PARAMETER {key[:40]}", "no parameter can be called so")
        return f"{name} {key} {quote(instruction.value, f'PARAMETER {key}')}"
    if name == "MESSAGE":
        if key not in ROLES:
            raise Unwritable(f"MESSAGE {key[:40]}", f"messages come from {', '.join(ROLES)}")
        return f"{name} {key} {quote(instruction.value, f'MESSAGE {key}')}"
    if key:
        raise Unwritable(name, "only PARAMETER and MESSAGE have a key")
    return f"{name} {quote(instruction.value, name)}"


def quote(value: str, what: str) -> str:
    """`value` as it stands behind its instruction, which errors call `what`. Raises Unwritable."""
    lost = next((c for line in _NEWLINE.split(value)[::2] for c in line if not printed(c)), None)
    if lost is not None:
        raise Unwritable(what, f"Ollama would drop the character U+{ord(lost):04X}")
    for text in _forms(value):
        if _reads_back(text, value):
            return text
    raise Unwritable(what, "a line of its text ends with quotes, which Ollama would take for the end")


def _forms(value: str) -> Iterator[str]:
    if value:
        yield value
    simple, triple = f'"{value}"', f'"""{value}"""'
    yield from (triple, simple) if "\n" in value or '"' in value else (simple, triple)


def _reads_back(text: str, value: str) -> bool:
    """Whether the parser, given `text` and the end of the line, finds `value` and nothing left over."""
    read = QuotedText()
    *ended, last = _NEWLINE.split(text)
    for line, newline in zip(ended[::2], ended[1::2], strict=True):
        read.add(line)
        if read.closed:
            return False
        read.add(newline)
    read.add(last)
    return read.closed and read.text() == value
