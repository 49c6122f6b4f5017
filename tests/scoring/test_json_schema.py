from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.contracts import Target
from locoman.errors import InvalidOption, ScorerFailed
from locoman.scoring import build_scorer, json_schema

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ('{"age": 7}', 1.0),
        ('{"age": 7.0}', 1.0),
        ('Here it is:\n```json\n{"age": 7}\n```\nDone.', 1.0),
        ('```\n{"age": 7}\n```', 1.0),
        ('{"age": "7"}', 0.0),
        ('{"age": 7, "name": "x"}', 0.0),
        ("{}", 0.0),
        ("age: 7", 0.0),
        ("", 0.0),
        ('{"age": NaN}', 0.0),
        ("[" * 100_000, 0.0),
        ("[" * 500 + "]" * 500, 0.0),
    ],
)
def test_an_answer_is_valid_or_not(answer: str, value: float) -> None:
    score = build_scorer("json_schema", {"schema": SCHEMA}).score(answer, Target())
    assert score.value == value
    assert bool(score.note) == (value == 0.0)


def test_the_schema_can_be_the_cases_own() -> None:
    assert build_scorer("json_schema").score('{"age": 7}', Target((json.dumps(SCHEMA),))).value == 1.0
    assert build_scorer("json_schema").score("7", Target((json.dumps(SCHEMA), '{"type": "integer"}'))).value == 1.0


def test_a_schema_that_is_none_is_refused() -> None:
    for schema in ({"type": "whole number"}, "{", "7"):
        with pytest.raises(InvalidOption, match="schema"):
            build_scorer("json_schema", {"schema": schema})
    with pytest.raises(ScorerFailed, match=r"How old.*no usable schema"):
        build_scorer("json_schema").score("7", Target(("{",), "How old?"))


def test_nothing_is_fetched() -> None:
    scorer = build_scorer("json_schema", {"schema": {"$ref": "http://127.0.0.1:9/schema.json"}})
    with pytest.raises(ScorerFailed, match="cannot be used"):
        scorer.score("1", Target())


def test_a_schema_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_schema, "SECONDS", 0.2)
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    scorer = build_scorer("json_schema", {"schema": {"$defs": {**definitions, "d40": {}}, "$ref": "#/$defs/d0"}})
    with pytest.raises(ScorerFailed, match="was not through"):
        scorer.score("1", Target())
    with pytest.raises(ScorerFailed):
        build_scorer("json_schema", {"schema": {"$ref": "#"}}).score("1", Target())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, 0.5, "a", "ab", "b1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "ab", "b1"]), inner, max_size=3),
    max_leaves=8,
)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"type": "integer"},
        {"pattern": "^a"},
        {"uniqueItems": True},
        {"enum": [1, "a", None]},
        {"minItems": 2},
        {"const": 1},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "ab"]), inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "1$"]), inner, max_size=2),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "uniqueItems": st.booleans(),
        },
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_the_verdict_is_that_of_the_package(schema: dict[str, Any], document: object) -> None:
    expected = jsonschema.Draft202012Validator(schema).is_valid(document)
    score = build_scorer("json_schema", {"schema": schema}).score(json.dumps(document), Target())
    assert score.value == float(expected)
