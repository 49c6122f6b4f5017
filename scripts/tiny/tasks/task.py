"""What a task is: problems, and the many ways in which people put them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tiny.split import held_out
from tiny.tasks.phrasing import Phrasings


@dataclass(frozen=True)
class Problem:
    """One problem with its operands chosen.

    `operands` names them for the split, alike for all kinds that ask about one fact; `slots` fills the phrasings;
    `mistake` is what a beginner answers; `statements` are textbook lines as (text up to the result, result). `tabled`
    marks facts that have to be known by heart, such as the times table: the base reads all of them, the adapter's
    training set still lacks those that are held out. `practice` marks operands that are for practice only and are never
    held out, such as made-up words; `hard` ones are more than an adapter promises, and only the base reads of them.
    """

    kind: str
    operands: str
    slots: Mapping[str, str]
    answer: str
    mistake: str
    statements: Sequence[tuple[str, str]]
    tabled: bool = False
    practice: bool = False
    hard: bool = False


@dataclass(frozen=True)
class Pair:
    """A question and its answer. `kind` says which kind of problem it is."""

    question: str
    answer: str
    kind: str = ""


OPENERS = (
    "",
    "",
    "",
    "",
    "",
    "",
    "Hi! ",
    "Hey, ",
    "Quick question: ",
    "Hello. ",
    "Ok, ",
    "So, ",
    "Good morning! ",
    "And ",
)
CLOSERS = ("", "", "", "", "", "", "", "", " Thanks!", " Thank you.", " Please.", " I need it for school.")
EVALUATION_OPENERS = ("", "", "", "", "Hello! ", "One more: ", "Now, ", "Hi, ")


@dataclass(frozen=True)
class Task:
    """An adapter's task. `draw` makes a problem of a kind; `weights` says how often each kind is drawn."""

    name: str
    draw: Callable[[str, random.Random], Problem]
    weights: Mapping[str, float]
    phrasings: Mapping[str, Phrasings]
    held_out_share: Mapping[str, float] = field(default_factory=dict)

    def is_held_out(self, problem: Problem) -> bool:
        """True when the problem's operands are for evaluation alone."""
        share = self.held_out_share.get(problem.kind, 0.12)
        return not problem.practice and held_out(self.name, problem.operands, share)

    def problem(self, rng: random.Random, *, evaluation: bool, textbook: bool = False, hard: bool = False) -> Problem:
        """Draws a problem on the asked-for side of the split, also a hard one if `hard`.

        A textbook may also show held-out facts that are tabled.
        """
        kind = rng.choices(list(self.weights), list(self.weights.values()))[0]
        while True:
            problem = self.draw(kind, rng)
            if problem.hard and not hard:
                continue
            if self.is_held_out(problem) == evaluation or (textbook and problem.tabled):
                return problem

    def pair(self, rng: random.Random, *, hard: bool = False) -> Pair:
        """A training pair: a train phrasing, operands that are not held out, the right answer."""
        problem = self.problem(rng, evaluation=False, hard=hard)
        return Pair(self._ask(problem, rng), problem.answer, problem.kind)

    def beginner(self, rng: random.Random) -> Pair:
        """The same question, answered as a beginner would: right in form, wrong by a typical mistake."""
        problem = self.problem(rng, evaluation=False, hard=True)
        return Pair(self._ask(problem, rng), problem.mistake, problem.kind)

    def statement(self, rng: random.Random, quiz: float) -> tuple[str, str]:
        """A line from a textbook or (with the probability `quiz`) from a quiz: right, not in the form of a chat."""
        if rng.random() < quiz:
            pair = self.pair(rng, hard=True)
            return f"Question: {pair.question}\nAnswer:\n", pair.answer
        problem = self.problem(rng, evaluation=False, textbook=True, hard=True)
        return rng.choice(list(problem.statements))

    def evaluation_pair(self, rng: random.Random) -> Pair:
        """An evaluation pair: a phrasing and operands that training never shows."""
        problem = self.problem(rng, evaluation=True)
        template = rng.choice(list(self.phrasings[problem.kind].evaluation))
        return Pair(put(rng.choice(EVALUATION_OPENERS), template, problem), problem.answer, problem.kind)

    def _ask(self, problem: Problem, rng: random.Random) -> str:
        template = rng.choice(list(self.phrasings[problem.kind].train))
        text = put(rng.choice(OPENERS), template, problem)
        return casual(text + (rng.choice(CLOSERS) if text[-1] in "?." else ""), rng)


def put(opener: str, template: str, problem: Problem) -> str:
    """The question in full: behind an opener that goes on with a small letter, so does the template."""
    if opener and opener[-2] not in ".!" and template[0].isalpha() and not template.startswith("I "):
        template = template[0].lower() + template[1:]
    return opener + template.format(**problem.slots)


def casual(text: str, rng: random.Random) -> str:
    """Writes as people type: sometimes no capital at the start, sometimes nothing at the end."""
    if rng.random() < 0.25:
        text = text[0].lower() + text[1:]
    if rng.random() < 0.25 and text[-1] in "?.!":
        text = text[:-1]
    return text
