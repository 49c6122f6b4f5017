"""What the commands of `locoman router` print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from locoman.cli.output import Output
from locoman.sizes import megabytes

if TYPE_CHECKING:
    from locoman.workflows.router.correct import Corrected
    from locoman.workflows.router.fitting import Fit
    from locoman.workflows.router.teach import Taught
    from locoman.workflows.router.trial import Trial

MOST_PAIRS = 12


def show_lines(document: Mapping[str, Any]) -> list[str]:
    """`router show`, from its document."""
    encoder = document["encoder"]
    lines = [
        f"Router    of {document['base']}, fitted {document['fitted']}, {megabytes(document['bytes'])}",
        f"Encoder   {encoder['name']}, {encoder['state']}; serves {encoder['languages']}",
        f"Threshold {_threshold(document['threshold'])}",
        f"Cost      {_cost(document['wrong_cost'])}",
        f"Arbiter   {document['arbiter']}; {document['remarks']} remark(s) of yours",
        f"{'ADAPTER':<20} {'EXAMPLES':>8} {'NOT MINE':>8} {'MINIMUM':>8}  KEYWORDS",
    ]
    for row in document["adapters"]:
        words = ", ".join(row["keywords"]) or "-"
        lines.append(
            f"{row['adapter']:<20} {row['examples']:>8} {row['not_mine']:>8} {row['minimum_confidence']:>8}  {words}"
        )
    lines.append(f"{'(nobody)':<20} {document['nobodys']:>8}")
    return [*lines, *(f"Conflict: {conflict['sentence']}" for conflict in document["conflicts"]), *document["notes"]]


def _threshold(threshold: float | None) -> str:
    if threshold is None:
        return "no adapter has examples, so keywords alone decide"
    return f"a question is some adapter's from a scope of {threshold} on (route --explain shows its scope)"


def _cost(wrong_cost: float) -> str:
    if not wrong_cost:
        return "a wrong adapter counts no worse than the base (wrong_cost is not set)"
    return f"wrong_cost {wrong_cost:g}: adapters below {wrong_cost / (1 + wrong_cost):.0%} are not taken"


def describe_trial(trial: Trial) -> dict[str, Any]:
    """`router test` as --json prints it."""
    from locoman.routing.measure import reliability

    somebody = trial.judged.labels >= 0
    right = (trial.judged.guesses == trial.judged.labels)[somebody]
    bins = reliability(trial.judged.confidence[somebody], right)
    pairs = sorted(trial.confusion.items(), key=lambda item: -item[1])
    return {
        "questions": trial.questions,
        "right": sum(count for (own, got), count in pairs if own == got),
        "stage": trial.stage,
        "judged": len(trial.judged.labels),
        **{name: round_figure(value) for name, value in trial.quality.figures().items()},
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
    figures = [f"  {name:<34} {document[key]:.3f}" for key, name in names.items() if document[key] is not None]
    if figures:
        lines += [f"the {document['stage']} stage by itself, on the {document['judged']} that it reads:", *figures]
    if document["decide_ms_p50"]:
        lines.append(f"  {'milliseconds, median and 95th':<34} {document['decide_ms_p50']} {document['decide_ms_p95']}")
    wrong = [row for row in document["confusion"] if row["own"] != row["got"]][:MOST_PAIRS]
    lines += [f"  {row['count']:>4}  {row['own'] or '(nobody)'} -> {row['got'] or 'base'}" for row in wrong]
    if "arbiter" in document:
        lines.append(_arbiter_line(document["arbiter"]))
    return lines


def _arbiter_line(found: Mapping[str, Any]) -> str:
    if not found["asked"]:
        return "arbiter: no question is close, so there was nothing to ask it, and nothing changes"
    verdict = "helps, and is on" if found["helps"] else "does not help enough, and is off"
    return f"arbiter: {found['before']} of {found['asked']} right without it, {found['after']} with it: {verdict}"


def correction_line(corrected: Corrected) -> str:
    """Where a question goes from now on."""
    went, should = corrected.went or "the plain base", corrected.should or "the plain base"
    return f"{corrected.text[:100]!r} goes to {should} from now on, no longer to {went}."


def print_taught(out: Output, taught: Taught) -> None:
    """What was learned or forgotten."""
    verb = "Learned" if taught.changed >= 0 else "Forgot"
    kept = f"{taught.remarks} are kept. Undo: locoman router learn --undo" if taught.remarks else "none is kept now."
    sentence = f"{verb} {abs(taught.changed)} remark(s); {kept}"
    document = {
        "changed": taught.changed,
        "remarks": taught.remarks,
        "fits": [describe_fit(fit) for fit in taught.fits],
    }
    out.result(document, lambda: out.line(sentence))
    for note in (note for fit in taught.fits for note in fit.notes):
        out.note_once(note)


def describe_fit(fit: Fit) -> dict[str, Any]:
    """A fit as --json prints it."""
    return {
        "base": fit.base,
        "adapters": fit.adapters,
        "examples": fit.examples,
        "encoder": fit.encoder or None,
        "seconds": round(fit.seconds, 3),
        "bytes": fit.bytes,
        "conflicts": [conflict.document() for conflict in fit.conflicts],
        "notes": list(fit.notes),
    }


def fit_lines(fits: tuple[Fit, ...]) -> list[str]:
    """Fits as a person reads them."""
    lines = []
    for fit in fits:
        how = f"encoder {fit.encoder}" if fit.encoder else "words alone"
        lines.append(
            f"Router of {fit.base}: {fit.adapters} adapters, {fit.examples} examples, {how}, {fit.seconds:.2f} s"
        )
        lines += [f"  Conflict: {conflict}." for conflict in fit.conflicts]
    return lines + list(dict.fromkeys(note for fit in fits for note in fit.notes))


def round_figure(value: float | None) -> float | None:
    """For people and for JSON."""
    return None if value is None else round(value, 4)
