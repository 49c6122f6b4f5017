"""Who answers, with what prompt, and what is told about it: against a real host with a real llama.cpp."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from support.tiny_gguf import write_tiny_lora
from support.tiny_home import LONG, HomeMaker, TinyHome, request
from support.tiny_host import tiny_base

from locoman.contracts import Message, Request, ServedAdapter, ServedBase
from locoman.errors import ContextExceeded, NothingInstalled, UnknownName
from locoman.names import ModelName

QUESTION = "hello there"


def test_the_first_chunk_tells_who_serves_and_the_last_what_it_took(shared_home: TinyHome) -> None:
    first, *_, last = shared_home.ask("a blue question")
    assert first.served is not None
    assert (first.served.adapter, first.served.base, first.served.engine) == ("alpha", "tiny", "host")
    assert (first.served.confidence, first.served.stage, first.served.prompt_only) == (0.9, "keywords", False)
    assert last.finish == "length"
    assert last.usage is not None
    assert last.usage.completion_tokens == 12
    assert last.timing is not None
    assert 0 < last.timing.ttft_ms <= last.timing.total_ms
    assert last.timing.route_ms == 0.5
    assert last.timing.tokens_per_second > 0


def test_auto_goes_where_the_router_says_and_else_to_the_base(shared_home: TinyHome) -> None:
    assert shared_home.text("a red question") == shared_home.text("a red question", "beta")
    assert shared_home.text("a green question") == shared_home.text("a green question", "base")


def test_every_adapter_answers_in_its_own_way(shared_home: TinyHome) -> None:
    models = ("base", "alpha", "beta", "gamma", "delta", "tiny/alpha", "alpha@1.0.0")
    answers = {model: shared_home.text(QUESTION, model) for model in models}
    assert len(set(answers.values())) == 5
    assert answers["tiny/alpha"] == answers["alpha@1.0.0"] == answers["alpha"]


def test_who_named_the_model_is_told_that_they_did(shared_home: TinyHome) -> None:
    served = shared_home.ask(QUESTION, "alpha")[0].served
    assert served is not None
    assert (served.confidence, served.stage) == (1.0, "asked")


def test_coming_back_to_an_adapter_finds_its_prompt_still_evaluated(shared_home: TinyHome) -> None:
    question = "a question of which all but the last token stays in memory"
    shared_home.ask(question, "gamma")
    shared_home.ask("something else", "base")
    usage = shared_home.ask(question, "gamma")[-1].usage
    assert usage is not None
    assert usage.cached_tokens == usage.prompt_tokens - 1


def test_the_history_is_part_of_the_prompt(shared_home: TinyHome) -> None:
    turns = (Message("user", "one"), Message("assistant", "two"), Message("user", QUESTION))
    chunks = list(shared_home.engine.chat(Request(turns, ModelName.parse("base"))))
    assert "".join(chunk.text for chunk in chunks) != shared_home.text(QUESTION, "base")


def test_sampling_reaches_the_model(shared_home: TinyHome) -> None:
    greedy = shared_home.text(QUESTION, "base")
    assert shared_home.text(QUESTION, "base", max_tokens=3) == greedy[:3]
    assert shared_home.text(QUESTION, "base", stop=(greedy[4:6],)) == greedy[: greedy.index(greedy[4:6])]
    hot = {"temperature": 2.0, "top_k": 100, "top_p": 1.0}
    assert shared_home.text(QUESTION, "base", seed=1, **hot) == shared_home.text(QUESTION, "base", seed=1, **hot)
    assert shared_home.text(QUESTION, "base", seed=1, **hot) != shared_home.text(QUESTION, "base", seed=2, **hot)


def test_a_stop_string_ends_with_stop_and_not_with_length(shared_home: TinyHome) -> None:
    greedy = shared_home.text(QUESTION, "base")
    assert shared_home.ask(QUESTION, "base", stop=(greedy[4:6],))[-1].finish == "stop"


@pytest.mark.parametrize(
    ("model", "kind", "nearest"),
    [
        ("alpa", "adapter", "alpha"),
        ("alpha@2.0.0", "adapter", "alpha@1.0.0"),
        ("large/alpha", "base", "tiny"),
        ("bas", "adapter", "base"),
    ],
)
def test_an_unknown_model_is_told_with_the_nearest_names(
    shared_home: TinyHome, model: str, kind: str, nearest: str
) -> None:
    with pytest.raises(UnknownName) as caught:
        shared_home.ask(QUESTION, model)
    assert caught.value.kind == kind
    assert nearest in caught.value.nearest


def test_a_question_longer_than_the_context_is_told_by_how_much(shared_home: TinyHome) -> None:
    with pytest.raises(ContextExceeded) as caught:
        shared_home.ask("x" * 1000, "alpha")
    assert caught.value.limit == 512
    assert caught.value.tokens == 1000 + len("<user\n") + len(">\n") + len("<assistant\n")
    assert shared_home.text(QUESTION, "alpha")


def test_a_question_of_a_megabyte_is_refused_too(shared_home: TinyHome) -> None:
    with pytest.raises(ContextExceeded):
        shared_home.ask("why? " * 200_000)


def test_long_questions_to_everybody_fit_one_after_the_other(shared_home: TinyHome) -> None:
    """The KV of all slots is one pool of 512 tokens; who needs room takes that of the idle ones."""
    models = ("alpha", "beta", "gamma", "delta", "base")
    first, second = ([shared_home.ask("x" * 440, model) for model in models] for _ in range(2))
    assert [chunks[-1].usage.prompt_tokens for chunks in first if chunks[-1].usage] == [459] * 5
    assert ["".join(c.text for c in chunks) for chunks in first] == [
        "".join(c.text for c in chunks) for chunks in second
    ]


def test_prompt_only_adapters_use_the_base_with_their_own_prompt(changing_home: TinyHome, base: ServedBase) -> None:
    plain = ServedAdapter("plain", "1.0.0", None)
    polite = ServedAdapter("polite", "1.0.0", None, system="Be polite.", repeat_question=True)
    home = changing_home
    home.serve(replace(base, adapters=(*base.adapters[:1], plain, polite)))
    assert home.text(QUESTION, "plain") == home.text(QUESTION, "base")
    served = home.ask(QUESTION, "polite")[0].served
    assert served is not None
    assert served.prompt_only
    repeated = f"{QUESTION}\nRead the question again: {QUESTION}"
    by_hand = Request((Message("system", "Be polite."), Message("user", repeated)), ModelName.parse("base"))
    by_hand_text = "".join(chunk.text for chunk in home.engine.chat(by_hand))
    assert home.text(QUESTION, "polite") == by_hand_text


def test_an_adapter_with_weights_gets_its_system_message_too(changing_home: TinyHome, base: ServedBase) -> None:
    alpha = base.adapters[0]
    home = changing_home
    home.serve(replace(base, adapters=(alpha, replace(alpha, name="strict", system="Be strict."))))
    assert home.text(QUESTION, "strict") != home.text(QUESTION, "alpha")


def test_an_adapters_scale_counts(changing_home: TinyHome, base: ServedBase) -> None:
    alpha = base.adapters[0]
    home = changing_home
    home.serve(replace(base, adapters=(alpha, replace(alpha, name="off", scale=0.0))))
    assert home.text(QUESTION, "off") == home.text(QUESTION, "base") != home.text(QUESTION, "alpha")


def test_what_is_served_may_change_under_a_running_host(changing_home: TinyHome, base: ServedBase) -> None:
    home = changing_home
    home.serve(replace(base, adapters=base.adapters[:1]))
    alpha = home.text(QUESTION, "alpha")
    host, child = home.host_process(), home.child_process()
    with pytest.raises(UnknownName):
        home.ask(QUESTION, "beta")
    home.serve(base)
    assert home.text(QUESTION, "beta") != alpha
    assert home.text(QUESTION, "alpha") == alpha
    assert home.host_process() == host
    assert not child.is_running()


def test_a_file_replaced_under_a_running_host_is_loaded_anew(make_home: HomeMaker, tmp_path: Path) -> None:
    served = tiny_base(tmp_path / "models", ("alpha",))
    home = make_home(served)
    before = home.text(QUESTION, "alpha")
    path = served.adapters[0].gguf
    assert path is not None
    write_tiny_lora(path.with_suffix(".new"), seed=77).replace(path)
    assert home.text(QUESTION, "alpha") != before


def test_a_change_that_needs_no_other_files_keeps_the_model_in_memory(
    changing_home: TinyHome, base: ServedBase
) -> None:
    home = changing_home
    home.serve(base)
    before = home.text(QUESTION, "alpha")
    child = home.child_process()
    changed = replace(base.adapters[0], system="Be strict.")
    home.serve(replace(base, adapters=(changed, *base.adapters[1:])))
    assert home.text(QUESTION, "alpha") != before
    assert home.child_process() == child


def test_with_nothing_installed_the_host_says_so(make_home: HomeMaker) -> None:
    home = make_home(None)
    with pytest.raises(NothingInstalled):
        home.ask(QUESTION)


def test_resident_tells_what_is_in_memory(make_home: HomeMaker) -> None:
    home = make_home()
    assert home.engine.resident() is None
    home.ensure()
    empty = home.engine.resident()
    assert empty is not None
    assert empty.bases == ()
    home.ask(QUESTION)
    residency = home.engine.resident()
    assert residency is not None
    assert residency.idle_until is not None
    assert residency.idle_until > residency.since
    (resident,) = residency.bases
    assert (resident.name, resident.adapters) == ("tiny", ("alpha", "beta", "gamma", "delta"))
    assert resident.bytes > 1_000_000


def test_closing_the_iterator_stops_the_engine(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    home.ask(QUESTION, "alpha")
    child = home.child_process()
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=LONG))
    for _ in range(5):
        next(chunks)
    assert works(child)
    chunks.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5.0
    while works(child):
        assert time.monotonic() < deadline


def works(process: psutil.Process) -> bool:
    """Whether the process used the processor during a fifth of a second."""
    before = process.cpu_times().user
    time.sleep(0.2)
    return bool(process.cpu_times().user > before)


def test_a_reader_that_does_not_read_holds_nobody_up(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    address = home.ensure()
    body = json.dumps(
        {"messages": [{"role": "user", "content": QUESTION}], "stream": True, "max_tokens": 4000}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {address.key}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((httpx.URL(address.url).host, httpx.URL(address.url).port or 0)) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(head.encode() + body)
        assert home.text(QUESTION, "alpha")
