"""Which of several bases is better, and by what evidence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from locoman.evaluation.selection.criteria import CRITERIA
from locoman.evaluation.selection.evidence import CandidateEvaluation, Comparison, Ranking


def rank(candidates: Sequence[CandidateEvaluation]) -> Ranking:
    """Best first. Each is compared with each; the order is by comparisons won, because "not significantly different" is no
    order by itself (Copeland's method), then by the score after training, the bare score and the name."""
    wins = {each.name: 0 for each in candidates}
    by_name = sorted(candidates, key=lambda each: each.name)
    for place, a in enumerate(by_name):
        for b in by_name[place + 1 :]:
            found = compare(a, b)
            if found.decided_by:
                wins[found.better] += 1
    ordered = sorted(by_name, key=lambda each: (each.eliminated, -wins[each.name], *_scores(each), each.name))
    return Ranking(tuple(each.name for each in ordered), tuple(compare(a, b) for a, b in pairwise(ordered)))


def compare(a: CandidateEvaluation, b: CandidateEvaluation) -> Comparison:
    """All criteria that have evidence for both, in their order; the first that tells the two apart decides.

    Where none does, `better` is merely the first of the two.
    """
    decided, ahead, evidence = "", 1, []
    for name, criterion in CRITERIA.items():
        finding = criterion(a, b)
        if finding is None:
            continue
        evidence.append(finding.sentence)
        if finding.ahead and not decided:
            decided, ahead = name, finding.ahead
    better, worse = (a, b) if ahead > 0 else (b, a)
    return Comparison(better.name, worse.name, decided, tuple(evidence))


def _scores(each: CandidateEvaluation) -> tuple[float, float]:
    return (
        -each.training.after.score if each.training else 0.0,
        -each.suites.mean if each.suites else 0.0,
    )
