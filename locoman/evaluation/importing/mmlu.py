"""MMLU (Hendrycks et al. 2021): a question, its choices, and the place or the letter of the right one."""

from __future__ import annotations

import string
from pathlib import Path

from locoman.evaluation.importing.rows import Row
from locoman.evaluation.importing.shape import Imported, case_of, without_repetitions
from locoman.evaluation.suite import Prompt, ScorerChoice, Suite

KEYS = frozenset({"question", "choices", "answer"})
TEMPLATE = "{question}\n{choices}\nAnswer with the letter alone."


def read(name: str, path: Path, rows: list[Row]) -> Imported:
    """Asked for the letter. Raises InvalidFile for an answer that is no choice's."""
    cases = []
    for row in rows:
        choices = row.fields.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise row.wrong("'choices' is no list of texts")
        answer = row.fields.get("answer")
        if isinstance(answer, str) and answer.strip().upper() in string.ascii_uppercase[: len(choices)]:
            answer = string.ascii_uppercase.index(answer.strip().upper()) if answer.strip() else None
        if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer < len(choices):
            raise row.wrong(f"the answer {row.fields.get('answer')!r} is neither the place nor the letter of a choice")
        cases.append(case_of(row, question=row.text("question"), answer=choices[answer], choices=choices))
    suite = Suite(
        name,
        (),
        prompt=Prompt(template=TEMPLATE),
        max_tokens=16,
        scorer=ScorerChoice("choice"),
        description="In the shape of MMLU",
    )
    return without_repetitions(suite, cases, path)
