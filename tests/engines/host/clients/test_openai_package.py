"""The openai package as a client: every adapter is a model."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from support.tiny_home import TinyHome


@pytest.fixture(scope="module")
def client(shared_home: TinyHome) -> Iterator[openai.OpenAI]:
    address = shared_home.ensure()
    with openai.OpenAI(base_url=f"{address.url}/v1", api_key=address.key, max_retries=0) as client:
        yield client


def test_it_gets_a_whole_answer(client: openai.OpenAI, shared_home: TinyHome) -> None:
    answer = client.chat.completions.create(model="beta", messages=[{"role": "user", "content": "hello there"}])
    assert answer.choices[0].message.content == shared_home.text("hello there", "beta")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 12
    assert answer.model_extra is not None
    assert answer.model_extra["locoman"]["served"]["adapter"] == "beta"


def test_it_streams(client: openai.OpenAI, shared_home: TinyHome) -> None:
    stream = client.chat.completions.create(
        model="beta",
        messages=[{"role": "user", "content": "hello there"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == shared_home.text("hello there", "beta")
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 12


def test_it_lists_models_and_understands_errors(client: openai.OpenAI) -> None:
    assert "auto" in [model.id for model in client.models.list()]
    with pytest.raises(openai.NotFoundError, match="alpha"):
        client.chat.completions.create(model="alfa", messages=[{"role": "user", "content": "hello"}])
    with pytest.raises(openai.BadRequestError, match="empty"):
        client.chat.completions.create(model="alpha", messages=[{"role": "user", "content": " "}])


def test_it_retrieves_a_model_by_its_name(client: openai.OpenAI) -> None:
    assert client.models.retrieve("beta").id == "beta"
    assert client.models.retrieve("tiny/beta").id == "tiny/beta"
    with pytest.raises(openai.NotFoundError, match="alpha"):
        client.models.retrieve("alfa")


def test_with_include_usage_all_chunks_but_the_last_have_a_null(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="alpha",
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = list(stream)
    assert all(chunk.usage is None and "usage" in chunk.model_fields_set for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


def test_without_include_usage_no_chunk_speaks_of_it(client: openai.OpenAI) -> None:
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
    for chunk in client.chat.completions.create(model="alpha", messages=messages, stream=True):
        assert "usage" not in chunk.model_fields_set
        assert len(chunk.choices) == 1


def test_a_wrong_key_is_an_authentication_error(shared_home: TinyHome) -> None:
    url = f"{shared_home.ensure().url}/v1"
    stranger = openai.OpenAI(base_url=url, api_key="wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_too_long_a_question_says_by_how_much(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"\d+ more than the context of 512") as caught:
        client.chat.completions.create(model="alpha", messages=[{"role": "user", "content": "x" * 600}])
    assert caught.value.code == "context_length_exceeded"
