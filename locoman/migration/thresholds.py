"""The numbers of the verdict's rule, from thresholds.toml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from locoman.documents import read_toml

Bits = Annotated[int, Meta(ge=0, le=256)]
Share = Annotated[float, Meta(ge=0, le=1)]


class DriftRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Distances of sketches, in bits."""

    same: Bits
    unrelated: Bits
    quantized: dict[str, Bits]

    def explained_by(self, quantization: str) -> int:
        """Up to which distance a candidate stored so may still hold the same weights."""
        known: Mapping[str, int] = self.quantized
        return known.get(quantization.upper(), max(known.values(), default=self.same))


class BehaviourRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Differences of mean scores, as shares; see thresholds.toml."""

    minimum_cases: Annotated[int, Meta(ge=1)]
    compatible_loss: Share
    retrain_loss: Share
    obsolete_loss: Share


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """The file as written."""

    drift: DriftRule
    behaviour: BehaviourRule


@cache
def thresholds() -> Thresholds:
    """The rule that ships."""
    return read_toml(Path(__file__).with_name("thresholds.toml"), Thresholds)
