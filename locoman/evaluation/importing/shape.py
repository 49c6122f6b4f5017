"""What a reader of another's suite hands on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from locoman.catalog.manifest import EvaluationCase
from locoman.errors import InvalidFile
from locoman.evaluation.importing.rows import Row
from locoman.evaluation.suite import Suite


@dataclass(frozen=True, slots=True)
class Imported:
    """A suite, and what of the original is not taken over or was left open, in sentences."""

    suite: Suite
    notes: tuple[str, ...] = ()


def case_of(row: Row, **fields: object) -> EvaluationCase:
    """A case. Raises InvalidFile with the line where it cannot be one."""
    import msgspec

    try:
        return msgspec.convert(fields, EvaluationCase)
    except msgspec.ValidationError as error:
        raise row.wrong(str(error)[:1].lower() + str(error)[1:]) from error


def without_repetitions(suite: Suite, cases: Iterable[EvaluationCase], path: Path) -> Imported:
    """`suite` with `cases`, each once. Raises InvalidFile when none is left."""
    all_cases = list(cases)
    unique: dict[object, EvaluationCase] = {}
    for case in all_cases:
        key = " ".join(" ".join((case.question, *case.choices, case.tests, case.rubric)).split()).casefold()
        unique.setdefault(key, case)
    if not unique:
        raise InvalidFile(path, "there is no case in it")
    dropped = len(all_cases) - len(unique)
    notes = (f"{dropped} of {len(all_cases)} cases stand there more than once and are taken once.",) if dropped else ()
    return Imported(replace(suite, cases=tuple(unique.values())), notes)
