"""Keywords that cannot mean one adapter, for others are asked with the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from locoman.routing.examples import AdapterExamples
from locoman.routing.stages.keywords import keyword_pattern
from locoman.routing.text import normalise


@dataclass(frozen=True, slots=True)
class PowerlessKeyword:
    """A phrase of `adapter` that is in an example of `other` (None: an everyday one), so that it decides nothing."""

    adapter: str
    phrase: str
    other: str | None
    example: str

    @property
    def sentence(self) -> str:
        """For people."""
        whose = f"a question of {self.other}" if self.other else "an everyday question"
        return f"The keyword {self.phrase!r} of {self.adapter} is in {whose} ({self.example[:60]!r}), so it decides nothing."


def without_powerless(
    adapters: Sequence[AdapterExamples], everyday: Sequence[str]
) -> tuple[tuple[AdapterExamples, ...], tuple[PowerlessKeyword, ...]]:
    """The adapters with the keywords that mean them alone, and the other keywords."""
    if not any(adapter.keywords for adapter in adapters):
        return tuple(adapters), ()
    texts: list[tuple[str | None, str, str]] = [
        *((adapter.name, text, normalise(text)) for adapter in adapters for text in adapter.mine),
        *((None, text, normalise(text)) for text in everyday),
    ]
    kept, powerless = [], []
    for adapter in adapters:
        lost = [found for phrase in adapter.keywords if (found := _elsewhere(adapter.name, phrase, texts)) is not None]
        phrases = {keyword.phrase for keyword in lost}
        kept.append(replace(adapter, keywords=tuple(phrase for phrase in adapter.keywords if phrase not in phrases)))
        powerless += lost
    return tuple(kept), tuple(powerless)


def _elsewhere(name: str, phrase: str, texts: Sequence[tuple[str | None, str, str]]) -> PowerlessKeyword | None:
    pattern = keyword_pattern([phrase])
    if pattern is None:
        return None
    found = ((owner, text) for owner, text, normal in texts if owner != name and pattern.search(normal))
    owner, text = next(found, ("", ""))
    return PowerlessKeyword(name, phrase, owner, text) if text else None
