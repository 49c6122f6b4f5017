"""Reads suites: a TOML beside a JSONL, or an adapter's eval.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from locoman.catalog.manifest import AdapterPackage, Case, EvaluationCase, Option
from locoman.documents import parse_toml, read_numbered, read_text
from locoman.errors import InvalidFile, LocomanError
from locoman.evaluation.suite import QUESTION, VOTE_TEMPERATURE, Kind, Prompt, ScorerChoice, Suite, SuiteGate
from locoman.names import check_name, nearest
from locoman.scoring import check_scorer, needs_of

MAX_CASES = 100_000
MAX_TOML_BYTES = 1 << 20


class _Prompt(Struct, frozen=True, forbid_unknown_fields=True):
    """[prompt]; `examples` is a JSONL of question and answer beside the TOML, of which the first `shots` are shown (0: all)."""

    system: Annotated[str, Meta(max_length=8000)] = ""
    template: Annotated[str, Meta(max_length=32_000)] = QUESTION
    repeat_question: bool = False
    examples: str = ""
    shots: Annotated[int, Meta(ge=0, le=100)] = 0
    examples_as: Literal["turns", "text"] = "turns"
    separator: Annotated[str, Meta(max_length=200)] = "\n\n"
    delimiter: Annotated[str, Meta(max_length=200)] = " "


class _Sampling(Struct, frozen=True, forbid_unknown_fields=True):
    stop: tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...] = ()
    max_tokens: Annotated[int, Meta(ge=1, le=1 << 20)] | None = None
    temperature: Annotated[float, Meta(gt=0, le=2)] = VOTE_TEMPERATURE


class _Scorer(Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "exact"
    options: dict[str, Option] = field(default_factory=dict)


class _Gate(Struct, frozen=True, forbid_unknown_fields=True):
    minimum_cases: Annotated[int, Meta(ge=0)] = 50
    minimum_score: Annotated[float, Meta(ge=0, le=1)] = 0.0
    minimum_gain: Annotated[float, Meta(ge=0, le=1)] = 0.0


class _SuiteFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The TOML. `cases` is the JSONL's name; default: the TOML's own with .jsonl."""

    format: Literal[1]
    name: str = ""
    description: Annotated[str, Meta(max_length=2000)] = ""
    cases: str = ""
    kind: Kind = "generate"
    prompt: _Prompt = field(default_factory=_Prompt)
    sampling: _Sampling = field(default_factory=_Sampling)
    scorer: _Scorer = field(default_factory=_Scorer)
    gate: _Gate = field(default_factory=_Gate)


def read_suite(path: Path) -> Suite:
    """The suite of a TOML file. Raises InvalidFile and UnknownKey with file and line, StoreError."""
    text = read_text(path, MAX_TOML_BYTES)
    file = parse_toml(text, path, _SuiteFile)
    name = file.name or path.stem
    try:
        check_name(name, "a suite")
    except LocomanError as error:
        raise InvalidFile(path, str(error).rstrip("."), line=_line_of(text, "name")) from error
    _check_template(file.prompt.template, path, _line_of(text, "template"))
    scorer = ScorerChoice("choice") if file.kind == "choice" else ScorerChoice(file.scorer.name, file.scorer.options)
    try:
        check_scorer(scorer.name, scorer.options)
    except LocomanError as error:
        raise InvalidFile(path, str(error).rstrip("."), line=_line_of(text, "[scorer]")) from error
    data = _beside(path, file.cases or f"{path.stem}.jsonl")
    lines, cases = read_cases(data, file.kind)
    _check_needs(scorer, data, lines, cases)
    prompt = Prompt(
        file.prompt.system,
        file.prompt.template,
        file.prompt.repeat_question,
        _examples(path, file.prompt, cases),
        file.prompt.examples_as,
        file.prompt.separator,
        file.prompt.delimiter,
    )
    return Suite(
        name=name,
        cases=cases,
        kind=file.kind,
        prompt=prompt,
        stop=file.sampling.stop,
        max_tokens=file.sampling.max_tokens,
        temperature=file.sampling.temperature,
        scorer=scorer,
        gate=SuiteGate(file.gate.minimum_cases, file.gate.minimum_score, file.gate.minimum_gain),
        description=file.description,
        path=data,
        lines=lines,
    )


