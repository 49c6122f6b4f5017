"""The levels of the check, one file each, behind one Protocol: the cheapest first."""

from __future__ import annotations

from locoman.migration.levels.drift import Drift
from locoman.migration.levels.level import Level
from locoman.migration.levels.licence import Licence
from locoman.migration.levels.structure import Structure
from locoman.migration.levels.template import Template
from locoman.migration.levels.tokenizer import Tokenizer
from locoman.migration.thresholds import Thresholds


def cheap_levels(rule: Thresholds) -> tuple[Level, ...]:
    """All below behaviour, in the order in which they are looked at. None needs the old base."""
    return Structure(), Tokenizer(), Template(), Licence(), Drift(rule.drift)
