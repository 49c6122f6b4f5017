from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locoman.errors import Unsupported
from locoman.weights.module_pattern import MAX_PLACES, Budget, ModulePattern

NAMES = (
    "model.layers.0.self_attn.q_proj",
    "model.layers.11.self_attn.qkv_proj",
    "model.layers.11.mlp.down_proj",
    "lm_head",
    "",
)
PATTERNS = (
    r".*",
    r".*\.(q|k|v)_proj",
    r"model\.layers\.\d+\.self_attn\.[qk]\w*_proj",
    r".*layers\.(0|1[0-9])\..*(?:q|down)_proj$",
    r"^model(\.[a-z_]+|\.\d+)+$",
    r"(.*\.)?(lm_head)",
    r"[^.]+",
    r"(a|b?)*lm_head{1}",
    r"model.layers.\d{2}.mlp.\S+?",
    r"m.*[0-9-]{2,}.*",
    r"x{,2}lm_[\w.-]*",
    r"(|lm)_?(head|)",
    r"[]a-z_]+",
)


def matches(pattern: str, name: str) -> bool:
    return ModulePattern(pattern, Budget(Path("adapter_config.json"))).matches(name)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_names_match_as_in_python(pattern: str) -> None:
    for name in NAMES:
        assert matches(pattern, name) == (re.fullmatch(pattern, name) is not None), name


ATOMS = st.sampled_from(["a", "b", ".", r"\.", "[ab]", "[^a]", r"\d", r"\w", "^", "$"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.builds("({}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"]))
    return st.one_of(repeated, st.builds("({}|{})".format, inner, inner), st.builds("(?:{}{})".format, inner, inner))


@settings(max_examples=300, deadline=None)
@given(st.recursive(ATOMS, _larger, max_leaves=6), st.text("ab.1", max_size=8))
def test_any_pattern_of_this_kind_matches_as_in_python(pattern: str, name: str) -> None:
    assert matches(pattern, name) == (re.fullmatch(pattern, name) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*)*x", "(a?){30}a{30}b", "((a{1,9}){1,9}){1,9}b"])
def test_patterns_that_would_hang_python_are_answered_at_once(pattern: str) -> None:
    started = time.perf_counter()
    assert not matches(pattern, "a" * 200)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?=a)b", r"a group with \(\?"),
        ("(?P<x>a)", r"a group with \(\?"),
        (r"(a)\1", r"has \\1"),
        (r"\bq_proj", r"has \\b"),
        ("(a", r"a \( too many"),
        ("a)", r"a \) too many"),
        ("[a", "no end"),
        ("a\\", "no end"),
        ("*a", "a repetition of nothing"),
        ("a**", "a repetition of nothing"),
        ("a++", "a possessive repetition"),
        ("a{3,2}", "runs backwards"),
        ("[z-a]", "runs backwards"),
        ("a{9999}", "too many parts"),
        ("((((a{99}){99}){99}){99}){99}", "too many parts"),
        ("(" * 99 + ")" * 99, "too many groups"),
        ("a" * 5000, "5000 characters"),
    ],
)
def test_what_is_not_known_is_refused_by_name(pattern: str, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        matches(pattern, "a")


def test_all_patterns_of_a_file_share_a_budget() -> None:
    budget = Budget(Path("adapter_config.json"))
    slow = ModulePattern("(a?){1000}", budget)
    started = time.perf_counter()
    with pytest.raises(Unsupported, match="too long to match"):
        for _ in range(MAX_PLACES):
            slow.matches("a" * 500)
    assert time.perf_counter() - started < 20
