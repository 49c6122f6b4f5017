"""loco-tiny taught to arbitrate: which of a few descriptions a question belongs to, or none of them.

The product switches the arbiter off for a base as small as loco-tiny. This LoRA, merged into it, makes a base that is good at
the one thing, so that the tests can show the arbiter at work without a large one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import structs

from locoman.catalog.manifest import read_package
from locoman.progress import Progress
from locoman.routing.examples import everyday_questions
from locoman.routing.stages.arbiter import MOST, asked, letters
from locoman.training.lora import Trained, train_adapter
from locoman.training.rendering import Example
from tiny.conversation import OPENERS, conversation
from tiny.near_misses import NEAR_MISSES
from tiny.packages import BASE, CARDS, RECIPE
from tiny.tasks import TASKS
from tiny.tasks.task import casual

EXAMPLES = 4800
NOBODYS = 0.3
"""Share of the questions that are none of the adapters'."""
STRANGERS = ("code", "math-reasoning", "writing")
"""Shipped packages that are not for loco-tiny."""
ARBITER_RECIPE = structs.replace(RECIPE, epochs=1, batch_size=16, max_length=512)


def train_arbiter(out: Path, base: Path, seed: int, adapters: Path, progress: Progress) -> Trained:
    """Writes the LoRA, as PEFT does, to `out`. `adapters` holds the shipped packages."""
    recipe = structs.replace(ARBITER_RECIPE, seed=seed)
    return train_adapter(base, BASE, list(choices(seed, adapters)), recipe, out, progress=progress)


def choices(seed: int, adapters: Path) -> Iterator[Example]:
    """Questions with descriptions of MOST adapters by name, the right one mostly among them."""
    rng = random.Random(f"arbiter/{seed}")
    strange = nobodys(adapters)
    for _ in range(EXAMPLES):
        owner, question = (None, strange(rng)) if rng.random() < NOBODYS else owned(rng)
        names = sorted(rng.sample(list(CARDS), MOST))
        if owner is not None and owner not in names and rng.random() < 0.5:
            names = sorted([*names[1:], owner])
        described = [CARDS[name].description for name in names]
        answer = letters(described)[names.index(owner) if owner in names else -1]
        yield Example(asked(question, described).messages, answer)


def owned(rng: random.Random) -> tuple[str, str]:
    """An adapter and one of its questions, with phrasings and operands for training."""
    name = rng.choice(list(TASKS))
    return name, TASKS[name].pair(rng).question


def nobodys(adapters: Path) -> Callable[[random.Random], str]:
    """Draws questions that are none of loco-tiny's adapters', from each kind alike."""
    talk = [text for phrasings, _ in (*conversation().talk, *conversation().facts) for text in phrasings]
    strange = [line.text for name in STRANGERS for line in read_package(adapters / name).routing() if line.mine]
    alike = [text for texts in NEAR_MISSES.values() for text in texts]
    kinds: Sequence[Sequence[str]] = (talk, everyday_questions(), everyday_questions(), strange, alike, alike)
    return lambda rng: casual(rng.choice(OPENERS) + rng.choice(rng.choice(kinds)), rng)
