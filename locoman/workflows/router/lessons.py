"""What the router of a base learns from: its adapters, what this machine's user said, and everyday questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from locoman.catalog.manifest import AdapterPackage
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.powerless import PowerlessKeyword, without_powerless
from locoman.routing.stages.said import digest
from locoman.routing.text import normalise
from locoman.store.home import Home
from locoman.workflows.router.feedback import Remark, read_feedback
from locoman.workflows.router.wishes import Wishes, read_wishes


@dataclass(frozen=True, slots=True)
class Lessons:
    """All that one router is fitted to; `none` are questions that are nobody's, `said` as in routing.models.RouterModel.

    `powerless` are keywords of packages that were left out, for others are asked with them too.
    """

    adapters: tuple[AdapterExamples, ...]
    none: tuple[str, ...]
    wrong_cost: float = 0.0
    said: tuple[tuple[str, str | None], ...] = ()
    powerless: tuple[PowerlessKeyword, ...] = ()


def gather(home: Home, packages: Sequence[AdapterPackage], remarks: Sequence[Remark] | None = None) -> Lessons:
    """The lessons for these packages. `remarks`: what the user is about to have said; None: what is kept.

    Raises InvalidFile.
    """
    none, wishes = everyday_questions(), read_wishes(home)
    adapters, powerless = without_powerless([examples_of(package) for package in packages], none)
    powerless = tuple(keyword for keyword in powerless if keyword.adapter not in wishes.keywords)
    lessons = wished(Lessons(adapters, none, powerless=powerless), wishes)
    return taught(lessons, read_feedback(home) if remarks is None else remarks)


def unreachable(lessons: Lessons) -> tuple[str, ...]:
    """The adapters that a router fitted to these lessons can never choose: nothing tells their questions."""
    return tuple(adapter.name for adapter in lessons.adapters if not adapter.mine and not adapter.keywords)


def examples_of(package: AdapterPackage) -> AdapterExamples:
    """What a package says of itself. Raises InvalidFile."""
    lines = package.routing()
    return AdapterExamples(
        name=package.manifest.name,
        keywords=package.manifest.routing.keywords,
        minimum_confidence=package.manifest.routing.minimum_confidence,
        mine=tuple(line.text for line in lines if line.mine),
        not_mine=tuple(line.text for line in lines if not line.mine),
    )


def wished(lessons: Lessons, wishes: Wishes) -> Lessons:
    """The user's own keywords and confidences in place of the adapters'."""
    adapters = tuple(
        replace(
            adapter,
            keywords=wishes.keywords.get(adapter.name, adapter.keywords),
            minimum_confidence=wishes.minimum_confidence.get(adapter.name, adapter.minimum_confidence),
        )
        for adapter in lessons.adapters
    )
    return replace(lessons, adapters=adapters, wrong_cost=wishes.wrong_cost)


def taught(lessons: Lessons, remarks: Sequence[Remark]) -> Lessons:
    """With what the user said about questions; about each question the last word counts, against every package."""
    last = {normalise(remark.text): remark for remark in remarks}
    last.pop("", None)
    names = {adapter.name for adapter in lessons.adapters}
    # Of an adapter that is not installed nothing is known here but that the question is none of the others'.
    none = [remark.text for remark in last.values() if remark.adapter not in names]
    adapters = tuple(
        replace(
            adapter,
            mine=(
                *(text for text in adapter.mine if normalise(text) not in last),
                *(remark.text for remark in last.values() if remark.adapter == adapter.name),
            ),
        )
        for adapter in lessons.adapters
    )
    kept = (text for text in lessons.none if normalise(text) not in last)
    said = tuple((digest(text), remark.adapter if remark.adapter in names else None) for text, remark in last.items())
    return replace(lessons, adapters=adapters, none=(*none, *kept), said=said)
