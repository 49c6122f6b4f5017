"""What `locoman route` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from locoman.contracts import Decision, Refused

if TYPE_CHECKING:
    from locoman.routing.explain import Comparison, Explanation

MOST_CANDIDATES = 5


def describe(decision: Decision) -> dict[str, Any]:
    """The decision as --json prints it."""
    refused = decision.refused
    return {
        "adapter": decision.adapter,
        "confidence": round(decision.confidence, 4),
        "stage": decision.stage,
        "candidates": [{"adapter": c.adapter, "probability": round(c.probability, 4)} for c in decision.candidates],
        "refused": None
        if refused is None
        else {
            "adapter": refused.adapter,
            "probability": round(refused.probability, 4),
            "demanded": round(refused.demanded, 4),
            "by": refused.by,
        },
        "route_ms": round(decision.route_ms, 3),
    }


def decision_line(decision: Decision) -> str:
    """Who answers, how sure that is, and which stage said so."""
    return f"{decision.adapter or 'base'}  {decision.confidence:.0%} ({decision.stage})"


def decision_lines(decision: Decision) -> list[str]:
    """As `decision_line`, with the likeliest candidates and whoever was refused."""
    lines = [decision_line(decision)]
    lines += [f"  {c.probability:6.1%}  {c.adapter or 'base'}" for c in decision.candidates[:MOST_CANDIDATES]]
    return lines + ([refused_line(decision.refused)] if decision.refused else [])


def refused_line(refused: Refused) -> str:
    """Why the likeliest adapter does not answer."""
    whose = "its minimum confidence" if refused.by == "minimum_confidence" else "wrong_cost"
    return (
        f"refused   {refused.adapter} has {refused.probability:.2%}, and {whose} asks for {refused.demanded:.2%}: "
        "the base answers"
    )


def describe_why(why: Explanation) -> dict[str, Any]:
    """What --explain adds to --json."""
    return {
        "said": why.said,
        "keyword": why.keyword,
        **_describe_comparison(why.compared),
        "parts": [{"text": p.text, "adapter": p.adapter, "confidence": round(p.confidence, 4)} for p in why.parts],
    }


def _describe_comparison(compared: Comparison | None) -> dict[str, Any]:
    if compared is None:
        return {"compared_by": None, "scope": None, "threshold": None, "somebody": None, "nearest": [], "words_for": None,
                "words": []}  # fmt: skip
    return {
        "compared_by": compared.stage,
        "scope": round(compared.scope, 3),
        "threshold": round(compared.threshold, 3),
        "somebody": round(compared.somebody, 4),
        "nearest": [
            {"text": n.text, "adapter": n.adapter, "similarity": round(n.similarity, 4)} for n in compared.nearest
        ],
        "words_for": compared.likeliest,
        "words": [{"word": w.word, "weight": round(w.weight, 4)} for w in compared.words],
    }


def why_lines(why: Explanation) -> list[str]:
    """What --explain prints for people."""
    lines = decision_lines(why.decision)
    who = why.decision.adapter or "the plain base"
    if why.said:
        lines.append(f"you said so: this question belongs to {who}")
    if why.keyword is not None:
        lines.append(f'keyword   "{why.keyword}" means {who}')
    if why.compared is not None:
        if why.compared.stage != why.decision.stage:
            lines.append(f"before that, by the examples ({why.compared.stage}):")
        lines += _comparison_lines(why.compared)
    if why.parts:
        lines.append("two requests in one:")
        lines += [f"  {p.adapter or 'base'}  {p.confidence:.0%}  {p.text}" for p in why.parts]
    return lines


def _comparison_lines(compared: Comparison) -> list[str]:
    over, somebodys = compared.scope >= compared.threshold, compared.somebody >= 0.5
    inside = "some adapter's question" if somebodys else "nobody's question"
    foreign = ", since most of it is in another script" if over and not somebodys else ""
    lines = [f"in scope  {compared.scope:.2f}, threshold {compared.threshold:.2f}: {inside}{foreign}"]
    lines += ["nearest examples"] if compared.nearest else []
    lines += [f"  {n.similarity:5.2f}  {n.adapter or '(nobody)'}: {n.text}" for n in compared.nearest]
    if compared.words:
        weights = ", ".join(f"{w.word} {w.weight:+.2f}" for w in compared.words)
        lines.append(f"words     for {compared.likeliest}: {weights}")
    return lines
