"""May the adapter be used on the new base and passed on, and under which terms? Derivatives inherit."""

from __future__ import annotations

from typing import Literal

from locoman.catalog.licences import find_licence, licence_name
from locoman.migration.evidence import Finding
from locoman.migration.subject import Candidate, Subject


class Licence:
    """Looks the new base's licence up among those that are known (catalog/licences.toml)."""

    name: Literal["licence"] = "licence"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "permissive", "same", "inherits", "non-commercial", "no derivatives", "unknown"."""
        licence, base = candidate.licence.strip(), candidate.name
        known = find_licence(licence)
        if known is None:
            detail = f"What {licence or 'no licence'} asks of what is made from {base} has to be read."
            return Finding("open", "unknown", detail)
        if not known.derivatives:
            detail = f"{base} is under {licence}, which lets nothing be made from it and passed on."
            return Finding("fail", "no derivatives", detail)
        if known.permissive:
            return Finding("pass", "permissive", f"{base} is under {licence}, so the adapter keeps its own.")
        if licence_name(licence) == licence_name(adapter.licence):
            return Finding("pass", "same", f"{base} and the adapter are both under {licence}.")
        terms = f"{base} is under {licence}, whose terms what is made from it inherits"
        word = "inherits" if "commercial" in known.uses else "non-commercial"
        return Finding("concern", word, f"{terms}; the adapter is under {adapter.licence}.")
