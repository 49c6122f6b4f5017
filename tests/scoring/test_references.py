"""Scores are those of the reference implementations, case for case (references/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from locoman.contracts import Target
from locoman.scoring import build_scorer
from locoman.scoring.choice import score_likelihoods
from locoman.scoring.exact import LM_EVAL, Exact

REFERENCES = Path(__file__).parent / "references"


def rows(name: str) -> list[Any]:
    found: list[Any] = json.loads((REFERENCES / name).read_text(encoding="utf-8"))
    assert len(found) > 100
    return found


@pytest.mark.parametrize("version", [1, 2])
def test_f1_and_exact_match_are_those_of_squads_official_script(version: int) -> None:
    scorer = build_scorer("squad", {"version": version})
    for answer, accepted, *figures in rows("squad.json"):
        f1, exact = figures[:2] if version == 1 else figures[2:]
        score = scorer.score(answer, Target(tuple(accepted)))
        assert (score.value, dict(score.metrics)) == (f1, {"f1": f1, "exact": exact}), (answer, accepted)


def options_of(theirs: dict[str, Any]) -> dict[str, Any]:
    case = {"case": "lower"} if theirs.get("ignore_case") else {}
    return {**LM_EVAL, **case, **{key: value for key, value in theirs.items() if key != "ignore_case"}}


def test_exact_is_lm_evaluation_harness_exact_match() -> None:
    for answer, expected, theirs, value in rows("exact_match.json"):
        score = build_scorer("exact", options_of(theirs)).score(answer, Target((expected,)))
        assert score.value == value, (answer, expected, theirs)


GSM8K = {**LM_EVAL, "case": "lower", "regexes_to_ignore": (",", r"\$", "(?s).*#### ", r"\.$")}
GSM8K_STRICT = {**GSM8K, "extract": r"#### (\-?[0-9\.\,]+)"}
GSM8K_FLEXIBLE = {**GSM8K, "extract": r"(-?[$0-9.,]{2,})|(-?[0-9]+)", "extract_at": -1}
"""The options of the harness' task gsm8k: `strict-match` and `flexible-extract`."""


@pytest.mark.parametrize(("ours", "place"), [(GSM8K_STRICT, 2), (GSM8K_FLEXIBLE, 3)], ids=["strict", "flexible"])
def test_gsm8k_is_extracted_and_matched_as_lm_evaluation_harness_does(ours: dict[str, Any], place: int) -> None:
    scorer = build_scorer("exact", ours)
    assert isinstance(scorer, Exact)
    for row in rows("gsm8k.json"):
        answer, expected, (extracted, value) = row[0], row[1], row[place]
        assert scorer.extracted(answer) == extracted
        assert scorer.score(answer, Target((expected,))).value == value, (answer, expected)


def test_choices_by_log_likelihood_are_scored_as_lm_evaluation_harness_does() -> None:
    for choices, log_likelihoods, right, *figures in rows("likelihoods.json"):
        target = Target((choices[right],), choices=tuple(choices))
        score = score_likelihoods(log_likelihoods, target)
        assert [figure for _, figure in score.metrics] == figures
        assert score.value == figures[0]


def test_the_harness_itself_says_the_same_where_it_is_installed() -> None:
    metrics = pytest.importorskip("lm_eval.api.metrics", reason="lm-evaluation-harness is not installed")
    for answer, expected, theirs, _ in rows("exact_match.json"):
        reference = metrics.exact_match_hf_evaluate([answer], [expected], **theirs)["exact_match"]
        assert build_scorer("exact", options_of(theirs)).score(answer, Target((expected,))).value == float(reference)


def test_rouge_says_what_the_package_publishes() -> None:
    pytest.importorskip("rouge_score", reason="rouge-score is not installed")
    target = Target(("The quick brown fox jumps over the lazy dog",))
    score = build_scorer("rouge", {"stemmer": True}).score("The quick brown dog jumps on the log.", target)
    figures = dict(score.metrics)
    assert figures["rouge1"] == pytest.approx(0.7058823529411765, abs=1e-12)  # its README
    assert figures["rougeL"] == pytest.approx(0.5882352941176471, abs=1e-12)
    assert score.value == figures["rougeL"]


def test_rouge_is_that_of_the_package_and_reads_long_texts_to_a_limit() -> None:
    rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is not installed")
    package = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    scorer = build_scorer("rouge", {"measure": "rouge2"})
    for answer, accepted, *_ in rows("squad.json"):
        best = {
            m: max(package.score(text, answer)[m].fmeasure for text in accepted) for m in ("rouge1", "rouge2", "rougeL")
        }
        score = scorer.score(answer, Target(tuple(accepted)))
        assert (dict(score.metrics), score.value) == (best, best["rouge2"])
    long = scorer.score("word " * 5000, Target(("word " * 2000,)))
    assert (long.value, long.note) == (1.0, "only the first 2,000 words were read")
