"""SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018), as data sets hold them: context, question, answers with their texts."""

from __future__ import annotations

from pathlib import Path

from locoman.evaluation.importing.rows import Row
from locoman.evaluation.importing.shape import Imported, case_of, without_repetitions
from locoman.evaluation.suite import Prompt, ScorerChoice, Suite

KEYS = frozenset({"context", "question", "answers"})
SYSTEM = "Answer from the text with as few of its own words as possible. If it does not say, answer with nothing."


def read(name: str, path: Path, rows: list[Row]) -> Imported:
    """Scored by token F1; a question without answers is right when nothing is said."""
    cases = []
    for row in rows:
        answers = row.fields.get("answers")
        texts = answers.get("text") if isinstance(answers, dict) else answers
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise row.wrong("'answers' has no list of texts")
        asked = f"{row.text('context')}\n\nQuestion: {row.text('question')}"
        cases.append(case_of(row, question=asked, answer=(texts or [""])[0], answers=texts[1:]))
    scorer = ScorerChoice("squad")
    suite = Suite(
        name, (), prompt=Prompt(system=SYSTEM), max_tokens=64, scorer=scorer, description="In the shape of SQuAD"
    )
    return without_repetitions(suite, cases, path)
