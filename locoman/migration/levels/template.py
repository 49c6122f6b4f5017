"""Will the adapter see conversations written as they were in its training?"""

from __future__ import annotations

from typing import Literal

from locoman.migration.evidence import Finding
from locoman.migration.subject import Candidate, Subject


class Template:
    """Compares the hashes of both chat templates. Another text may write the same, so a difference is a concern only."""

    name: Literal["template"] = "template"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "same", "other", "unknown"."""
        if adapter.made_for is None:
            return Finding("open", "unknown", "Its manifest has no readable fingerprint of the base it was made for.")
        if adapter.made_for.template != candidate.fingerprint.template:
            return Finding("concern", "other", f"{candidate.name} writes conversations by another template.")
        return Finding("pass", "same", "Both bases write conversations by the same template.")
