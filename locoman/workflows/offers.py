"""What the sources of adapters have: asked one after the other, those that cannot be asked named and passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from locoman.contracts import Listing, Source
from locoman.errors import LocomanError, NoSource, UnknownName, WrongBase
from locoman.names import AdapterRef, BaseRef, nearest


@dataclass(frozen=True, slots=True)
class Offers:
    """`found` pairs each listing with its source, in the order of the sources; `failed` pairs a source with the reason."""

    found: tuple[tuple[Listing, Source], ...]
    failed: tuple[tuple[str, str], ...]

    def newest(self, name: str, base: str) -> tuple[Listing, Source] | None:
        """The highest version of an adapter for a base; of equal ones that of the first source."""
        fitting = [pair for pair in self.found if pair[0].ref.name == name and pair[0].base.name == base]
        return max(fitting, key=lambda pair: pair[0].ref.number, default=None)

    def find(self, ref: AdapterRef, base: BaseRef) -> tuple[Listing, Source]:
        """What `ref` means for a base: that version, or the highest. Raises UnknownName, WrongBase, NoSource."""
        named = [pair for pair in self.found if pair[0].ref.name == ref.name]
        fitting = [p for p in named if p[0].base == base and ref.version in (None, p[0].ref.version)]
        if fitting:
            return max(fitting, key=lambda pair: pair[0].ref.number)
        if named and all(listing.base != base for listing, _ in named):
            raise WrongBase(str(ref), base.name, f"it was made for {named[0][0].base}")
        if self.failed:
            raise NoSource(f"The adapter {ref}", self.failed, "locoman adapter search")
        known = [str(listing.ref) for listing, _ in named] or [listing.ref.name for listing, _ in self.found]
        raise UnknownName("adapter", str(ref), known if named else nearest(ref.name, known))

    def matching(self, words: Sequence[str]) -> tuple[Listing, ...]:
        """Listings in which every word stands (name, domain, base, description), sorted by name, base and version."""
        found = [listing for listing, _ in self.found if _has_all(listing, words)]
        return tuple(sorted(found, key=lambda listing: (listing.ref.name, listing.base, listing.ref.number)))


def ask_sources(sources: Sequence[Source]) -> Offers:
    """What all of them have. Raises the error of a source that is the only one."""
    found: list[tuple[Listing, Source]] = []
    failed: list[tuple[str, str]] = []
    for source in sources:
        try:
            found += [(listing, source) for listing in source.listings()]
        except LocomanError as error:
            if len(sources) == 1:
                raise
            failed.append((source.name, str(error).rstrip(".")))
    return Offers(tuple(found), tuple(failed))


def _has_all(listing: Listing, words: Sequence[str]) -> bool:
    text = f"{listing.ref.name} {listing.domain} {listing.base} {listing.description}".casefold()
    return all(word.casefold() in text for word in words)
