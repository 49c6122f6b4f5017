"""The texts of a new package. What begins with TODO: has to be replaced; `check` names it until it is."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blanks:
    """What is known of a package before anything is written."""

    name: str
    domain: str
    base: str
    fingerprint: str
    targets: tuple[str, ...]
    epochs: int
    learning_rate: float
    batch_size: int
    max_length: int


def files(blanks: Blanks) -> dict[str, str]:
    """The text of each file by its name."""
    return {
        "adapter.toml": _manifest(blanks),
        "train.jsonl": _lines(
            {"question": f"TODO: a question as somebody would ask it, number {n}", "answer": "the right answer, and no more"}
            for n in (1, 2, 3)
        ),
        "eval.jsonl": _lines(
            {"question": f"TODO: a question that is not in train.jsonl, number {n}", "answer": "the right answer",
             "answers": ["another one that counts as well"]}
            for n in (1, 2)
        ),
        "routing.jsonl": _lines(
            [
                {"text": "TODO: a question that this adapter should get", "mine": True},
                {"text": "TODO: one that only looks like it, and is somebody else's", "mine": False},
            ]
        ),
        "README.md": _README.format(name=blanks.name, base=blanks.base),
    }  # fmt: skip


def _lines(documents: object) -> str:
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)  # type: ignore[attr-defined]


def _manifest(blanks: Blanks) -> str:
    targets = ", ".join(f'"{target}"' for target in blanks.targets)
    return _MANIFEST.format(
        name=blanks.name, domain=blanks.domain, base=blanks.base, fingerprint=blanks.fingerprint, targets=targets,
        epochs=blanks.epochs, learning_rate=blanks.learning_rate, batch_size=blanks.batch_size,
        max_length=blanks.max_length,
    )  # fmt: skip


_MANIFEST = """\
format = 1
name = "{name}"
version = "1.0.0"
domain = "{domain}"               # one adapter answers for a domain at a time
description = "TODO: what it does, in one sentence."
licence = "TODO: e.g. Apache-2.0; the data must allow it"
authors = ["TODO: your name, or your class"]
kind = "lora"

[base]
name = "{base}"
fingerprint = "{fingerprint}"

# How the weights are trained. With train.jsonl and the base, enough to train them again.
[training]
rank = 16
alpha = 32.0
targets = [{targets}]
epochs = {epochs}
learning_rate = {learning_rate}
schedule = "cosine"
warmup = 0.03
batch_size = {batch_size}
max_length = {max_length}               # tokens; longer examples are left out
seed = 7
validation = 0.05                # the share of train.jsonl on which the loss is looked at
patience = 8                     # looks without a better loss, four an epoch, after which training ends early

# What is put around a question, when it is asked and when it is learnt.
[prompt]
system = ""
repeat_question = false

[routing]
keywords = []                    # phrases that always mean this adapter; better none than a common word
minimum_confidence = 0.0

# What the evaluation set must show.
[gate]
suite = "eval.jsonl"
scorer = "exact"
minimum_cases = 50
minimum_score = 0.7
minimum_gain = 0.05              # over the plain base
"""

_README = """\
# {name}

TODO: what it does, and what it does not, in a few sentences.

An adapter for `{base}`.

## Data

TODO: where the questions and answers come from, who may use them, and how eval.jsonl was kept apart from train.jsonl.

## Results

TODO: the score and the verdict that `locoman adapter train` prints.

<!--
What goes into which file:

train.jsonl    {{"question": "...", "answer": "..."}}: 500 and more; the answers as short and as uniform as you want them back.
eval.jsonl     the same, at least 50, with "answers": [...] for further ones that count; none of these questions, nor one that
               differs in a few words only, may stand in train.jsonl.
routing.jsonl  {{"text": "...", "mine": true}}: at least 20 questions that are its own in many wordings, and at least 10 with
               "mine": false that only look like it.
-->
"""
