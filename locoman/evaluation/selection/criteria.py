"""By what two bases are told apart, the most important first: each criterion says who is ahead, or that nobody is, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from locoman.evaluation.selection.evidence import CandidateEvaluation, SuiteScore
from locoman.evaluation.statistics import mcnemar, paired_bootstrap
from locoman.sizes import megabytes

SPEED_RATIO = 1.2
"""How much faster, or smaller, one has to be for that to count: less is the noise of a laptop."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """`ahead` is 1 for the first of two, -1 for the second, 0 for neither; `sentence` has the figures of both."""

    ahead: int
    sentence: str


Criterion = Callable[[CandidateEvaluation, CandidateEvaluation], Finding | None]
"""None where there is no evidence for both."""


def requirements(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding:
    """Who fails a requirement stands behind who does not."""
    ahead = int(b.eliminated) - int(a.eliminated)
    if not ahead:
        return Finding(0, "both fail a requirement" if a.eliminated else "both meet the requirements that are known")
    out = a if a.eliminated else b
    failed = ", ".join(check.requirement for check in out.checks if check.outcome == "failed")
    return Finding(ahead, f"{out.name} fails {failed}")


def tuned(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding | None:
    """The score with the same quick adapter, on the same cases: tunability comes first."""
    if a.training is None or b.training is None or a.training.task != b.training.task:
        return None
    what = f"after the same training on {a.training.task}"
    return _paired(what, a, b, (a.training.after,), (b.training.after,))


def bare(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding | None:
    """The suites that both were asked, all cases together."""
    if a.suites is None or b.suites is None:
        return None
    mine = {(s.suite, s.digest): s for s in a.suites.suites}
    others = {(s.suite, s.digest): s for s in b.suites.suites}
    common = sorted(mine.keys() & others.keys())
    if not common:
        return None
    what = f"bare, over {len(common)} {'suite' if len(common) == 1 else 'suites'}"
    return _paired(what, a, b, tuple(mine[key] for key in common), tuple(others[key] for key in common))


def learning(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding | None:
    """How much the adapter brought, and how soon; tells nobody apart by itself, but belongs to the evidence."""
    if a.training is None or b.training is None:
        return None

    def told(each: CandidateEvaluation) -> str:
        training = each.training
        assert training is not None
        steps = f"{training.steps_to_90} of {training.steps} steps" if training.steps_to_90 is not None else "no step"
        return (
            f"{each.name} gained {100 * training.gain:+.1f} points, nine tenths of the fall of its loss after {steps}"
        )

    return Finding(0, f"{told(a)}; {told(b)}")


def speed(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding | None:
    """Tokens per second while answering."""
    if a.practical is None or b.practical is None:
        return None
    mine, other = a.practical.tokens_per_second.median, b.practical.tokens_per_second.median
    sentence = f"{a.name} answers with {mine:.1f} tokens/s, {b.name} with {other:.1f}"
    return Finding(_clearly(mine, other), sentence)


def memory(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding | None:
    """The most memory that a long conversation took."""
    if a.practical is None or b.practical is None:
        return None
    mine, other = a.practical.conversation.peak, b.practical.conversation.peak
    sentence = f"{a.name} takes {megabytes(mine)} in a long conversation, {b.name} {megabytes(other)}"
    return Finding(-_clearly(mine, other), sentence)


def recorded(a: CandidateEvaluation, b: CandidateEvaluation) -> Finding | None:
    """What others measured after fine-tuning."""
    ranks = [next((f for f in each.figures if f.benchmark == "fine-tuned rank"), None) for each in (a, b)]
    if ranks[0] is None or ranks[1] is None:
        return None
    mine, other = ranks[0].value, ranks[1].value
    sentence = f"{a.name} has rank {mine:g} after fine-tuning, {b.name} {other:g} ({ranks[0].source}, {ranks[0].date})"
    return Finding((mine < other) - (mine > other), sentence)


CRITERIA: dict[str, Criterion] = {
    "requirements": requirements,
    "score after training": tuned,
    "score of the bare base": bare,
    "learning": learning,
    "speed": speed,
    "memory": memory,
    "rank elsewhere": recorded,
}


def _paired(
    what: str,
    a: CandidateEvaluation,
    b: CandidateEvaluation,
    mine: tuple[SuiteScore, ...],
    others: tuple[SuiteScore, ...],
) -> Finding | None:
    if any(x.digest != y.digest or len(x.scores) != len(y.scores) for x, y in zip(mine, others, strict=True)):
        return None
    first = [score for suite in mine for score in suite.scores]
    second = [score for suite in others for score in suite.scores]
    if not first:
        return None
    gain, p = paired_bootstrap(first, second), mcnemar(first, second)
    shares = all(score in (0.0, 1.0) for score in (*first, *second))
    proven = (gain.low > 0 or gain.high < 0) and (p < SIGNIFICANT or not shares)
    sentence = (
        f"{what}: {a.name} {_percent(first)}, {b.name} {_percent(second)} of {len(first)} cases; difference "
        f"{100 * gain.value:+.1f} points, 95 % interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
        + (f", p = {p:.2g}" if shares else "")
    )
    return Finding(((gain.value > 0) - (gain.value < 0)) if proven else 0, sentence)


def _percent(scores: list[float]) -> str:
    return f"{100 * sum(scores) / len(scores):.1f} %"


def _clearly(mine: float, other: float) -> int:
    """1 where `mine` is larger by SPEED_RATIO, -1 where it is smaller by that."""
    if min(mine, other) <= 0:
        return 0
    return int(mine >= other * SPEED_RATIO) - int(other >= mine * SPEED_RATIO)
