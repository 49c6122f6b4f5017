"""Criticises the data of a package: train.jsonl, the evaluation set, routing.jsonl."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from locoman.catalog.manifest import AdapterPackage, Case, EvaluationCase, RoutingLine
from locoman.documents import read_each
from locoman.errors import InvalidFile, LocomanError, MissingPrerequisite
from locoman.evaluation.overlap import overlaps
from locoman.scoring import build_scorer
from locoman.workflows.authoring.finding import Findings

TODO = "TODO:"
"""What a template's text begins with until somebody writes the real one."""
TRAINING, ROUTING = "train.jsonl", "routing.jsonl"
LEAST_TRAINED, FEW_TRAINED = 50, 500
LEAST_CASES = 50
LEAST_MINE, LEAST_OTHERS = 20, 10

T = TypeVar("T")


def check_data(package: AdapterPackage, findings: Findings) -> None:
    """All three files, and what of the evaluation set also stands in the training set."""
    training = _training(package, findings)
    cases = _evaluation(package, findings)
    _routing(package, findings)
    found = overlaps([case.question for _, case in cases], ((line, case.question) for line, case in training))
    told = f"also stands in line {{}} of {TRAINING}, so that the set cannot be a gate"
    findings.lines("error", package.manifest.gate.suite, [(cases[o.case][0], told.format(o.line)) for o in found])


def _training(package: AdapterPackage, findings: Findings) -> list[tuple[int, Case]]:
    prompt_only = package.manifest.kind == "prompt"
    path = package.folder / TRAINING
    if prompt_only and not path.exists():
        return []
    cases = _lines(path, Case, findings)
    if cases is None:
        return []
    _todo(TRAINING, ((line, case.question) for line, case in cases), findings)
    findings.lines("error", TRAINING, [(n, "the answer is empty") for n, c in cases if not c.answer.strip()])
    findings.lines("error", TRAINING, [(n, "the question is empty") for n, c in cases if not c.question.strip()])
    _repeated(TRAINING, cases, findings)
    if len(cases) < LEAST_TRAINED and not prompt_only:
        findings.error(TRAINING, f"{len(cases)} examples; less than {LEAST_TRAINED} teach nothing that lasts")
    elif len(cases) < FEW_TRAINED and not prompt_only:
        findings.warning(TRAINING, f"{len(cases)} examples are few; {FEW_TRAINED} and more is usual")
    return cases


def _repeated(file: str, cases: list[tuple[int, Case]], findings: Findings) -> None:
    """Questions that come again: with another answer they teach against each other."""
    seen: dict[str, tuple[int, Case]] = {}
    again, against = [], []
    for line, case in cases:
        first, other = seen.setdefault(_plain(case.question), (line, case))
        if first == line:
            continue
        if set(case.accepted) & set(other.accepted):
            again.append((line, f"the same question as in line {first}"))
        else:
            against.append((line, f"the same question as in line {first}, with another answer"))
    findings.lines("error", file, against)
    findings.lines("warning", file, again)


def _evaluation(package: AdapterPackage, findings: Findings) -> list[tuple[int, EvaluationCase]]:
    gate = package.manifest.gate
    try:
        path = package.evaluation_path
    except InvalidFile as error:
        findings.error("adapter.toml", error.detail)
        return []
    cases = _lines(path, EvaluationCase, findings)
    if cases is None:
        return []
    _todo(gate.suite, ((line, case.question) for line, case in cases), findings)
    seen: dict[str, int] = {}
    again = []
    for line, case in cases:
        first = seen.setdefault(_plain(" ".join((case.question, *case.choices, case.tests, case.rubric))), line)
        if first != line:
            again.append((line, f"the same case as in line {first}"))
    findings.lines("error", gate.suite, again)
    if len(cases) < max(gate.minimum_cases, LEAST_CASES):
        asked = gate.minimum_cases if gate.minimum_cases > LEAST_CASES else LEAST_CASES
        findings.error(gate.suite, f"{len(cases)} cases; at least {asked} are needed to tell luck from learning")
    if gate.minimum_cases < LEAST_CASES:
        findings.error(
            "adapter.toml", f"[gate] minimum_cases is {gate.minimum_cases}; at least {LEAST_CASES} are asked for"
        )
    if gate.minimum_score == 0.0 and gate.minimum_gain == 0.0:
        findings.warning("adapter.toml", "[gate] asks for no score and no gain; any answer would pass")
    _scorer(package, cases, findings)
    return cases


def _scorer(package: AdapterPackage, cases: list[tuple[int, EvaluationCase]], findings: Findings) -> None:
    """Whether the gate's scorer is known, and gives each case's own answer the full score."""
    gate = package.manifest.gate
    try:
        scorer = build_scorer(gate.scorer, gate.options)
        wrong = [
            (line, f"its own answer {case.answer[:40]!r} would not count as right by {gate.scorer}")
            for line, case in cases
            if case.answer and not case.tests and scorer.score(case.answer, case.target).value < 1.0
        ]
    except MissingPrerequisite as error:  # a judge, a sandbox: only an evaluation has them
        findings.warning("adapter.toml", f"[gate] not tried: {str(error).rstrip('.')}")
        return
    except LocomanError as error:
        findings.error("adapter.toml", f"[gate] {str(error).rstrip('.')}")
        return
    findings.lines("error", gate.suite, wrong)


def _routing(package: AdapterPackage, findings: Findings) -> None:
    lines = _lines(package.folder / ROUTING, RoutingLine, findings)
    if lines is None:
        return
    _todo(ROUTING, ((number, line.text) for number, line in lines), findings)
    seen: dict[str, tuple[int, bool]] = {}
    again: list[tuple[int, str]] = []
    against: list[tuple[int, str]] = []
    for number, line in lines:
        first, same = seen.setdefault(_plain(line.text), (number, line.mine))
        if first != number:
            (again if same == line.mine else against).append((number, f"the same text as in line {first}"))
    findings.lines("error", ROUTING, [(n, f"{sentence}, which says the opposite") for n, sentence in against])
    findings.lines("warning", ROUTING, again)
    mine = sum(line.mine for _, line in lines)
    if mine < LEAST_MINE:
        findings.error(ROUTING, f"{mine} questions that are its own; the router needs at least {LEAST_MINE}")
    if len(lines) - mine < LEAST_OTHERS:
        findings.error(
            ROUTING,
            f"{len(lines) - mine} questions that only look like its own; the router needs at least {LEAST_OTHERS}",
        )


def _lines(path: Path, kind: type[T], findings: Findings) -> list[tuple[int, T]] | None:
    """The lines that can be read, the others are told; None where there is no such file."""
    if not path.is_file():
        findings.error(path.name, "the file is missing")
        return None
    good: list[tuple[int, T]] = []
    broken = []
    try:
        for number, value in read_each(path, kind):
            if isinstance(value, InvalidFile):
                broken.append((number, value.detail))
            else:
                good.append((number, value))
    except InvalidFile as error:
        findings.error(path.name, error.detail, error.line)
    findings.lines("error", path.name, broken)
    return good


def _todo(file: str, lines: Iterable[tuple[int, str]], findings: Findings) -> None:
    told = "still the template's text; put a real line in its place"
    findings.lines("error", file, [(number, told) for number, text in lines if text.startswith(TODO)])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
