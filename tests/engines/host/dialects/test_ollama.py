from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.contracts import Chunk, Message, Sampling, Served, Timing, Usage
from locoman.engines.faults import fault_of
from locoman.engines.host.dialects.go_times import timestamp
from locoman.engines.host.dialects.ollama import AnswerWriter, error_document, read_chat, read_generate, read_named
from locoman.errors import EngineLost, RequestRefused, UnknownName
from locoman.names import AUTO, ModelName

HELLO = [{"role": "user", "content": "Hello"}]
CHUNKS = [
    Chunk(served=Served("alpha", "tiny", "host", 1.0, "asked")),
    Chunk(text="Hi"),
    Chunk(text=" there"),
    Chunk(finish="length", timing=Timing(1.0, 2.0, 10.0, 30.0, 100.0), usage=Usage(7, 3, 2)),
]


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "auto", "messages": HELLO, **fields}).encode()


def generate(**fields: Any) -> bytes:
    return json.dumps({"model": "auto", "prompt": "Hello", **fields}).encode()


def lines(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def test_a_plain_chat_streams_unless_it_says_no() -> None:
    call = read_chat(chat())
    assert call.request.messages == (Message("user", "Hello"),)
    assert (call.request.model, call.request.sampling) == (AUTO, Sampling())
    assert (call.stream, call.keep_alive) == (True, None)
    assert read_chat(chat(stream=False)).stream is False
    assert read_chat(chat(stream=None)).stream is True


def test_generate_puts_its_system_message_in_front() -> None:
    call = read_generate(generate(system="Be brief."))
    assert call.messages == (Message("system", "Be brief."), Message("user", "Hello"))


@pytest.mark.parametrize("data", [chat(messages=[]), chat(messages=None), b'{"model": "auto"}'])
def test_a_chat_without_messages_asks_nothing(data: bytes) -> None:
    assert read_chat(data).messages == ()


@pytest.mark.parametrize("data", [generate(prompt=""), generate(prompt=None), b'{"model": "auto"}'])
def test_an_empty_prompt_asks_nothing(data: bytes) -> None:
    assert read_generate(data).messages == ()


def test_options_are_read_and_those_about_loading_are_ignored() -> None:
    options = {"num_predict": 5, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7, "stop": ["x", "y"]}
    more = {"min_p": 0.1, "repeat_penalty": 1.1, "presence_penalty": 0.5, "frequency_penalty": 0.25}
    ignored = {"num_ctx": 4096, "num_thread": 8, "num_gpu": 99, "num_keep": 4, "use_mmap": True, "low_vram": False}
    neutral = {"typical_p": 1.0, "repeat_last_n": 64, "mirostat": 0}
    sampling = read_chat(chat(options={**options, **more, **ignored, **neutral})).sampling
    assert sampling == Sampling(5, 0.5, 0.9, 3, 7, ("x", "y"), 0.1, 1.1, 0.5, 0.25)


@pytest.mark.parametrize("count", [-1, -2, 0])
def test_no_limit_is_more_than_any_context_holds(count: int) -> None:
    limit = read_chat(chat(options={"num_predict": count})).sampling.max_tokens
    assert limit is not None
    assert limit > 10_000_000


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("words", "words"),
        ("words:latest", "words"),
        ("words:1.2.0", "words@1.2.0"),
        ("words@1.2.0", "words@1.2.0"),
        ("loco-tiny/words:latest", "loco-tiny/words"),
        ("auto:latest", "auto"),
        ("base:latest", "base"),
    ],
)
def test_a_name_may_have_a_tag(text: str, model: str) -> None:
    call = read_chat(chat(model=text))
    assert call.model == ModelName.parse(model)
    assert call.asked == text


@pytest.mark.parametrize(
    "model", [":", ":latest", "words:q4_K_M", "a:b:c", "GPT 4!", "../x", "x" * 10_000, "auto:1.0.0"]
)
def test_a_model_that_cannot_exist_is_unknown(model: str) -> None:
    with pytest.raises(UnknownName):
        read_chat(chat(model=model))


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (0, 0.0),
        (30, 30.0),
        (1.5, 1.5),
        (-1, math.inf),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("0", 0.0),
        ("0s", 0.0),
        ("5m0s", 300.0),
        ("-1s", math.inf),
        ("-1m0s", math.inf),
        (None, None),
    ],
)
def test_keep_alive_is_read_as_go_writes_it(told: Any, seconds: float | None) -> None:
    read = read_chat(chat(keep_alive=told)).keep_alive
    assert read == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize("told", ["5", "m", "", "five minutes", "5m3", "5x", "1h 30m", "--1s", "9" * 400 + "s"])
