"""Several requests at once, against a real host with a real llama.cpp."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from support.tiny_home import LONG, HomeMaker, TinyHome, request

from locoman.contracts import Chunk, Message, Request, ServedBase
from locoman.errors import EngineBusy, EngineError
from locoman.names import ModelName

QUESTION = "hello there"


def begin(home: TinyHome, model: str = "alpha", tokens: int = LONG) -> Iterator[Chunk]:
    """An answer that has begun."""
    chunks = home.engine.chat(request("a long question", model, max_tokens=tokens))
    for _ in range(3):
        next(chunks)
    return chunks


def test_a_question_to_the_same_adapter_need_not_wait_for_a_long_answer(
    make_home: HomeMaker, long_base: ServedBase
) -> None:
    home = make_home(long_base)
    alone = home.text(QUESTION, "alpha")
    chunks = begin(home)
    assert home.text(QUESTION, "alpha") == alone
    assert next(chunks).finish is None
    chunks.close()  # type: ignore[attr-defined]


def test_one_to_another_adapter_waits_and_goes_next_when_the_answer_is_broken_off(
    make_home: HomeMaker, long_base: ServedBase
) -> None:
    home = make_home(long_base)
    expected = home.text(QUESTION, "beta")
    chunks = begin(home)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(home.text, QUESTION, "beta")
        time.sleep(0.3)
        assert not waiting.done()
        chunks.close()  # type: ignore[attr-defined]
        assert waiting.result(20) == expected


def test_who_goes_away_while_waiting_is_forgotten(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    chunks = begin(home)
    for _ in range(5):
        with home.client() as client, pytest.raises(Exception, match="timed out"):
            body = {"model": "beta", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": LONG}
            client.post("/v1/chat/completions", json=body, timeout=0.2)
    chunks.close()  # type: ignore[attr-defined]
    started = time.monotonic()
    home.text(QUESTION, "beta")
    assert time.monotonic() - started < 10


def test_a_full_queue_is_told_with_the_time_to_come_back(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base, queue_limit=1)
    chunks = begin(home)
    waiting = threading.Thread(target=lambda: home.text(QUESTION, "beta"))
    waiting.start()
    time.sleep(0.5)
    with pytest.raises(EngineBusy) as caught:
        home.text(QUESTION, "beta")
    assert caught.value.retry_after >= 1
    chunks.close()  # type: ignore[attr-defined]
    waiting.join(20)
    assert not waiting.is_alive()


def test_two_conversations_with_one_adapter_keep_what_was_evaluated(make_home: HomeMaker) -> None:
    home = make_home()

    def ask(*texts: str) -> int:
        roles = ("user", "assistant") * len(texts)
        turns = tuple(Message(role, text) for role, text in zip(roles, texts, strict=False))  # type: ignore[arg-type]
        usage = list(home.engine.chat(Request(turns, ModelName.parse("alpha"))))[-1].usage
        assert usage is not None
        return usage.prompt_tokens - usage.cached_tokens

    first, second = "the first conversation is about apples", "another one is about the sea"
    ask(first)
    ask(second)
    home.text(QUESTION, "base")
    assert ask(first, "yes", "more") < 40
    assert ask(second, "no", "why") < 40


def test_more_tokens_than_the_kv_holds_are_never_admitted_at_once(make_home: HomeMaker, base: ServedBase) -> None:
    """Else llama.cpp would end answers that are under way."""
    home = make_home(replace(base, context=256))
    with ThreadPoolExecutor(24) as pool:
        home.ensure()
        answers = list(pool.map(lambda n: home.ask("x" * (n * 8), "alpha", max_tokens=40 + n), range(1, 25)))
    for number, chunks in enumerate(answers, 1):
        usage = chunks[-1].usage
        assert usage is not None
        assert usage.completion_tokens == min(40 + number, 256 - usage.prompt_tokens)


def test_serial_answers_are_the_same_to_the_last_byte(make_home: HomeMaker) -> None:
    home = make_home(serial=True)
    questions = [f"question {number} " + "word " * (7 * number % 11) for number in range(6)]
    cases = [(question, model) for question in questions for model in ("alpha", "beta", "base")]
    home.ensure()
    first = [home.text(*case, max_tokens=60) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        second = list(pool.map(lambda case: home.text(*case, max_tokens=60), reversed(cases)))
    assert second == first[::-1]


def test_a_crash_is_told_to_those_who_were_being_answered_and_not_to_those_who_wait(
    make_home: HomeMaker, long_base: ServedBase
) -> None:
    home = make_home(long_base)
    expected = home.text(QUESTION, "beta")
    chunks = begin(home)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(home.text, QUESTION, "beta") for _ in range(2)]
        time.sleep(0.3)
        home.child_process().kill()
        with pytest.raises(EngineError):
            list(chunks)
        assert [each.result(30) for each in waiting] == [expected] * 2
