"""May the adapter be used on the new base and passed on, and under which terms? Derivatives inherit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from locoman.documents import read_toml
from locoman.migration.evidence import Finding
from locoman.migration.subject import Candidate, Subject

Kind = Literal["permissive", "inherits", "non-commercial", "no-derivatives", "unknown"]


class _Kinds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    permissive: tuple[str, ...]
    inherits: tuple[str, ...]
    non_commercial: tuple[str, ...]
    no_derivatives: tuple[str, ...]


@cache
def _kinds() -> dict[str, Kind]:
    listed = read_toml(Path(__file__).parent.parent / "licences.toml", _Kinds)
    kinds: dict[str, Kind] = {}
    for kind, names in (
        ("permissive", listed.permissive),
        ("inherits", listed.inherits),
        ("non-commercial", listed.non_commercial),
        ("no-derivatives", listed.no_derivatives),
    ):
        kinds |= dict.fromkeys((name.lower() for name in names), kind)  # type: ignore[arg-type]
    return kinds


def kind_of(licence: str) -> Kind:
    """What a licence asks of derivatives, by licences.toml."""
    return _kinds().get(licence.strip().lower(), "unknown")


class Licence:
    """Looks the new base's licence up in licences.toml."""

    name: Literal["licence"] = "licence"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "permissive", "same", "inherits", "non-commercial", "no derivatives", "unknown"."""
        licence = candidate.licence.strip()
        kind = kind_of(licence)
        if kind == "permissive":
            return Finding("pass", "permissive", f"{candidate.name} is under {licence}, so the adapter keeps its own.")
        if kind == "no-derivatives":
            detail = f"{candidate.name} is under {licence}, which lets nothing be made from it and passed on."
            return Finding("fail", "no derivatives", detail)
        if kind == "unknown":
            detail = f"What {licence or 'no licence'} asks of what is made from {candidate.name} has to be read."
            return Finding("open", "unknown", detail)
        if licence.lower() == adapter.licence.strip().lower():
            return Finding("pass", "same", f"{candidate.name} and the adapter are both under {licence}.")
        terms = f"{candidate.name} is under {licence}, whose terms what is made from it inherits"
        return Finding("concern", kind, f"{terms}; the adapter is under {adapter.licence}.")