def test_a_keep_alive_that_is_no_duration_is_refused(told: str) -> None:
    with pytest.raises(RequestRefused, match="no duration"):
        read_chat(chat(keep_alive=told))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "does not fit"),
        (b"{}", "model"),
        (chat(model=""), "model is missing"),
        (chat(messages="Hello"), "messages"),
        (chat(messages=[{"role": "wizard", "content": "x"}]), "wizard"),
        (chat(messages=[{"role": "user", "content": "x", "images": ["aGk="]}]), "images is not supported"),
        (chat(messages=[{"role": "assistant", "content": "x"}]), "last message"),
        (chat(messages=[{"role": "user", "content": " "}]), "empty"),
        (chat(tools=[{}]), "tools is not supported"),
        (chat(format="json"), "format is not supported"),
        (chat(format={"type": "object"}), "format is not supported"),
        (chat(think=True), "think is not supported"),
        (chat(think="high"), "think is not supported"),
        (chat(logprobs=True), "logprobs is not supported"),
        (chat(_debug_render_only=True), "_debug_render_only"),
        (chat(options={"temperature": -1}), "temperature"),
        (chat(options={"temperature": "hot"}), "temperature"),
        (chat(options={"num_predict": -3}), "num_predict"),
        (chat(options={"mirostat": 2}), "mirostat is not supported"),
        (chat(options={"typical_p": 0.5}), "typical_p is not supported"),
        (chat(options={"stop": ["x"] * 17}), "stop"),
        (chat(options=[]), "options"),
    ],
)
def test_what_is_no_chat_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(RequestRefused, match=words) as caught:
        read_chat(data)
    assert caught.value.status == 400


@pytest.mark.parametrize("field", ["suffix", "template"])
def test_generate_refuses_what_would_change_the_prompt(field: str) -> None:
    with pytest.raises(RequestRefused, match=f"{field} is not supported"):
        read_generate(generate(**{field: "x"}))


@pytest.mark.parametrize("fields", [{"raw": True}, {"context": [1, 2]}, {"images": ["aGk="]}])
def test_generate_refuses_what_it_does_not_know(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused, match="is not supported"):
        read_generate(generate(**fields))
    assert read_generate(generate(raw=False, context=[], images=None, suffix="", format="", think=False)).messages


def test_a_named_model_is_read_under_its_old_name_too() -> None:
    assert read_named(b'{"model": "words"}') == read_named(b'{"name": "words"}') == "words"
    with pytest.raises(RequestRefused, match="missing"):
        read_named(b"{}")


def test_a_chat_is_written_line_by_line() -> None:
    writer = AnswerWriter(read_chat(chat(model="alpha:latest")))
    written = lines(b"".join(writer.piece(chunk) for chunk in CHUNKS) + writer.end())
    assert [line["message"]["content"] for line in written] == ["Hi", " there", ""]
    assert [line["done"] for line in written] == [False, False, True]
    assert {line["model"] for line in written} == {"alpha:latest"}
    last = written[-1]
    assert last["done_reason"] == "length"
    assert (last["prompt_eval_count"], last["eval_count"]) == (7, 2)
    assert (last["total_duration"], last["load_duration"]) == (30_000_000, 2_000_000)
    assert (last["prompt_eval_duration"], last["eval_duration"]) == (7_000_000, 20_000_000)
    assert last["locoman"]["served"]["adapter"] == "alpha"


def test_generate_is_written_as_response() -> None:
    writer = AnswerWriter(read_generate(generate()))
    assert [line["response"] for line in lines(b"".join(map(writer.piece, CHUNKS)))] == ["Hi", " there", ""]
    whole = AnswerWriter(read_generate(generate())).whole(CHUNKS)
    assert (whole["response"], whole["done"], whole["done_reason"]) == ("Hi there", True, "length")
    assert whole["locoman"]["usage"]["cached_tokens"] == 3


def test_an_answer_without_any_text_has_no_negative_times() -> None:
    empty = [CHUNKS[0], Chunk(finish="stop", timing=Timing(5.0, 5.0, 0.0, 8.0, 0.0), usage=Usage(7, 0, 0))]
    whole = AnswerWriter(read_chat(chat())).whole(empty)
    assert all(value >= 0 for name, value in whole.items() if name.endswith("_duration"))


def test_errors_are_one_sentence() -> None:
    unknown = fault_of(UnknownName("adapter", "alfa", ("alpha", "alba")))
    assert error_document(unknown) == {"error": "model 'alfa' not found. Did you mean alpha or alba?"}
    assert error_document(fault_of(UnknownName("adapter", "zzz")))["error"] == "model 'zzz' not found"
    lost = fault_of(EngineLost("It went away."))
    assert lines(AnswerWriter(read_chat(chat())).fault(lost)) == [{"error": "It went away."}]


def test_times_are_written_as_go_reads_them() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 60, UTC)) == "2026-01-02T03:04:05.000060Z"


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (read_chat, read_generate, read_named):
        with suppress(RequestRefused, UnknownName):
            read(data)


@given(st.text(max_size=40))
def test_any_duration_is_read_or_refused(text: str) -> None:
    with suppress(RequestRefused):
        seconds = read_chat(chat(keep_alive=text)).keep_alive
        assert seconds is not None
        assert seconds >= 0
