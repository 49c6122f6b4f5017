"""How far are the new base's weights from those that the adapter was trained on?

The fingerprint in the adapter's manifest is compared with the candidate's, so the old base need not be here. Norm vectors
survive every quantization exactly; the sketch of the matrices tells by how much the rest moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from locoman.migration.evidence import Finding
from locoman.migration.subject import Candidate, Subject
from locoman.migration.thresholds import DriftRule
from locoman.weights.fingerprint import SKETCH_BITS, compare


@dataclass(frozen=True, slots=True)
class Drift:
    """Same shapes do not make the same model: this is where that is seen."""

    rule: DriftRule
    name: Literal["drift"] = "drift"

    def look(self, adapter: Subject, candidate: Candidate) -> Finding:
        """Words: "same", "requantized", "fine-tuned", "another model", "prompt only", "unknown", "contradicted"."""
        if adapter.weights is None:
            return Finding("concern", "prompt only", "It is a prompt; what it is worth on another base, answers tell.")
        if adapter.made_for is None:
            return Finding("open", "unknown", "Its manifest has no readable fingerprint of the base it was made for.")
        if not adapter.trusted:
            detail = "The fingerprint in its manifest is not that of the base it runs on, so it proves nothing."
            return Finding("open", "contradicted", detail)
        difference = compare(adapter.made_for, candidate.fingerprint)
        bits, rule = difference.sketch_distance, self.rule
        numbers = {"bits": float(bits), "same_norms": float(difference.same_norms)}
        moved = f"{bits} of {SKETCH_BITS} bits of the sketch differ"
        if not (difference.same_architecture and difference.same_dimensions):
            return Finding("fail", "another model", f"{candidate.name} has other dimensions.", numbers)
        if bits >= rule.unrelated:
            detail = f"{candidate.name} is another model, although every tensor fits: {moved}."
            return Finding("fail", "another model", detail, numbers)
        if difference.same_norms and bits <= rule.same:
            detail = f"As far as can be seen, {candidate.name} has the weights it was trained on: {moved}."
            return Finding("pass", "same", detail, numbers)
        if difference.same_norms and bits <= rule.explained_by(candidate.quantization):
            detail = f"No more than {candidate.quantization} explains: the norms are the same, {moved}."
            return Finding("concern", "requantized", detail, numbers)
        norms = "the norms are the same" if difference.same_norms else "the norms differ"
        return Finding("concern", "fine-tuned", f"{candidate.name} was trained further: {norms}, {moved}.", numbers)
