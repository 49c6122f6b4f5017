"""Several bases in one host, and more adapters than its memory may hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from support.tiny_gguf import TinyShape, write_tiny_base
from support.tiny_home import HomeMaker, TinyHome, request

from locoman.contracts import ServedBase
from locoman.errors import UnknownName

QUESTION = "hello there"


@pytest.fixture(scope="module")
def second(base: ServedBase, tmp_path_factory: pytest.TempPathFactory) -> ServedBase:
    """Another base with the first one's adapter alpha."""
    gguf = write_tiny_base(tmp_path_factory.mktemp("second") / "second.gguf", TinyShape(context=512), seed=9)
    return replace(base, name="second", gguf=gguf, adapters=base.adapters[:1])


@pytest.fixture
def home(make_home: HomeMaker, base: ServedBase, second: ServedBase) -> TinyHome:
    made = make_home()
    made.serve(base, second)
    return made


def resident(home: TinyHome) -> set[str]:
    found = home.engine.resident()
    assert found is not None
    return {each.name for each in found.bases}


def test_each_base_is_asked_by_its_name_and_stays_in_memory(home: TinyHome) -> None:
    names = ("base", "second/base", "alpha", "second/alpha", "tiny/alpha")
    answers = {name: home.text(QUESTION, name) for name in names}
    assert len(set(answers.values())) == 4
    assert answers["alpha"] == answers["tiny/alpha"]
    assert resident(home) == {"tiny", "second"}
    children = home.host_process().children()
    assert {name: home.text(QUESTION, name) for name in names} == answers
    assert home.host_process().children() == children


def test_what_the_named_base_has_not_is_unknown(home: TinyHome) -> None:
    with pytest.raises(UnknownName):
        home.ask(QUESTION, "second/beta")
    with pytest.raises(UnknownName) as caught:
        home.ask(QUESTION, "secnd/alpha")
    assert caught.value.kind == "base"


def test_all_are_listed(home: TinyHome) -> None:
    with home.client() as client:
        listed = [model["id"] for model in client.get("/v1/models").json()["data"]]
        assert listed[:3] == ["auto", "base", "alpha"]
        assert listed[-3:] == ["second/auto", "second/base", "second/alpha"]
        assert client.get("/v1/models/second/alpha").status_code == 200


def test_where_memory_is_short_the_one_not_used_for_longest_goes(
    make_home: HomeMaker, base: ServedBase, second: ServedBase
) -> None:
    home = make_home(memory=20_000_000)
    home.serve(base, second)
    first = home.text(QUESTION, "alpha")
    home.ask(QUESTION, "second/alpha")
    assert resident(home) == {"second"}
    assert home.text(QUESTION, "alpha") == first
    assert resident(home) == {"tiny"}


def test_nobody_who_is_being_answered_is_sent_away_for_it(
    make_home: HomeMaker, long_base: ServedBase, second: ServedBase
) -> None:
    home = make_home(long_base, memory=20_000_000)
    home.serve(long_base, second)
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=1500))
    next(chunks)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(home.text, QUESTION, "second/base")
        assert sum(len(chunk.text) for chunk in chunks) == 1500
        assert waiting.result(30)


def test_with_more_adapters_than_memory_the_ones_asked_for_last_are_loaded(
    make_home: HomeMaker, base: ServedBase
) -> None:
    wide = make_home()
    models = ("alpha", "beta", "gamma", "delta", "base")
    expected = {model: wide.text(QUESTION, model) for model in models}
    lora = base.adapters[0].gguf
    assert lora is not None
    narrow = make_home(memory=base.gguf.stat().st_size + int(2.8 * lora.stat().st_size))
    for model in (*models, "alpha", "delta"):
        assert narrow.text(QUESTION, model) == expected[model]
    found = narrow.engine.resident()
    assert found is not None
    assert set(found.bases[0].adapters) == {"alpha", "delta"}
    with ThreadPoolExecutor(8) as pool:
        asked = models * 4
        assert list(pool.map(lambda model: narrow.text(QUESTION, model), asked)) == [expected[m] for m in asked]
