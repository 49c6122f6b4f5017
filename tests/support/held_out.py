"""Questions that the router never learns from: tests/routing/data/held_out.jsonl, lines of {"text", "adapter"}.

Ten for each shipped adapter and twenty with null, written by somebody who saw only the adapters' descriptions.
`python tests/support/held_out.py [ENCODER_FOLDER]` (with the repository and tests on PYTHONPATH) prints what the first run is
to report: the share that goes where it belongs, with words alone and with the encoder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.documents import read_jsonl
from locoman.evaluation.statistics import wilson
from locoman.routing.cascade import Router
from locoman.routing.encoder.bge import open_encoder
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import fit_router
from locoman.routing.models import Encoder
from locoman.workflows.router.lessons import examples_of
from locoman.workflows.router.vectors import Remembering

PATH = Path(__file__).parents[1] / "routing" / "data" / "held_out.jsonl"
ADAPTERS = ("arithmetic", "code", "dates", "math-reasoning", "units", "words", "writing")


class Question(msgspec.Struct, frozen=True):
    """A question and whose it is; None: nobody's."""

    text: str
    adapter: str | None


@dataclass(frozen=True)
class Outcome:
    """How many of the questions go where they belong, and which do not: (question, whose, who got it)."""

    right: int
    asked: int
    wrong: tuple[tuple[str, str | None, str | None], ...]


def questions() -> tuple[Question, ...]:
    """All of them."""
    return tuple(read_jsonl(PATH, Question))


def packages(names: Sequence[str] = ADAPTERS) -> list[AdapterExamples]:
    """What these shipped packages say of themselves."""
    return [examples_of(read_package(shipped("adapters") / name)) for name in names]


def run(asked: Sequence[Question], encoder: Encoder | None) -> Outcome:
    """Fits to the seven shipped packages and routes the questions."""
    router = Router.of(fit_router(packages(), everyday_questions(), encoder=encoder), encoder)
    got = [(question.text, question.adapter, router.decide(question.text).adapter) for question in asked]
    wrong = tuple(row for row in got if row[1] != row[2])
    return Outcome(len(got) - len(wrong), len(got), wrong)


def main() -> None:
    """Prints both outcomes."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    encoders: dict[str, Encoder | None] = {"words alone": None}
    if folder is not None:
        encoders["with the encoder"] = Remembering(open_encoder(folder), None)
    for name, encoder in encoders.items():
        outcome = run(questions(), encoder)
        low, high = wilson(outcome.right, outcome.asked)
        print(f"{name}: {outcome.right} of {outcome.asked} ({low:.1%} to {high:.1%})")
        for text, own, found in outcome.wrong:
            print(f"  {own or '(nobody)'} -> {found or 'base'}: {text}")


if __name__ == "__main__":
    main()
