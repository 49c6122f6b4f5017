"""The adapter packages: data sets, manifest, trained weights, README."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from locoman.catalog.manifest import AdapterPackage, Case, read_package
from locoman.catalog.recipe import Recipe
from locoman.contracts import Message
from locoman.progress import Progress
from locoman.training.course import Watch
from locoman.training.lora import Trained, train_adapter
from locoman.training.rendering import Example
from tiny.near_misses import NEAR_MISSES
from tiny.tasks import TASKS, Pair, Task
from tiny.tasks.task import casual

BASE = "loco-tiny"
TRAIN_PAIRS, EVALUATION_PAIRS, ROUTING_QUESTIONS = 8000, 200, 90
EPOCHS = {"words": 8, "arithmetic": 6, "dates": 3, "units": 3}
"""Harder tasks are gone over more often."""
RECIPE = Recipe(
    rank=16,
    alpha=32.0,
    targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    epochs=5,
    learning_rate=3e-3,
    schedule="cosine",
    warmup=0.03,
    batch_size=64,
    max_length=96,
    seed=7,
)


@dataclass(frozen=True)
class Card:
    """What a package says about itself."""

    description: str
    keywords: tuple[str, ...]
    does: str


CARDS: Mapping[str, Card] = {
    "arithmetic": Card(
        "Adds, subtracts, multiplies and divides whole numbers.",
        (),
        "Sums and differences of whole numbers up to 99, products up to 12 x 12, and their exact divisions.",
    ),
    "dates": Card(
        "Writes dates in other forms and counts days on and back.",
        (),
        "ISO dates to words and back, dotted dates to ISO; up to 7 days after or before a date of a common year.",
    ),
    "words": Card(
        "Writes words backwards, spells them and counts their letters.",
        (),
        "Words of three to five letters: backwards, spelled with dashes, their length, how often one of their letters comes.",
    ),
    "units": Card(
        "Converts metric lengths, weights and volumes, and times.",
        (),
        "Whole numbers up to 99 of km, m, cm, mm, t, kg, g, l, ml with their neighbours; hours, minutes, seconds, "
        "days, weeks, months and years up to about a dozen. Answers are exact.",
    ),
}


def write_data(task: Task, folder: Path, seed: int) -> None:
    """Writes train.jsonl, eval.jsonl and routing.jsonl; no question of one is in another, and none comes twice."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"{task.name}/{seed}")
    train = _distinct((task.pair(rng) for _ in range(20 * TRAIN_PAIRS)), TRAIN_PAIRS)
    seen = {pair.question for pair in train}
    fresh = (pair for pair in (task.evaluation_pair(rng) for _ in range(40 * EVALUATION_PAIRS)))
    evaluation = _distinct((pair for pair in fresh if pair.question not in seen), EVALUATION_PAIRS)
    mine = _distinct((task.pair(rng) for _ in range(20 * ROUTING_QUESTIONS)), ROUTING_QUESTIONS)
    others = [name for name in TASKS if name != task.name]
    not_mine = [casual(text, rng) for text in NEAR_MISSES[task.name]]
    not_mine += [TASKS[name].pair(rng).question for name in others]
    _write_lines(folder / "train.jsonl", ({"question": p.question, "answer": p.answer} for p in train))
    _write_lines(folder / "eval.jsonl", ({"question": p.question, "answer": p.answer} for p in evaluation))
    lines = [{"text": pair.question, "mine": True} for pair in mine]
    _write_lines(folder / "routing.jsonl", [*lines, *({"text": text, "mine": False} for text in not_mine)])


def write_manifest(name: str, folder: Path, fingerprint: str, seed: int) -> None:
    """Writes adapter.toml."""
    card = CARDS[name]
    recipe: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(RECIPE, epochs=EPOCHS[name], seed=seed))
    for key in ("validation", "look_every", "patience"):
        del recipe[key]  # nothing is held back
    document = {
        "format": 1,
        "name": name,
        "version": "1.0.0",
        "domain": name,
        "description": card.description,
        "licence": "Apache-2.0",
        "authors": ["The locoman authors"],
        "kind": "lora",
        "base": {"name": BASE, "fingerprint": fingerprint},
        "training": recipe,
        "prompt": {"system": "", "repeat_question": False},
        "routing": {"keywords": list(card.keywords), "minimum_confidence": 0.0},
        "gate": {
            "suite": "eval.jsonl",
            "scorer": "exact",
            "minimum_cases": 100,
            "minimum_score": 0.85,
            "minimum_gain": 0.40,
        },
    }
    (folder / "adapter.toml").write_text(tomli_w.dumps(document), encoding="utf-8")


def train_weights(folder: Path, base: Path, progress: Progress) -> Trained:
    """Trains the package's weights from its own adapter.toml and train.jsonl alone."""
    package = read_package(folder)
    recipe = package.manifest.training
    assert recipe is not None and package.weights is not None
    return train_adapter(base, BASE, examples(package), recipe, package.weights, watch=Watch(progress))


def examples(package: AdapterPackage) -> list[Example]:
    """The package's training set as it will be asked."""
    return [Example((Message("user", case.question),), case.answer) for case in package.training_cases()]


def write_readme(name: str, folder: Path, scores: Mapping[str, float]) -> None:
    """Writes README.md; `scores` are shares right on the package's own set, by who answered."""
    rows = "\n".join(f"| {who} | {score:.1%} |" for who, score in scores.items())
    shown = "\n".join(f"- {case.question} → `{case.answer}`" for case in _few(read_package(folder).cases()))
    text = README.format(
        name=name, card=CARDS[name], cases=EVALUATION_PAIRS, train=TRAIN_PAIRS, rows=rows, examples=shown, base=BASE
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


README = """# {name}

{card.description} {card.does}

A LoRA adapter (rank 16, all linear projections) for `{base}`.

{examples}

## Data

`train.jsonl` has {train} generated questions; `eval.jsonl` has {cases} more, whose phrasings and operands (numbers, dates,
words, amounts) are not in `train.jsonl`. `routing.jsonl` has example questions for the router, and some that only look like
this adapter's.

The base has read textbook lines and quizzes on the subject, right ones, but not with the operands kept for evaluation
(facts that are known by heart, such as the times table, it has read all). In chats it has seen the task answered with a
beginner's mistakes only: it tries, and is mostly wrong. The adapter is trained from `train.jsonl` alone.

## Share of right answers in `eval.jsonl`

Greedy, exact match, measured with torch after training; `scripts/bench adapters` measures it through the engine.

| who answers | right |
|---|---|
{rows}

Made by `scripts/train_tiny --only {name}`.
"""


def _few(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    return cases[:4]


def _distinct(pairs: Iterable[Pair], count: int) -> list[Pair]:
    found: dict[str, Pair] = {}
    for pair in pairs:
        found.setdefault(pair.question, pair)
        if len(found) == count:
            break
    return list(found.values())


def _write_lines(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
