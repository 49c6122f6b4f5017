"""Cases that also stand in the training set: an adapter that has seen them proves nothing by answering them.

Texts are compared as sequences of words and signs, in lower case, without punctuation that ends or quotes. A case stands in
a training example's question if the example has the case's whole text in it, or if at least 80 % of the case's 8-grams are
grams of that one example. A share in one example, not any gram anywhere as with large corpora (Brown et al. 2020, GPT-3,
appendix C): questions of one subject share their phrasing, and differ in what is asked.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import AdapterPackage, Case
from locoman.documents import read_numbered
from locoman.errors import InvalidFile
from locoman.evaluation.suite import Suite

GRAM = 8
SHARE = 0.8
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|\w+|[^\w\s]")
_IGNORED = frozenset(".,!?;:\"'`“”‘’«»()[]…")

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overlap:
    """A case (its place in the suite, from 0) and the line of the training set that it stands in."""

    case: int
    line: int


def tokens(text: str) -> Tokens:
    """The words, numbers and signs of a text, as they are compared."""
    return tuple(t for t in _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()) if t not in _IGNORED)


def overlaps(questions: Sequence[str], training: Iterable[tuple[int, str]]) -> list[Overlap]:
    """Every question that stands in a training question, with the first line where it does, in the order of `questions`.

    `training` pairs line numbers with questions and is read once; memory goes with the size of `questions` alone.
    """
    index = _Index(questions)
    found: dict[int, int] = {}
    for line, text in training:
        for case in index.in_text(tokens(text)):
            found.setdefault(case, line)
    return [Overlap(case, found[case]) for case in sorted(found)]


def refuse_overlap(suite: Suite, package: AdapterPackage) -> None:
    """Raises InvalidFile, with the first such line, when cases of `suite` also stand in the package's train.jsonl."""
    path = package.folder / "train.jsonl"
    if not path.is_file():
        return
    found = overlaps([case.question for case in suite.cases], _questions(path))
    if not found:
        return
    first = found[0]
    line = suite.lines[first.case] if suite.lines else None
    others = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    raise InvalidFile(
        suite.path or path,
        f"the case {suite.cases[first.case].question[:60]!r} also stands in line {first.line} of train.jsonl{others}, "
        "so that this set cannot be a gate",
        line=line,
    )


def _questions(path: Path) -> Iterable[tuple[int, str]]:
    return ((line, case.question) for line, case in read_numbered(path, Case))


class _Index:
    """The grams of the questions: 8-grams of long ones, the whole of those that have fewer than 8 tokens."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._cases: dict[Tokens, list[int]] = {}
        self._needed: list[int] = []
        self._lengths: set[int] = set()
        for case, question in enumerate(questions):
            text = tokens(question)
            size = min(GRAM, len(text))
            grams = {text[i : i + size] for i in range(len(text) - size + 1)} if text else set()
            for gram in grams:
                self._cases.setdefault(gram, []).append(case)
            self._needed.append(max(1, math.ceil(SHARE * len(grams))))
            if grams:
                self._lengths.add(size)

    def in_text(self, text: Tokens) -> list[int]:
        """The cases that stand in a text."""
        count: Counter[int] = Counter()
        for size in self._lengths:
            for gram in {text[i : i + size] for i in range(len(text) - size + 1)}:
                count.update(self._cases.get(gram, ()))
        return [case for case, grams in count.items() if grams >= self._needed[case]]
