"""`choose` through a real host, beside what the probabilities must be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.tiny_home import HomeMaker, TinyHome, request

from locoman.contracts import ServedAdapter, ServedBase
from locoman.engines.openai import OpenAIEngine
from locoman.errors import ContextExceeded, RequestRefused, UnknownName

QUESTION = "hello there"


def choose(home: TinyHome, options: tuple[str, ...], model: str = "alpha", question: str = QUESTION) -> list[float]:
    return list(home.engine.choose(request(question, model), options))


def test_what_the_model_would_say_is_the_most_probable_option(shared_home: TinyHome) -> None:
    for model in ("base", "alpha", "beta"):
        said = shared_home.text(QUESTION, model)[:3]
        chosen = choose(shared_home, ("zzz", said, "qqq"), model)
        assert chosen.index(max(chosen)) == 1
        assert sum(chosen) == pytest.approx(1.0)


def test_options_that_begin_alike_are_told_apart(shared_home: TinyHome) -> None:
    said = shared_home.text(QUESTION, "alpha")[:4]
    chosen = choose(shared_home, (said[:1], said[:2], said, f"{said[:3]}q"))
    assert sum(chosen) == pytest.approx(1.0)
    assert chosen[2] > chosen[3]
    one, two = choose(shared_home, (said[:1], "q")), choose(shared_home, (said[:1], said, "q"))
    assert one[0] == pytest.approx(two[0] + two[1], rel=1e-2)


def test_who_is_asked_matters_and_in_which_order_does_not(shared_home: TinyHome) -> None:
    options = ("a", "e", "s", "t")
    alone = {model: choose(shared_home, options, model) for model in ("base", "alpha", "beta")}
    assert alone["base"] != alone["alpha"] != alone["beta"]
    for model in ("beta", "base", "alpha", "base"):
        assert choose(shared_home, options, model) == pytest.approx(alone[model], rel=1e-3, abs=1e-9)
        shared_home.ask(QUESTION, model)
    assert choose(shared_home, options[::-1]) == pytest.approx(alone["alpha"][::-1], rel=1e-3, abs=1e-9)


def test_auto_asks_whom_the_router_names(shared_home: TinyHome) -> None:
    options = ("a", "s")
    blue = choose(shared_home, options, "auto", "a blue question")
    assert blue == pytest.approx(choose(shared_home, options, "alpha", "a blue question"), rel=1e-3)


@pytest.mark.parametrize("odd", ['"', "\\", "a\nb", "é", "日本", "😀", "<|im_end|>", " "])
def test_an_option_may_be_any_text(shared_home: TinyHome, odd: str) -> None:
    assert sum(choose(shared_home, ("a", odd))) == pytest.approx(1.0)


@pytest.mark.parametrize("options", [("a", "a"), ("a", ""), tuple("abc" * 100)])
def test_options_that_are_none_are_refused(shared_home: TinyHome, options: tuple[str, ...]) -> None:
    with shared_home.client() as client:
        body = {"model": "alpha", "messages": [{"role": "user", "content": "x"}], "options": list(options)}
        assert client.post("/locoman/v1/choose", json=body).status_code == 400
    with pytest.raises(RequestRefused):
        choose(shared_home, options)


def test_errors_are_those_of_a_question(shared_home: TinyHome) -> None:
    with pytest.raises(UnknownName):
        choose(shared_home, ("a", "b"), "alhpa")
    with pytest.raises(ContextExceeded):
        choose(shared_home, ("a", "b"), question="x" * 1000)
    assert choose(shared_home, ()) == []


def test_the_endpoint_needs_a_key(shared_home: TinyHome) -> None:
    engine = OpenAIEngine(shared_home.ensure().url, "wrong")
    with pytest.raises(RequestRefused) as caught:
        engine.choose(request(QUESTION, "alpha"), ("a", "b"))
    engine.close()
    assert caught.value.status == 401


def test_a_prompt_only_adapter_chooses_under_its_own_prompt(make_home: HomeMaker, base: ServedBase) -> None:
    strict = ServedAdapter("strict", "1.0.0", None, system="Be strict.")
    home = make_home(replace(base, adapters=(strict,)))
    assert choose(home, ("a", "s"), "strict") != choose(home, ("a", "s"), "base")
