"""Do the numbers that the adapter was trained on still stand for the same pieces of text?"""

from __future__ import annotations

from typing import Literal

from locoman.migration.evidence import Finding
from locoman.migration.subject import Candidate, Subject


class Tokenizer:
    """Compares the hashes of both tokenizers. A hash does not tell by how much they differ, so one token is enough."""

    name: Literal["tokenizer"] = "tokenizer"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "same", "prompt only", "other", "unknown"."""
        if adapter.weights is None:
            return Finding("pass", "prompt only", "It has no weights that know tokens.")
        if adapter.made_for is None:
            return Finding("open", "unknown", "Its manifest has no readable fingerprint of the base it was made for.")
        if adapter.made_for.tokenizer != candidate.fingerprint.tokenizer:
            return Finding("fail", "other", f"{candidate.name} cuts text into other tokens than it was trained on.")
        return Finding("pass", "same", "Both bases have the same tokens.")
