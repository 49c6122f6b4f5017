"""What of the routing is well formed and does nothing: names that nobody has, phrases that two adapters claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from locoman.names import nearest
from locoman.routing.examples import AdapterExamples
from locoman.routing.text import normalise
from locoman.workflows.router.feedback import Remark
from locoman.workflows.router.wishes import Wishes


def idle_wishes(wishes: Wishes, installed: Collection[str]) -> tuple[str, ...]:
    """A sentence for each name in routing.toml that no installed adapter has."""
    named: dict[str, Collection[str]] = {
        "keywords": wishes.keywords,
        "minimum_confidence": wishes.minimum_confidence,
    }
    return tuple(
        f"routing.toml, [{table}]: no installed adapter is called {name!r}.{_hint(name, installed)}"
        for table, names in named.items()
        for name in names
        if name not in installed
    )


def shared_phrases(adapters: Sequence[AdapterExamples]) -> tuple[str, ...]:
    """A sentence for each keyword that more than one adapter claims; it decides nothing then."""
    claims: dict[str, list[str]] = defaultdict(list)
    for adapter in adapters:
        for phrase in {normalise(phrase) for phrase in adapter.keywords} - {""}:
            claims[phrase].append(adapter.name)
    return tuple(
        f"The keyword {phrase!r} is claimed by {' and '.join(names)}, so it decides nothing."
        for phrase, names in sorted(claims.items())
        if len(names) > 1
    )


def idle_remarks(remarks: Sequence[Remark], installed: Collection[str]) -> Iterator[str]:
    """A sentence for each adapter that remarks name and nobody has; their questions are the plain base's."""
    for name in dict.fromkeys(remark.adapter for remark in remarks):
        if name is not None and name not in installed:
            count = sum(remark.adapter == name for remark in remarks)
            yield f"{count} remark(s) name {name!r}, which is not installed.{_hint(name, installed)}"


def _hint(name: str, installed: Collection[str]) -> str:
    close = nearest(name, installed)
    return f" Did you mean {' or '.join(close)}?" if close else ""
