"""Is an answer right: one scorer per file, and one registry of them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from locoman.contracts import Scorer
from locoman.errors import UnknownName
from locoman.names import nearest
from locoman.scoring.choice import Choice, ChoiceOptions
from locoman.scoring.code import Code, CodeOptions
from locoman.scoring.contains import Contains, ContainsOptions
from locoman.scoring.exact import Exact, ExactOptions
from locoman.scoring.json_schema import JsonSchema, JsonSchemaOptions
from locoman.scoring.judge import Judge, JudgeOptions
from locoman.scoring.numeric import Numeric, NumericOptions
from locoman.scoring.options import read_options
from locoman.scoring.regex import Regex, RegexOptions
from locoman.scoring.rouge import Rouge, RougeOptions
from locoman.scoring.squad import Squad, SquadOptions
from locoman.scoring.tools import Tools
from locoman.scoring.vote import Vote, VoteOptions

__all__ = ["SCORERS", "Kind", "Tools", "Vote", "build_scorer", "check_scorer", "find_scorer", "needs_of", "scorer_kind"]

Need = Literal["accepted", "choices", "tests", "question"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a scorer is built, from its checked options; which fields of a Target it needs (see `needs_of`)."""

    options: type[msgspec.Struct]
    build: Callable[[Any, Tools], Scorer]
    needs: tuple[Need, ...] = ("accepted",)


def _vote(options: VoteOptions, tools: Tools) -> Vote:
    return Vote(build_scorer(options.scorer, options.options, tools), options)


SCORERS: dict[str, Kind] = {
    "exact": Kind(ExactOptions, lambda options, tools: Exact(options)),
    "numeric": Kind(NumericOptions, lambda options, tools: Numeric(options)),
    "choice": Kind(ChoiceOptions, lambda options, tools: Choice(options), ("accepted", "choices")),
    "contains": Kind(ContainsOptions, lambda options, tools: Contains(options)),
    "regex": Kind(RegexOptions, lambda options, tools: Regex(options)),
    "squad": Kind(SquadOptions, lambda options, tools: Squad(options), ()),
    "rouge": Kind(RougeOptions, lambda options, tools: Rouge(options)),
    "json_schema": Kind(JsonSchemaOptions, lambda options, tools: JsonSchema(options)),
    "code": Kind(CodeOptions, lambda options, tools: Code(tools.sandbox, options), ("tests",)),
    "judge": Kind(JudgeOptions, lambda options, tools: Judge(tools.engine, options), ("question",)),
    "vote": Kind(VoteOptions, _vote, ()),
}


def build_scorer(name: str, options: Mapping[str, Any] | None = None, tools: Tools | None = None) -> Scorer:
    """The scorer `name` with its options.

    Raises UnknownName (no such scorer, no such option: with the nearest), InvalidOption, ExtraMissing, and
    MissingPrerequisite when it needs a tool that is not handed in.
    """
    kind = scorer_kind(name)
    return kind.build(read_options(name, options or {}, kind.options), tools or Tools())


def check_scorer(name: str, options: Mapping[str, Any] | None = None) -> None:
    """Raises UnknownName and InvalidOption as `build_scorer`, and needs no tool and no optional package for it."""
    checked = read_options(name, options or {}, scorer_kind(name).options)
    if isinstance(checked, VoteOptions):
        check_scorer(checked.scorer, checked.options)


def needs_of(name: str, options: Mapping[str, Any] | None = None) -> tuple[Need, ...]:
    """The fields of a Target that must not be empty for this scorer; raises what `check_scorer` raises."""
    kind = scorer_kind(name)
    checked = read_options(name, options or {}, kind.options)
    if isinstance(checked, VoteOptions):
        return needs_of(checked.scorer, checked.options)
    own = (isinstance(checked, RegexOptions) and checked.pattern) or (
        isinstance(checked, JsonSchemaOptions) and checked.schema
    )
    return () if own else kind.needs


def find_scorer(name: str) -> Scorer:
    """The scorer `name` as it is without options; raises what `build_scorer` raises."""
    return build_scorer(name)


def scorer_kind(name: str) -> Kind:
    """What is known of the scorer `name`, without building it. Raises UnknownName with the nearest names."""
    try:
        return SCORERS[name]
    except KeyError:
        raise UnknownName("scorer", name, nearest(name, SCORERS)) from None
