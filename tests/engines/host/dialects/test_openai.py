from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.contracts import Message, Sampling
from locoman.engines.host.dialects.openai import read_call
from locoman.errors import RequestRefused, UnknownName
from locoman.names import AUTO, ModelName

HELLO = [{"role": "user", "content": "Hello"}]


def body(**fields: Any) -> bytes:
    return json.dumps({"messages": HELLO, "model": "auto", **fields}).encode()


def test_a_plain_request_is_read() -> None:
    call = read_call(body())
    assert call.request.messages == (Message("user", "Hello"),)
    assert call.request.model == AUTO
    assert call.request.sampling == Sampling()
    assert not call.stream


def test_all_that_is_supported_is_read() -> None:
    fields = {"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7, "stop": "x"}
    call = read_call(body(model="math@1.0.0", stream=True, stream_options={"include_usage": True}, **fields))
    assert call.request.sampling == Sampling(5, 0.5, 0.9, 3, 7, ("x",))
    assert call.request.model == ModelName.parse("math@1.0.0")
    assert (call.stream, call.include_usage) == (True, True)


def test_max_completion_tokens_is_the_newer_name() -> None:
    assert read_call(body(max_completion_tokens=9)).request.sampling.max_tokens == 9


def test_content_may_come_in_text_parts_and_developer_means_system() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]
    assert read_call(body(messages=messages)).request.messages == (
        Message("system", "Be brief."),
        Message("user", "Hello"),
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"messages":' + b"[" * 100_000, "no JSON|does not fit"),
        (b"[]", "does not fit"),
        (body(messages=[]), "messages"),
        (body(messages="Hello"), "messages"),
        (body(messages=[{"role": "wizard", "content": "x"}]), "wizard"),
        (body(messages=[{"role": "user"}]), "content"),
        (body(messages=[{"role": "user", "content": [{"type": "image_url"}]}]), "Only text"),
        (body(messages=[{"role": "assistant", "content": "x"}]), "last message"),
        (body(messages=[{"role": "user", "content": " \n"}]), "empty"),
        (body(temperature=9), "temperature"),
        (body(temperature="hot"), "temperature"),
        (body(max_tokens=0), "max_tokens"),
        (body(seed=1 << 80), "seed"),
        (body(stop=["x"] * 17), "stop"),
        (body(n=2), "n is not supported"),
        (body(tools=[{}]), "tools"),
        (body(response_format={"type": "json_object"}), "response_format"),
        (body(presence_penalty=9), "presence_penalty"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(RequestRefused, match=words) as caught:
        read_call(data)
    assert caught.value.status == 400


@pytest.mark.parametrize("model", ["", "GPT 4!", "a/b/c/d", "x" * 10_000, "auto@1"])
def test_a_model_that_cannot_exist_is_unknown(model: str) -> None:
    with pytest.raises(UnknownName):
        read_call(body(model=model))


def test_an_answer_may_be_asked_for_alone() -> None:
    assert not read_call(body()).request.serial
    assert read_call(body(locoman={"serial": True})).request.serial
    with pytest.raises(RequestRefused):
        read_call(body(locoman={"serial": "yes"}))


def test_nulls_and_unknown_fields_are_as_if_absent() -> None:
    fields = {"max_tokens": None, "stop": None, "stream": None, "n": None, "user": "me", "metadata": {"a": 1}}
    assert read_call(body(**fields)).request.sampling == Sampling()


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(RequestRefused, UnknownName):
        read_call(data)
