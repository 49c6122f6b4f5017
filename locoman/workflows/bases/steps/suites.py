"""Step 3: all suites with the bare base, and how long the texts are in its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from locoman.catalog.shelf import Shelf
from locoman.contracts import Engine, Message, Request, Sampling
from locoman.documents import each_line
from locoman.errors import ContextExceeded, EngineError, InvalidFile, MissingPrerequisite, UnknownName
from locoman.evaluation.results import SuiteResult
from locoman.evaluation.runner import run_suite
from locoman.evaluation.selection.evidence import Lengths, Suites, SuiteScore
from locoman.evaluation.selection.lengths import lengths, needed
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import read_suite, suite_of
from locoman.names import BASE, AdapterRef, ModelName
from locoman.progress import Progress, Stages
from locoman.scoring import build_scorer
from locoman.workflows.bases.options import Options
from locoman.workflows.bases.trial import Trial

MAX_TEXTS = 500
MAX_TOKENS = 256
"""An answer to a case is cut there, where the suite sets no limit: a bare base can go on for long."""


class _Text(msgspec.Struct, frozen=True):
    """A line of a JSONL of texts; other keys are passed over."""

    text: str = ""
    question: str = ""
    answer: str = ""


def collect_suites(shelf: Shelf, options: Options) -> tuple[Suite, ...]:
    """Every adapter's own set, then the files. Raises InvalidFile, UnknownKey, StoreError."""
    packages = [package for package in shelf.packages() if package.evaluation_path.is_file()]
    found = [suite_of(package) for package in packages] + [read_suite(path) for path in options.suites]
    limited = (suite.first(options.limit) for suite in found)
    return tuple(replace(suite, max_tokens=suite.max_tokens or MAX_TOKENS) for suite in limited)


def ask_suites(trial: Trial, suites: tuple[Suite, ...], options: Options, stages: Stages) -> Suites:
    """Asks everything. A suite that this machine cannot score, or this engine not answer, is left out with the reason.

    Raises EngineError, InvalidFile (the texts), StoreError.
    """
    scores, left_out, found = [], [], []
    for suite in suites:
        try:
            result = ask_suite(trial, suite, stages)
        except (MissingPrerequisite, UnknownName) as error:
            left_out.append((suite.name, str(error)))
            continue
        scores.append(score_of(suite, result))
        tokens = [case.prompt_tokens + case.completion_tokens for case in result.results if case.prompt_tokens]
        if tokens:
            found.append(lengths(suite.name, tokens))
    if options.texts is not None:
        found.append(measure_texts(trial.engine, options.texts, stages(f"{trial.spec.ref}: lengths of your texts")))
    return Suites(tuple(scores), tuple(left_out), tuple(found), needed(found), trial.spec.spec.runtime.context)


def ask_suite(trial: Trial, suite: Suite, stages: Stages, adapter: str = "") -> SuiteResult:
    """All cases of the plain base, or of an adapter in the trial."""
    model = ModelName("adapter", AdapterRef(adapter)) if adapter else BASE
    scorer = build_scorer(suite.scorer.name, suite.scorer.options)
    title = f"{trial.spec.ref}: {suite.name}{' with its adapter' if adapter else ''}"
    return run_suite(trial.engine, model, suite, scorer, progress=stages(title))


def score_of(suite: Suite, result: SuiteResult) -> SuiteScore:
    """The result as evidence."""
    return SuiteScore(suite.name, suite.digest, result.score, result.ci95, result.scores, result.seconds)


def measure_texts(engine: Engine, path: Path, progress: Progress) -> Lengths:
    """How many tokens the texts of a file are as questions, as this base counts them. Raises InvalidFile, EngineError."""
    tokens = []
    texts = tuple(read_texts(path))
    for done, text in enumerate(texts, start=1):
        tokens.append(_count(engine, text))
        progress(done, len(texts), "texts")
    return lengths(path.name, tokens)


def read_texts(path: Path) -> Iterator[str]:
    """Up to MAX_TEXTS texts: of a .jsonl each line's "text", or "question" and "answer"; else each line that is not empty.

    Raises InvalidFile with the line, StoreError.
    """
    count = 0
    for text in _of_jsonl(path) if path.suffix == ".jsonl" else _of_lines(path):
        if count == MAX_TEXTS:
            return
        count += 1
        yield text
    if not count:
        raise InvalidFile(path, "there is no text in it")


def _of_jsonl(path: Path) -> Iterator[str]:
    for number, line in each_line(path):
        try:
            found = msgspec.json.decode(line, type=_Text)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidFile(path, f"broken JSON: {str(error)[:100]}", line=number) from error
        text = found.text or "\n".join(part for part in (found.question, found.answer) if part)
        if not text.strip():
            raise InvalidFile(path, 'neither a "text" nor a "question"', line=number)
        yield text


def _of_lines(path: Path) -> Iterator[str]:
    for number, line in each_line(path):
        try:
            yield line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise InvalidFile(path, "not UTF-8 text", line=number) from error


def _count(engine: Engine, text: str) -> int:
    """Tokens of the prompt that asks `text`; one that does not fit is told in the refusal."""
    sampling = Sampling(max_tokens=1, temperature=0.0, seed=0)
    try:
        for chunk in engine.chat(Request((Message("user", text),), BASE, sampling)):
            if chunk.usage is not None:
                return chunk.usage.prompt_tokens
    except ContextExceeded as error:
        return error.tokens
    raise EngineError("The engine does not tell how many tokens a prompt has.")
