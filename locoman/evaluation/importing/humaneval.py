"""HumanEval (Chen et al. 2021): the beginning of a function, tests that call `check`, and the function's name."""

from __future__ import annotations

from pathlib import Path

from locoman.evaluation.importing.rows import Row
from locoman.evaluation.importing.shape import Imported, case_of, without_repetitions
from locoman.evaluation.suite import Prompt, ScorerChoice, Suite

KEYS = frozenset({"prompt", "test", "entry_point"})
SYSTEM = "Complete the Python function. Answer with the whole function and nothing else."


def read(name: str, path: Path, rows: list[Row]) -> Imported:
    """Scored by running the tests, which needs --allow-code. Raises InvalidFile for an entry point that is no name."""
    cases = []
    for row in rows:
        entry = row.text("entry_point")
        if not entry.isidentifier():
            raise row.wrong(f"the entry point {entry!r} is no name")
        cases.append(case_of(row, question=row.text("prompt"), tests=f"{row.text('test')}\n\ncheck({entry})\n"))
    suite = Suite(
        name,
        (),
        prompt=Prompt(system=SYSTEM),
        max_tokens=768,
        scorer=ScorerChoice("code"),
        description="In the shape of HumanEval",
    )
    return without_repetitions(suite, cases, path)
