"""The everyday conversation of the base: phrasings and answers from conversation.toml."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tiny.split import held_out
from tiny.tasks.task import casual

Turns = list[tuple[str, str]]
OPENERS = ("", "", "", "", "", "", "", "Well, ", "So, ", "Ok. ", "Please: ", "Oh, ")
SYSTEMS = ("You are a helpful assistant.", "Be brief.", "You are loco.", "Answer in one sentence.")


@dataclass(frozen=True)
class Question:
    """A question of the evaluation set and all answers that count as right, the preferred one first."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """Small talk about the person's name; {x} stands for it."""

    names: Sequence[str]
    tell: Sequence[str]
    reply: str
    ask: Sequence[str]
    recall: str
    unknown: str


@dataclass(frozen=True)
class Conversation:
    """`groups`: phrasings of one intent each with its answer, for training; facts count as one group per item."""

    talk: Sequence[tuple[Sequence[str], str]]
    facts: Sequence[tuple[Sequence[str], str]]
    names: Names
    evaluation: Sequence[Question]

    def turns(self, rng: random.Random) -> Turns:
        """One to three turns of question and answer."""
        drawn = rng.random()
        if drawn < 0.12:
            return self._named(rng)
        turns = [self._single(rng)]
        while len(turns) < 3 and rng.random() < 0.22:
            turns.append(self._single(rng))
        return turns

    def _single(self, rng: random.Random) -> tuple[str, str]:
        phrasings, answer = rng.choice(self.talk if rng.random() < 0.6 else self.facts)
        return casual(rng.choice(OPENERS) + rng.choice(list(phrasings)), rng), answer

    def _named(self, rng: random.Random) -> Turns:
        name, names = rng.choice(list(self.names.names)), self.names
        asked = casual(rng.choice(list(names.ask)), rng)
        if rng.random() < 0.15:
            return [(asked, names.unknown)]
        turns = [(casual(rng.choice(list(names.tell)).format(x=name), rng), names.reply.format(x=name))]
        if rng.random() < 0.3:
            turns.append(self._single(rng))
        if rng.random() < 0.75:
            turns.append((asked, names.recall.format(x=name)))
        return turns


@cache
def conversation() -> Conversation:
    """Reads conversation.toml and puts one phrasing in six of every fact aside for evaluation."""
    data = tomllib.loads(Path(__file__).with_name("conversation.toml").read_text(encoding="utf-8"))
    talk, facts, evaluation = [], [], []
    for entry in data["talk"]:
        talk.append((entry["ask"], entry["answer"]))
        answers = (entry["answer"], *entry.get("accept", ()))
        evaluation += [Question(question, answers) for question in entry["evaluate"]]
    for group in data["facts"]:
        for thing, answer in group["items"]:
            asked = [template.format(x=thing) for template in group["templates"]]
            asked = [text[0].upper() + text[1:] for text in asked]
            kept = [text for text in asked if not held_out("facts", text, 1 / 6)]
            facts.append((kept, answer))
            evaluation += [Question(text, (answer,)) for text in asked if text not in kept]
    return Conversation(talk, facts, Names(**data["names"]), evaluation)
