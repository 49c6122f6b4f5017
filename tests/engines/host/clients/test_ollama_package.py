"""The ollama package as a client: every adapter is a model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import ollama
import pytest
from support.tiny_home import TinyHome

from locoman.errors import UnknownName

HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def client(open_home: TinyHome) -> Iterator[ollama.Client]:
    with ollama.Client(host=open_home.ensure().url, trust_env=False) as client:
        yield client


def test_it_lists_auto_the_base_and_every_adapter(client: ollama.Client) -> None:
    models = client.list().models
    names = ["auto", "base", "alpha", "beta", "gamma", "delta"]
    assert [model.model for model in models] == [f"{name}:latest" for name in names]
    assert len({model.digest for model in models}) == len(models)
    for model in models:
        assert model.size is not None
        assert model.size > 10_000
        assert model.modified_at is not None
        assert model.modified_at < datetime.now(UTC)
        assert model.details is not None
        assert (model.details.format, model.details.family) == ("gguf", "qwen3")


def test_it_shows_a_model(client: ollama.Client) -> None:
    shown = client.show("alpha")
    assert shown.capabilities == ["completion"]
    assert shown.details is not None
    assert shown.details.parent_model == "tiny"
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "qwen3"
    assert shown.modelinfo["general.parameter_count"] > 1000
    assert shown.template is not None
    assert "<|im_start|>" in shown.template or "messages" in shown.template
    assert shown.modelfile is not None
    assert "ADAPTER alpha@1.0.0" in shown.modelfile
    assert "/" not in shown.modelfile.replace("<|", "")  # no path of this machine


@pytest.mark.parametrize("model", ["beta", "beta:latest", "beta:1.0.0", "beta@1.0.0", "tiny/beta"])
def test_it_chats_under_every_way_to_write_a_name(client: ollama.Client, open_home: TinyHome, model: str) -> None:
    answer = client.chat(model, messages=HELLO)
    assert answer.message.role == "assistant"
    assert answer.message.content == open_home.text("hello there", "beta")
    assert answer.model == model


def test_a_whole_answer_tells_counts_and_nanoseconds(client: ollama.Client) -> None:
    answer = client.chat("alpha", messages=HELLO)
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "length", 12)
    assert answer.prompt_eval_count is not None
    assert answer.prompt_eval_count > 10
    assert answer.total_duration is not None
    assert answer.total_duration > 1_000_000
    assert answer.eval_duration is not None
    assert answer.prompt_eval_duration is not None
    assert answer.load_duration is not None
    assert answer.eval_duration + answer.prompt_eval_duration + answer.load_duration <= answer.total_duration
    assert answer.created_at is not None
    created = datetime.fromisoformat(answer.created_at)
    assert abs((datetime.now(UTC) - created).total_seconds()) < 60


def test_a_stream_is_the_same_answer_in_pieces(client: ollama.Client, open_home: TinyHome) -> None:
    *pieces, last = list(client.chat("gamma", messages=HELLO, stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == open_home.text("hello there", "gamma")
    assert not any(piece.done for piece in pieces)
    assert len(pieces) > 1
    assert (last.done, last.done_reason, last.eval_count, last.message.content) == (True, "length", 12, "")


def test_it_generates_whole_and_streamed(client: ollama.Client, open_home: TinyHome) -> None:
    expected = open_home.text("hello there", "delta")
    assert client.generate("delta", "hello there").response == expected
    pieces = list(client.generate("delta", "hello there", stream=True))
    assert "".join(piece.response for piece in pieces) == expected


def test_auto_goes_where_the_router_says(client: ollama.Client, open_home: TinyHome) -> None:
    assert client.generate("auto", "a red question").response == open_home.text("a red question", "beta")


def test_a_system_prompt_counts(client: ollama.Client) -> None:
    plain = client.generate("base", "hello there").response
    with_system = client.generate("base", "hello there", system="Be brief.").response
    by_chat = client.chat("base", messages=[{"role": "system", "content": "Be brief."}, *HELLO]).message.content
    assert with_system == by_chat != plain


def test_options_reach_the_model(client: ollama.Client, open_home: TinyHome) -> None:
    greedy = open_home.text("hello there", "base")

    def ask(**options: Any) -> str:
        return client.generate("base", "hello there", options=options).response

    assert ask(num_predict=3) == greedy[:3]
    assert ask(stop=[greedy[4:6]]) == greedy[: greedy.index(greedy[4:6])]
    hot = {"temperature": 2.0, "top_k": 100, "top_p": 1.0}
    assert ask(seed=1, **hot) == ask(seed=1, **hot) != ask(seed=2, **hot)
    assert len(ask(num_predict=-1)) > 12
    assert ask(num_ctx=4096, num_thread=1) == greedy
    assert ask(repeat_penalty=5.0) != greedy or ask(presence_penalty=2.0) != greedy


def test_an_empty_prompt_loads_and_keep_alive_0_lets_go(client: ollama.Client) -> None:
    assert client.generate("alpha").done_reason == "load"
    assert client.chat("alpha").done_reason == "load"
    running = client.ps().models
    assert {model.model for model in running} == {f"{n}:latest" for n in ("base", "alpha", "beta", "gamma", "delta")}
    assert max(model.size or 0 for model in running) > 1_000_000
    assert running[0].expires_at is not None
    assert running[0].expires_at.year > 2100
    assert running[0].context_length == 512
    assert client.generate("alpha", keep_alive=0).done_reason == "unload"


def test_keep_alive_is_told_by_ps(client: ollama.Client) -> None:
    client.chat("alpha", messages=HELLO, keep_alive="10m")
    expires = client.ps().models[0].expires_at
    assert expires is not None
    assert 500 < (expires - datetime.now(UTC)).total_seconds() <= 600
    client.chat("alpha", messages=HELLO, keep_alive=-1)
    forever = client.ps().models[0].expires_at
    assert forever is not None
    assert forever.year > 2100


def test_an_unknown_model_is_a_404_with_the_nearest_names(client: ollama.Client) -> None:
    for ask in (
        lambda: client.chat("alfa", messages=HELLO),
        lambda: client.generate("alfa:latest", "hello"),
        lambda: client.generate("alfa"),
        lambda: client.show("alfa"),
        lambda: client.pull("alfa"),
        lambda: list(client.chat("alfa", messages=HELLO, stream=True)),
    ):
        with pytest.raises(ollama.ResponseError, match=r"model 'alfa' not found\. Did you mean alpha") as caught:
            ask()
        assert caught.value.status_code == 404


def test_pulling_what_is_here_succeeds(client: ollama.Client) -> None:
    assert client.pull("alpha").status == "success"
    assert [step.status for step in client.pull("alpha", stream=True)] == ["success"]


def test_what_it_cannot_do_is_refused_by_name(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="tools is not supported") as caught:
        client.chat("alpha", messages=HELLO, tools=[{"type": "function", "function": {"name": "f"}}])
    assert caught.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="format is not supported"):
        client.generate("alpha", "hello", format="json")
    with pytest.raises(ollama.ResponseError, match="think is not supported"):
        client.generate("alpha", "hello", think=True)
    with pytest.raises(ollama.ResponseError, match="managed with the command locoman"):
        client.delete("alpha")


def test_too_long_a_question_says_by_how_much(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match=r"\d+ more than the context of 512") as caught:
        client.generate("alpha", "x" * 600)
    assert caught.value.status_code == 400


def test_with_a_key_it_sends_a_header(shared_home: TinyHome) -> None:
    address = shared_home.ensure()
    with (
        ollama.Client(host=address.url, trust_env=False) as stranger,
        pytest.raises(ollama.ResponseError, match="key") as caught,
    ):
        stranger.list()
    assert caught.value.status_code == 401
    headers = {"Authorization": f"Bearer {address.key}"}
    with ollama.Client(host=address.url, headers=headers, trust_env=False) as friend:
        assert friend.chat("alpha", messages=HELLO).message.content == shared_home.text("hello there", "alpha")


def test_clients_without_a_key_can_ask_but_not_end_the_host(open_home: TinyHome) -> None:
    url = open_home.ensure().url
    assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 200
    assert httpx.post(f"{url}/locoman/v1/stop", trust_env=False).status_code == 401
    assert httpx.get(f"{url}/locoman/v1/resident", trust_env=False).status_code == 401
    with pytest.raises(UnknownName):
        open_home.ask("hello", "alfa")
