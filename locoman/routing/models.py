"""What a fitted router knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from locoman.routing.features import Bag, Floats
from locoman.routing.packed import Packed
from locoman.routing.scorer import Scorer


class Encoder(Protocol):
    """Turns texts into vectors; see `encoder.bge`."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, encoder.bge.DIMENSIONS)."""
        ...


@dataclass(frozen=True, slots=True)
class AdapterRule:
    """What an adapter declares about its routing: see `examples.AdapterExamples`."""

    name: str
    keywords: tuple[str, ...] = ()
    minimum_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Wording:
    """All examples by their words and by their characters."""

    words: Bag
    characters: Bag


@dataclass(frozen=True, slots=True)
class Meaning:
    """All examples by their vectors: the lower and the upper half (see `encoder.bge`).

    `encoder` names the encoder that made them.
    """

    encoder: str
    lower: Packed
    last: Packed
    scorer: Scorer


@dataclass(frozen=True, slots=True)
class Conflict:
    """`count` of the `of` examples of `other` look like those of `adapter`, which claims them, such as `examples`; `mutual`:
    both claim each other's alike. `other` None: so many of the adapter's own look like everyday questions."""

    adapter: str
    other: str | None
    count: int
    of: int
    mutual: bool
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of the examples."""
        return self.count / self.of

    def document(self) -> dict[str, Any]:
        """As --json prints it."""
        names = {"adapter": self.adapter, "other": self.other, "mutual": self.mutual}
        return {**names, "count": self.count, "of": self.of, "examples": list(self.examples), "sentence": f"{self}."}

    def __str__(self) -> str:
        such_as = f'e.g. "{self.examples[0]}"'
        if self.other is None:
            return f"{self.count} of {self.of} examples of {self.adapter} look like everyday questions, {such_as}"
        if self.mutual:
            return (
                f"{self.adapter} and {self.other} claim the same questions: {self.count} of {self.of} examples of {self.other} "
                f"look like {self.adapter}'s, and the other way round, {such_as}"
            )
        return f"{self.adapter} claims {self.count} of the {self.of} questions of {self.other}, {such_as}"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learned from examples. `names` are the adapters that gave any, in the order of the scorers' classes; `texts`
    are the examples in the order of all arrays, those of nobody last."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    wording: Wording
    lexical: Scorer
    meaning: Meaning | None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class RouterModel:
    """All that a router knows; `learnt` is None when no adapter gave an example.

    `wrong_cost`: how many times worse a wrong adapter is than the base where an adapter would have been right; 0: not asked.
    `said`: what the user decided, pairs of a question's `stages.said.digest` and its adapter.
    """

    adapters: tuple[AdapterRule, ...]
    learnt: Learnt | None
    wrong_cost: float = 0.0
    said: tuple[tuple[str, str | None], ...] = ()
