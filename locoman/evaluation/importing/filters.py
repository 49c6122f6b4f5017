"""metric_list and filter_list of a task, as options of the scorer exact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from locoman.errors import InvalidFile, Unsupported, UsageError
from locoman.evaluation.suite import ScorerChoice
from locoman.scoring.exact import LM_EVAL

_FLAGS = ("ignore_punctuation", "ignore_numbers")
_PLAIN = ("take_first",)


def read_scorer(
    path: Path, metrics: Sequence[dict[str, Any]] | None, filters: Sequence[dict[str, Any]] | None, chosen: str
) -> tuple[ScorerChoice, tuple[str, ...]]:
    """The scorer that is the metric exact_match behind the filter `chosen` (default: the first), and what it leaves out.

    Raises Unsupported for another metric, or a filter that is more than one regular expression; UsageError for an
    unknown `chosen`.
    """
    metric = next((m for m in metrics or [{"metric": "exact_match"}] if m.get("metric") == "exact_match"), None)
    if metric is None:
        named = ", ".join(str(m.get("metric")) for m in metrics or ())
        raise Unsupported(path, f"its metrics are {named}; of generate_until tasks exact_match is taken over")
    options: dict[str, Any] = dict(LM_EVAL)
    if metric.get("ignore_case"):
        options["case"] = "lower"
    options |= {flag: True for flag in _FLAGS if metric.get(flag)}
    if ignored := metric.get("regexes_to_ignore"):
        if not isinstance(ignored, list) or not all(isinstance(pattern, str) for pattern in ignored):
            raise InvalidFile(path, "regexes_to_ignore is no list of patterns")
        options["regexes_to_ignore"] = ignored
    names = [str(each.get("name", "")) for each in filters or ()]
    if chosen and chosen not in names:
        raise UsageError(f"{path.name} has no filter called {chosen!r}; it has {', '.join(names) or 'none'}.")
    if not filters:
        return ScorerChoice("exact", options), ()
    place = names.index(chosen) if chosen else 0
    options |= _extraction(path, filters[place])
    others = [name for name in names if name != names[place]]
    left = f"Of its filters {names[place]!r} counts; others are {', '.join(map(repr, others))} (--filter NAME)."
    return ScorerChoice("exact", options), (left,) if others else ()


def _extraction(path: Path, each: dict[str, Any]) -> dict[str, Any]:
    """The options of one pipeline."""
    options: dict[str, Any] = {}
    for step in each.get("filter") or ():
        function = step.get("function") if isinstance(step, dict) else None
        if function in _PLAIN:
            continue
        if function != "regex" or options:
            raise Unsupported(path, f"the filter {function!r} is not taken over; one regex, then take_first, is")
        pattern, fallback = step.get("regex_pattern"), step.get("fallback", "[invalid]")
        if not isinstance(pattern, str) or fallback != "[invalid]":
            raise Unsupported(path, "a filter needs a regex_pattern, and no fallback of its own")
        options = {"extract": pattern, "extract_at": int(step.get("group_select", 0))}
    return options
