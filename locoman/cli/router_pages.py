"""What `locoman router show` and `test` print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from locoman.cli.router import conflict_line, round_figure
from locoman.errors import megabytes
from locoman.routing.measure import reliability
from locoman.workflows.router.trial import Trial

MOST_PAIRS = 12


def show_lines(document: Mapping[str, Any]) -> list[str]:
    """`router show`, from its document."""
    encoder = document["encoder"]
    lines = [
        f"Router    of {document['base']}, fitted {document['fitted']}, {megabytes(document['bytes'])}",
        f"Encoder   {encoder['name']}, {encoder['state']}; serves {encoder['languages']}",
        f"Threshold {document['threshold']}; wrong adapter costs {document['wrong_cost']}; "
        f"arbiter {document['arbiter']}; {document['remarks']} remark(s) of yours",
        f"{'ADAPTER':<20} {'EXAMPLES':>8} {'NOT MINE':>8} {'MINIMUM':>8}  KEYWORDS",
    ]
    for row in document["adapters"]:
        words = ", ".join(row["keywords"]) or "-"
        lines.append(
            f"{row['adapter']:<20} {row['examples']:>8} {row['not_mine']:>8} {row['minimum_confidence']:>8}  {words}"
        )
    lines.append(f"{'(nobody)':<20} {document['nobodys']:>8}")
    return lines + [conflict_line(conflict) for conflict in document["conflicts"]]


def describe_trial(trial: Trial) -> dict[str, Any]:
    """`router test` as --json prints it."""
    somebody = trial.judged.labels >= 0
    right = (trial.judged.guesses == trial.judged.labels)[somebody]
    bins = reliability(trial.judged.confidence[somebody], right)
    pairs = sorted(trial.confusion.items(), key=lambda item: -item[1])
    return {
        **{name: round_figure(value) for name, value in trial.quality.figures().items()},
        "questions": trial.questions,
        "right": sum(count for (own, got), count in pairs if own == got),
        "decide_ms_p50": round(trial.decide_ms_p50, 3),
        "decide_ms_p95": round(trial.decide_ms_p95, 3),
        "confusion": [{"own": own, "got": got, "count": count} for (own, got), count in pairs],
        "reliability": [
            {"low": b.low, "high": b.high, "count": b.count, "confidence": b.confidence, "right": b.right} for b in bins
        ],
    }


def trial_lines(document: Mapping[str, Any]) -> list[str]:
    """`router test`, from its document."""
    names = {
        "accuracy": "accuracy (abstention aside)",
        "auroc": "AUROC, somebody's or nobody's",
        "oos_recall_at_95": "nobody's turned away, 95 % kept",
        "ece": "calibration error",
        "kept_at_threshold": "kept at the threshold",
    }
    lines = [f"{document['right']} of {document['questions']} questions go where they belong"]
    lines += [f"  {name:<34} {document[key]:.3f}" for key, name in names.items() if document[key] is not None]
    if document["decide_ms_p50"]:
        lines.append(f"  {'milliseconds, median and 95th':<34} {document['decide_ms_p50']} {document['decide_ms_p95']}")
    wrong = [row for row in document["confusion"] if row["own"] != row["got"]][:MOST_PAIRS]
    lines += [f"  {row['count']:>4}  {row['own'] or '(nobody)'} -> {row['got'] or 'base'}" for row in wrong]
    if "arbiter" in document:
        found = document["arbiter"]
        verdict = "helps, and is on" if found["helps"] else "does not help enough, and is off"
        lines.append(
            f"arbiter: {found['before']} of {found['asked']} right without it, {found['after']} with it: {verdict}"
        )
    return lines
