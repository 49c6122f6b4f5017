"""GSM8K (Cobbe et al. 2021): a word problem, and a solution that ends with "#### 42"."""

from __future__ import annotations

from pathlib import Path

from locoman.evaluation.importing.rows import Row
from locoman.evaluation.importing.shape import Imported, case_of, without_repetitions
from locoman.evaluation.suite import ScorerChoice, Suite

KEYS = frozenset({"question", "answer"})
MARK = "####"


def read(name: str, path: Path, rows: list[Row]) -> Imported:
    """The last number of an answer counts. Raises InvalidFile for a solution without the mark."""
    cases = []
    for row in rows:
        solution = row.text("answer")
        if MARK not in solution:
            raise row.wrong(f"the answer has no {MARK!r} before its result")
        cases.append(case_of(row, question=row.text("question"), answer=solution.rpartition(MARK)[2].strip()))
    suite = Suite(name, (), max_tokens=512, scorer=ScorerChoice("numeric"), description="In the shape of GSM8K")
    return without_repetitions(suite, cases, path)
