"""What a check of an adapter against a new base finds: evidence level by level, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LevelName = Literal["structure", "tokenizer", "template", "licence", "drift", "behaviour"]
"""What is compared, the cheapest first."""

Outcome = Literal["pass", "concern", "fail", "open"]
"""pass: nothing here speaks against it; concern: it may matter; fail: it rules the weights out; open: it cannot be told."""

Verdict = Literal["compatible", "recheck", "retrain", "incompatible", "obsolete"]
"""What becomes of an adapter.

compatible: it moves as it is. recheck: it works but measurably worse, or nothing shows that it does. retrain: its
weights are of no use on the new base, its recipe is. incompatible: they cannot be put on the new base, or must not.
obsolete: the new base alone is at least as good.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one level found.

    `word` says it in the level's own vocabulary ("requantized"), `detail` in a sentence, `numbers` by what was measured.
    """

    outcome: Outcome
    word: str
    detail: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A level's finding and what it cost, in seconds."""

    level: LevelName
    finding: Finding
    seconds: float


@dataclass(frozen=True, slots=True)
class AdapterVerdict:
    """The verdict on one adapter.

    Levels that are not in `evidence` were not looked at, since those before them had decided. `decided_by` is the level
    on which the verdict rests, `reason` its sentence.
    """

    adapter: str
    verdict: Verdict
    decided_by: LevelName
    reason: str
    evidence: tuple[Evidence, ...]

    def at(self, level: LevelName) -> Evidence | None:
        """The evidence of a level, if it was looked at."""
        return next((evidence for evidence in self.evidence if evidence.level == level), None)

    @property
    def seconds(self) -> float:
        """What the whole check cost."""
        return sum(evidence.seconds for evidence in self.evidence)
