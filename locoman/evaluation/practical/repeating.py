"""Whether a base says the same thing twice at temperature 0."""

from __future__ import annotations

from locoman.contracts import Engine, Message
from locoman.evaluation.practical.asking import ask
from locoman.evaluation.practical.questions import OPEN
from locoman.evaluation.selection.evidence import Repeat
from locoman.progress import Progress

RUNS = 3
QUESTIONS = 6
ANSWER_TOKENS = 48


def repeat_answers(engine: Engine, progress: Progress) -> Repeat:
    """Asks the same questions in several rounds, as a person would: with whatever is cached. Raises EngineError."""
    questions = OPEN[:QUESTIONS]
    answers: dict[str, set[str]] = {question: set() for question in questions}
    for run in range(RUNS):
        for place, question in enumerate(questions, start=1):
            answers[question].add(ask(engine, (Message("user", question),), ANSWER_TOKENS).text)
            progress(run * len(questions) + place, RUNS * len(questions), "questions")
    return Repeat(RUNS, len(questions), tuple(question for question, given in answers.items() if len(given) > 1))
