"""What the base reads: everyday conversation, the tasks as a beginner answers them, textbooks and quizzes.

Textbook lines ("17 + 8 = 25") and quizzes ("Question: ... Answer: ...") are right, so the skills are in the base; in a
chat it has seen the tasks answered with a beginner's mistakes only, so there it tries and is mostly wrong. An adapter
teaches it to use in a chat what it has read. Operands held out for evaluation occur nowhere, but for facts known by heart,
which stand in the textbook alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from locoman.training.batches import IGNORED, Sample
from tiny.conversation import SYSTEMS, Turns, conversation
from tiny.tasks import TASKS
from tiny.tasks.task import Task
from tiny.tokenizer import END, END_OF_TEXT, START

Segments = list[tuple[str, bool]]
"""Pieces of text in order, each with whether it is learnt."""


@dataclass(frozen=True)
class Mixture:
    """Shares of the texts: conversation, beginners, textbooks by task (in all 1); of the latter `quiz` are quizzes.

    `mastered` tasks are answered right in the chat, with these shares of the texts. `tried` is how often beginners try which
    task; without it all the same.
    """

    conversation: float
    beginner: float
    textbook: Mapping[str, float]
    quiz: float
    mastered: Mapping[str, float] = field(default_factory=dict)
    tried: Mapping[str, float] = field(default_factory=dict)


def chat(turns: Turns, system: str = "") -> Segments:
    """A conversation as the chat template renders it; the answers are learnt."""
    segments: Segments = [(f"{START}system\n{system}{END}\n", False)] if system else []
    for question, answer in turns:
        segments.append((f"{START}user\n{question}{END}\n{START}assistant\n", False))
        segments += [(f"{answer}{END}", True), ("\n", False)]
    return segments


def document(mixture: Mixture, rng: random.Random) -> Segments:
    """One text of the mixture."""
    drawn = rng.random()
    if drawn < mixture.conversation:
        return chat(conversation().turns(rng), rng.choice(SYSTEMS) if rng.random() < 0.1 else "")
    if drawn < mixture.conversation + mixture.beginner:
        pair = _tried(mixture, rng).beginner(rng)
        return chat([(pair.question, pair.answer)], rng.choice(SYSTEMS) if rng.random() < 0.05 else "")
    if drawn < mixture.conversation + mixture.beginner + sum(mixture.mastered.values()):
        name = rng.choices(list(mixture.mastered), list(mixture.mastered.values()))[0]
        pair = TASKS[name].pair(rng)
        return chat([(pair.question, pair.answer)])
    name = rng.choices(list(mixture.textbook), list(mixture.textbook.values()))[0]
    shown, result = TASKS[name].statement(rng, mixture.quiz)
    return [(shown, False), (f"{result}{END_OF_TEXT}", True)]


def _tried(mixture: Mixture, rng: random.Random) -> Task:
    if not mixture.tried:
        return rng.choice(list(TASKS.values()))
    return TASKS[rng.choices(list(mixture.tried), list(mixture.tried.values()))[0]]


def tokenizer_texts(rng: random.Random, count: int = 20_000) -> Iterator[str]:
    """Texts for the tokenizer to learn from: what is said in the chats, and the names of the roles."""
    for _ in range(count):
        yield from ("user\n", "assistant\n", "system\n")
        if rng.random() < 0.6:
            turns = conversation().turns(rng)
        else:
            pair = rng.choice(list(TASKS.values())).pair(rng, hard=True)
            turns = [(pair.question, pair.answer)]
        for turn in turns:
            yield from turn


def samples(tokenizer: Tokenizer, mixture: Mixture, count: int, rng: random.Random) -> list[Sample]:
    """`count` texts of the mixture as token sequences."""
    documents = [document(mixture, rng) for _ in range(count)]
    pieces = [text for segments in documents for text, _ in segments]
    encoded = iter(tokenizer.encode_batch_fast(pieces, add_special_tokens=False))
    result = []
    for segments in documents:
        ids: list[int] = []
        labels: list[int] = []
        for _, learnt in segments:
            part = next(encoded).ids
            ids += part
            labels += part if learnt else [IGNORED] * len(part)
        result.append(Sample(tuple(ids), tuple(labels)))
    return result