def suite_of(package: AdapterPackage) -> Suite:
    """An adapter's own evaluation set, with its gate. What the package puts around a question the engine does itself.

    Raises InvalidFile with file and line; for fewer cases than the gate asks for, too.
    """
    manifest, path = package.manifest, package.evaluation_path
    lines, cases = read_cases(path, "generate")
    gate = manifest.gate
    scorer = ScorerChoice(gate.scorer, gate.options)
    try:
        check_scorer(scorer.name, scorer.options)
    except LocomanError as error:
        raise InvalidFile(package.folder / "adapter.toml", str(error).rstrip(".")) from error
    _check_needs(scorer, path, lines, cases)
    if len(cases) < gate.minimum_cases:
        raise InvalidFile(path, f"{len(cases)} cases, and the gate asks for {gate.minimum_cases}")
    return Suite(
        name=manifest.name,
        cases=cases,
        scorer=scorer,
        gate=SuiteGate(gate.minimum_cases, gate.minimum_score, gate.minimum_gain),
        description=manifest.description,
        path=path,
        lines=lines,
    )


def read_cases(path: Path, kind: Kind) -> tuple[tuple[int, ...], tuple[EvaluationCase, ...]]:
    """The lines (numbers from 1) and cases of a JSONL.

    Raises InvalidFile with the line: none or too many, a field missing, a case that stands there twice, an answer that is
    none of the choices where a choice is asked for.
    """
    lines, cases = [], []
    seen: dict[str, int] = {}
    for line, case in read_numbered(path, EvaluationCase):
        asked = " ".join((case.question, *case.choices, case.tests, case.rubric)).split()
        key = " ".join(asked).casefold()
        if key in seen:
            raise InvalidFile(path, f"the same case as in line {seen[key]}", line=line)
        if kind == "choice":
            _check_choices(case, path, line)
        seen[key] = line
        lines.append(line)
        cases.append(case)
        if len(cases) > MAX_CASES:
            raise InvalidFile(path, f"more than {MAX_CASES:,} cases")
    if not cases:
        raise InvalidFile(path, "there is no case in it")
    return tuple(lines), tuple(cases)


def _check_needs(scorer: ScorerChoice, path: Path, lines: Sequence[int], cases: Sequence[EvaluationCase]) -> None:
    """Raises InvalidFile for a case without what its scorer works with."""
    for need in needs_of(scorer.name, scorer.options):
        for line, case in zip(lines, cases, strict=True):
            if not any(part.strip() for part in getattr(case, need)):
                what = "an answer" if need == "accepted" else need
                raise InvalidFile(path, f"the scorer {scorer.name} needs {what}, and this case has none", line=line)


def _check_choices(case: EvaluationCase, path: Path, line: int) -> None:
    if len(case.choices) < 2:
        raise InvalidFile(path, 'a case of kind "choice" needs at least two choices', line=line)
    if len(set(case.choices)) != len(case.choices):
        raise InvalidFile(path, "a choice stands there twice", line=line)
    if not set(case.accepted) <= set(case.choices):
        raise InvalidFile(path, f"the answer {case.answer!r} is none of the choices", line=line)


def _check_template(template: str, path: Path, line: int | None) -> None:
    if QUESTION in template:
        return
    words = [part.partition("}")[0] for part in template.split("{")[1:] if "}" in part]
    close = next((word for word in words if nearest(word, ["question"])), None)
    hint = f"; {{{close}}} is not known" if close else ""
    raise InvalidFile(path, f"the template drops the question: it needs {QUESTION}{hint}", line=line)


def _examples(path: Path, prompt: _Prompt, cases: Sequence[EvaluationCase]) -> tuple[tuple[str, str], ...]:
    """Raises InvalidFile where there are too few, or one of them is a case of the suite."""
    if not prompt.examples:
        if prompt.shots:
            raise InvalidFile(path, "[prompt] has shots and no examples to take them from")
        return ()
    file = _beside(path, prompt.examples)
    found = list(read_numbered(file, Case))
    wanted = prompt.shots or len(found)
    if len(found) < wanted or not found:
        raise InvalidFile(file, f"{len(found)} examples, and {max(1, wanted)} are asked for")
    asked = {case.question for case in cases}
    for line, example in found[:wanted]:
        if example.question in asked:
            raise InvalidFile(file, "the example is also a case of the suite", line=line)
    return tuple((example.question, example.answer) for _, example in found[:wanted])


def _beside(path: Path, name: str) -> Path:
    """The file `name` of the folder of `path`. Raises InvalidFile when it is outside."""
    beside = path.parent / name
    if not beside.resolve().is_relative_to(path.parent.resolve()):
        raise InvalidFile(path, f"{name!r} leaves the folder of the suite")
    return beside


def _line_of(text: str, key: str) -> int | None:
    lines = (n for n, line in enumerate(text.splitlines(), start=1) if line.split("=")[0].strip() == key)
    return next(lines, None)
