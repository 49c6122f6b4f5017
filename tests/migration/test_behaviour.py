"""The behavioural level on plain scores: what the rule says of losses, gains and small sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import altered_bases as altered

from locoman.errors import UsageError
from locoman.migration.evidence import Finding
from locoman.migration.levels.behaviour import WEIGHTS_IN_QUESTION, WEIGHTS_RULED_OUT, Behaviour
from locoman.migration.scores import Asked, Scores
from locoman.migration.thresholds import thresholds

SUBJECT, RULE = altered.words(), thresholds().behaviour
ROUNDS = 120
CANDIDATE = altered.of_checkpoint(altered.TINY).candidate


def right(count: int, share: float, seed: int = 0) -> list[float]:
    """Scores of `count` cases of which this share is right, in random places."""
    made = np.zeros(count)
    made[: round(share * count)] = 1
    return [float(score) for score in np.random.default_rng(seed).permutation(made)]


def spoiled(scores: Sequence[float], lost: int) -> list[float]:
    """The same with `lost` of the right answers wrong."""
    places = [place for place, score in enumerate(scores) if score][:lost]
    return [0.0 if place in places else score for place, score in enumerate(scores)]


def found(old: Sequence[float], new: Sequence[float], alone: Sequence[float], minimum: float = 0.0) -> Finding:
    scores: Scores = {"adapter on old": old, "adapter on new": new, "new alone": alone}
    subject = altered.words(minimum_score=minimum)
    return Behaviour(RULE, lambda asked: scores).look(subject, CANDIDATE)


@pytest.mark.parametrize(
    ("lost", "alone", "outcome", "word"),
    [
        (0, 0.05, "pass", "as good"),
        (4, 0.05, "pass", "as good"),
        (14, 0.05, "concern", "worse"),
        (24, 0.05, "concern", "worse"),
        (26, 0.05, "fail", "lost"),
        (150, 0.05, "fail", "lost"),
        (185, 0.05, "fail", "adds nothing"),
        (0, 0.97, "fail", "base suffices"),
        (60, 0.95, "fail", "base suffices"),
        (100, 0.80, "fail", "adds nothing"),
    ],
)
def test_losses_and_what_the_new_base_can_do_alone(lost: int, alone: float, outcome: str, word: str) -> None:
    old = right(200, 0.95)
    finding = found(old, spoiled(old, lost), right(200, alone, seed=1))
    assert (finding.outcome, finding.word) == (outcome, word)
    assert finding.numbers["adapter on new - adapter on old"] == pytest.approx(-lost / 200)


def test_a_base_that_is_good_enough_does_not_displace_an_adapter_that_is_better_still() -> None:
    old = right(200, 0.80)
    assert found(old, [1.0] * 200, right(200, 0.85, seed=3)).word == "as good"


def test_an_adapter_that_misses_its_own_gate_on_the_new_base_alone_is_worse() -> None:
    old = right(200, 0.90)
    new = spoiled(old, 3)
    assert found(old, new, right(200, 0.1)).word == "as good"
    assert found(old, new, right(200, 0.1), minimum=0.89).word == "worse"


def test_few_cases_show_nothing() -> None:
    finding = found([1.0] * 49, [1.0] * 49, [0.0] * 49)
    assert (finding.outcome, finding.word) == ("open", "too few cases")
    assert "49 cases" in finding.detail
    none = Behaviour(RULE, lambda asked: {}).look(SUBJECT, CANDIDATE)
    assert (none.outcome, none.numbers["cases"]) == ("open", 0)


def test_where_the_weights_cannot_move_only_the_base_is_asked() -> None:
    asked: list[Sequence[Asked]] = []

    def word(share: float) -> str:
        def measure(who: Sequence[Asked]) -> Scores:
            asked.append(who)
            return {"adapter on old": right(200, 0.9), "new alone": right(200, share, seed=2)}

        return Behaviour(RULE, measure, WEIGHTS_RULED_OUT).look(SUBJECT, CANDIDATE).word

    assert (word(0.93), word(0.3)) == ("base suffices", "weights ruled out")
    assert asked == [WEIGHTS_RULED_OUT] * 2


@pytest.mark.parametrize("missing", WEIGHTS_IN_QUESTION)
def test_scores_of_unlike_cases_are_refused(missing: Asked) -> None:
    scores = {who: [1.0] * 60 for who in WEIGHTS_IN_QUESTION}
    with pytest.raises(UsageError, match="case by case"):
        Behaviour(RULE, lambda asked: scores | {missing: [1.0] * 59}).look(SUBJECT, CANDIDATE)
    del scores[missing]
    with pytest.raises(UsageError, match="case by case"):
        Behaviour(RULE, lambda asked: scores).look(SUBJECT, CANDIDATE)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 3), min_size=50, max_size=120),
    st.integers(0, 3),
)
def test_whatever_the_scores_there_is_a_finding_with_numbers_that_fit(
    cases: list[tuple[float, ...]], seed: int
) -> None:
    old, new, alone = (list(column) for column in zip(*cases, strict=True))
    scores: Scores = {"adapter on old": old, "adapter on new": new, "new alone": alone}
    finding = Behaviour(RULE, lambda asked: scores, seed=seed).look(SUBJECT, CANDIDATE)
    value = finding.numbers["adapter on new - adapter on old"]
    assert value == pytest.approx(np.mean(new) - np.mean(old))
    low, high = (finding.numbers[f"adapter on new - adapter on old, {end}"] for end in ("low", "high"))
    assert low <= value + 1e-9
    assert value <= high + 1e-9
    assert 0 < finding.numbers["p, adapter on new = adapter on old"] <= 1
    if finding.word == "as good":
        assert low >= -RULE.compatible_loss


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.05, 0.08, 0.15, 0.25])
def test_the_rule_is_rarely_wrong_about_adapters_whose_true_loss_is_known(loss: float) -> None:
    """200 cases are drawn anew each time. At a threshold itself the percentile bootstrap errs in 6 % instead of 2.5 %."""
    random = np.random.default_rng(int(loss * 100))
    words = []
    for _ in range(ROUNDS):
        old = (random.random(200) < 0.92).astype(float)
        new = old * (random.random(200) >= loss / 0.92)
        alone = (random.random(200) < 0.05).astype(float)
        words.append(found(old.tolist(), new.tolist(), alone.tolist()).word)
    good, lost = words.count("as good") / ROUNDS, words.count("lost") / ROUNDS
    assert good == 1 if loss == 0 else good <= (1, 0.1, 0.01)[(loss >= 0.05) + (loss > 0.05)]
    assert lost <= (0.0 if loss <= 0.05 else 0.1) if loss < RULE.retrain_loss else lost > 0.8
