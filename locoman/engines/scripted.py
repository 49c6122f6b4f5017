"""Answers from a file: a real engine for tests and demos that need no model.

Each line of the file is a JSON object: "answer", and either "question" (the exact text) or "match" (a regular
expression searched in the question, case ignored); with "model" it holds only for that model. The first line that fits
answers. Asked for
"auto", a line with an adapter's name as its model answers as that adapter.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from locoman.contracts import Chunk, Request, Residency, Served, Timing, Usage
from locoman.documents import read_jsonl
from locoman.engines.choosing import check_options
from locoman.errors import InvalidFile, RequestRefused

_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


class _Line(msgspec.Struct, frozen=True):
    answer: str
    question: str | None = None
    match: str | None = None
    model: str | None = None


class ScriptedEngine:
    """Implements contracts.Engine. Raises InvalidFile for a file that cannot be a script."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = tuple(read_jsonl(path, _Line))
        self._patterns: dict[str, re.Pattern[str]] = {}
        for number, line in enumerate(self._lines, start=1):
            if (line.question is None) == (line.match is None):
                raise InvalidFile(path, f"entry {number} must have either a question or a match")
            if line.match is not None:
                try:
                    self._patterns[line.match] = re.compile(line.match, re.IGNORECASE)
                except (re.error, RecursionError, OverflowError) as error:
                    raise InvalidFile(path, f"the match of entry {number} is no regular expression: {error}") from error

    def chat(self, request: Request) -> Iterator[Chunk]:
        """Streams the answer word by word. Raises RequestRefused when the script has none."""
        begun = time.perf_counter()
        question, model = request.messages[-1].content, str(request.model)
        line = next((line for line in self._lines if self._fits(line, question, model)), None)
        if line is None:
            raise RequestRefused(404, f"{self._path.name} has no answer to {question[:80]!r}.")
        name = line.model or model
        adapter = None if name in ("auto", "base") else name
        yield Chunk(served=Served(adapter, "script", "scripted", 1.0, "script"))
        words = _WORD.findall(line.answer)
        first = (time.perf_counter() - begun) * 1000.0
        for word in words:
            yield Chunk(text=word)
        total = (time.perf_counter() - begun) * 1000.0
        usage = Usage(prompt_tokens=len(question.split()), completion_tokens=len(words))
        yield Chunk(finish="stop", timing=Timing(ttft_ms=first, total_ms=total), usage=usage)

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        """All for the longest option that the scripted answer begins with; nothing for any if there is none."""
        check_options(options)
        answer = "".join(chunk.text for chunk in self.chat(request)).strip()
        meant = max((option for option in options if answer.startswith(option)), key=len, default=None)
        return tuple(float(option == meant) for option in options)

    def resident(self) -> Residency | None:
        """Nothing is ever in memory."""
        return None

    def _fits(self, line: _Line, question: str, model: str) -> bool:
        if line.model is not None and model not in (line.model, "auto"):
            return False
        if line.match is not None:
            return self._patterns[line.match].search(question) is not None
        return line.question == question
