"""The engine in this process, on llama-cpp-python where it is installed, beside a plain llama.cpp server."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from support.llama_probe import ask_llama
from support.tiny_gguf import write_tiny_base, write_tiny_lora
from support.tiny_home import request
from support.tiny_host import KeywordDecider, tiny_base

from locoman.contracts import Chunk, Lineup, ServedAdapter, ServedBase
from locoman.engines.choosing import grammar, shares, spelled
from locoman.engines.llama_cpp.engine import LlamaCppEngine
from locoman.engines.llama_cpp.runtime import check_adapter
from locoman.errors import (
    ContextExceeded,
    ExtraMissing,
    LocomanError,
    RequestRefused,
    UnknownName,
    Unsupported,
    UsageError,
    WrongBase,
)
from locoman.names import ModelName

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python (extra llama-cpp) is not installed"
)
QUESTION = "hello there"


class Served:
    """A LineupSource whose base can be exchanged."""

    def __init__(self, base: ServedBase) -> None:
        self.base = base

    def current(self, base: str | None = None) -> Lineup:
        return Lineup(self.base, KeywordDecider({"blue": "alpha"}))


@pytest.fixture(scope="module")
def engine(base: ServedBase) -> Iterator[LlamaCppEngine]:
    made = LlamaCppEngine(Served(base), threads=1)
    yield made
    made.close()


def chunks(engine: LlamaCppEngine, question: str, model: str = "auto", **sampling: Any) -> list[Chunk]:
    return list(engine.chat(request(question, model, **sampling)))


def text(engine: LlamaCppEngine, question: str, model: str = "auto", **sampling: Any) -> str:
    return "".join(chunk.text for chunk in chunks(engine, question, model, **sampling))


@needs_library
def test_every_adapter_answers_in_its_own_way_in_any_order(engine: LlamaCppEngine) -> None:
    models = ("base", "alpha", "beta", "gamma", "delta")
    first = {model: text(engine, QUESTION, model) for model in models}
    assert len(set(first.values())) == 5
    for model in ("delta", "alpha", "base", "alpha", "gamma", "beta", "base", "delta"):
        assert text(engine, QUESTION, model) == first[model]


@needs_library
def test_two_answers_at_the_same_time_do_not_touch_each_other(engine: LlamaCppEngine) -> None:
    models = ("alpha", "beta", "alpha", "base")
    alone = [text(engine, f"{QUESTION} {n}", model) for n, model in enumerate(models)]
    running = [engine.chat(request(f"{QUESTION} {n}", model)) for n, model in enumerate(models)]
    texts = [""] * len(running)
    for row in zip(*running, strict=True):
        texts = [text + chunk.text for text, chunk in zip(texts, row, strict=True)]
    assert texts == alone


@needs_library
def test_the_answers_are_those_of_a_llama_cpp_server(base: ServedBase, engine: LlamaCppEngine) -> None:
    prompt = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    loras = [adapter.gguf for adapter in base.adapters if adapter.gguf is not None]
    body = {"prompt": prompt, "n_predict": 12, "temperature": 0, "cache_prompt": False}
    scales = [[{"id": i, "scale": float(i == number)} for i in range(len(loras))] for number in range(len(loras))]
    answers = ask_llama(base.gguf, [("/completion", {**body, "lora": lora}) for lora in scales], loras)
    assert [text(engine, QUESTION, adapter.name) for adapter in base.adapters] == [a["content"] for a in answers]


@needs_library
def test_choosing_agrees_with_what_a_llama_cpp_server_is_forced_to_write(
    base: ServedBase, engine: LlamaCppEngine
) -> None:
    options = ("a", "ab", "s", "t", "ty", "café")
    calls = [
        (
            "/v1/chat/completions",
            {
                "messages": [{"role": "user", "content": QUESTION}],
                "lora": [{"id": 0, "scale": 1.0}],
                "grammar": grammar(option),
                "temperature": 0,
                "logprobs": True,
                "max_tokens": 16,
            },
        )
        for option in options[:-1]
    ]
    alpha = base.adapters[0].gguf
    assert alpha is not None
    answers = ask_llama(base.gguf, calls, [alpha])
    forced = shares(
        [
            spelled(option, answer["choices"][0]["logprobs"]["content"])
            for option, answer in zip(options, answers, strict=False)
        ]
    )
    chosen = engine.choose(request(QUESTION, "alpha"), options[:-1])
    assert chosen == pytest.approx(forced, rel=0.2, abs=1e-4)  # the probe keeps its cache in 32 bits, we in 16
    assert sum(engine.choose(request(QUESTION, "alpha"), options)) == pytest.approx(1.0)
    assert engine.choose(request(QUESTION, "alpha"), options) != engine.choose(request(QUESTION, "beta"), options)


@needs_library
def test_the_likelihood_of_a_text_is_the_product_of_its_steps(engine: LlamaCppEngine, base: ServedBase) -> None:
    from llama_cpp import Llama

    reference = Llama(str(base.gguf), n_ctx=base.context, n_threads=1, logits_all=True, verbose=False)
    context, continuations = "hello there ", ["you", "hello you there", "x"]
    found = engine.loglikelihood(ModelName.parse("base"), context, continuations)
    for continuation, likelihood in zip(continuations, found, strict=True):
        whole = reference.tokenize((context + continuation).encode(), special=True)
        before = len(reference.tokenize(context.rstrip().encode(), special=True))
        reference.reset()
        reference.eval(whole)
        rows = np.array(reference.scores[: len(whole)], dtype=np.float64)
        rows -= np.log(np.exp(rows - rows.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) + rows.max(
            axis=1, keepdims=True
        )
        steps = [(rows[place - 1], whole[place]) for place in range(before, len(whole))]
        assert likelihood == pytest.approx(sum(row[token] for row, token in steps), abs=1e-2)
    reference.close()
    assert engine.loglikelihood(ModelName.parse("alpha"), context, continuations) != found
    one, two = (engine.loglikelihood(ModelName.parse("beta"), context, continuations, serial=True) for _ in range(2))
    assert one == two
    assert engine.loglikelihood(ModelName.parse("base"), "", ["hello"])[0] < 0
    with pytest.raises(UsageError):
        engine.loglikelihood(ModelName.parse("auto"), context, continuations)
    with pytest.raises(ContextExceeded):
        engine.loglikelihood(ModelName.parse("base"), "word " * 5000, continuations)


@needs_library
def test_the_first_chunk_tells_who_serves_and_the_last_what_it_took(engine: LlamaCppEngine) -> None:
    first, *_, last = chunks(engine, "a blue question")
    assert first.served is not None
    assert (first.served.adapter, first.served.base, first.served.engine) == ("alpha", "tiny", "llama_cpp")
    assert (last.finish, last.usage and last.usage.completion_tokens) == ("length", 12)
    again = chunks(engine, "a blue question")[-1].usage
    assert again is not None
    assert again.cached_tokens == again.prompt_tokens - 1


@needs_library
def test_sampling_and_stop_strings_have_their_effect(engine: LlamaCppEngine) -> None:
    greedy = text(engine, QUESTION, "base")
    assert text(engine, QUESTION, "base", max_tokens=3) == greedy[:3]
    assert text(engine, QUESTION, "base", stop=(greedy[4:6],)) == greedy[: greedy.index(greedy[4:6])]
    hot = {"temperature": 2.0, "top_k": 100, "top_p": 1.0}
    assert text(engine, QUESTION, "base", seed=1, **hot) == text(engine, QUESTION, "base", seed=1, **hot)
    assert text(engine, QUESTION, "base", seed=1, **hot) != text(engine, QUESTION, "base", seed=2, **hot)


@needs_library
def test_penalties_make_repetitions_rare(engine: LlamaCppEngine) -> None:
    strong = {"presence_penalty": 2.0, "frequency_penalty": 2.0, "repeat_penalty": 1.5}
    assert len(set(text(engine, QUESTION, "base", **strong))) > len(set(text(engine, QUESTION, "base")))


@needs_library
def test_a_serial_request_reuses_nothing(engine: LlamaCppEngine) -> None:
    first, again = (list(engine.chat(replace(request(QUESTION, "alpha"), serial=True))) for _ in range(2))
    assert "".join(c.text for c in first) == "".join(c.text for c in again) == text(engine, QUESTION, "alpha")
    assert again[-1].usage is not None
    assert again[-1].usage.cached_tokens == 0


@needs_library
def test_long_questions_to_everybody_fit_one_after_the_other(engine: LlamaCppEngine) -> None:
    models = ("alpha", "beta", "base")
    first = [text(engine, "x" * 440, model) for model in models]
    assert [text(engine, "x" * 440, model) for model in models] == first
    with pytest.raises(ContextExceeded) as caught:
        text(engine, "x" * 1000, "alpha")
    assert caught.value.limit == 512


@needs_library
def test_what_cannot_be_asked_is_told(engine: LlamaCppEngine) -> None:
    with pytest.raises(UnknownName):
        text(engine, QUESTION, "alhpa")
    with pytest.raises(RequestRefused):
        engine.choose(request(QUESTION, "alpha"), ["a", "a"])


@needs_library
def test_what_is_served_may_change(base: ServedBase, tmp_path: Path) -> None:
    source = Served(tiny_base(tmp_path / "models", ("alpha",)))
    engine = LlamaCppEngine(source, threads=1)
    assert engine.resident() is None
    before = text(engine, QUESTION, "alpha")
    residency = engine.resident()
    assert residency is not None
    assert residency.bases[0].adapters == ("alpha",)
    path = source.base.adapters[0].gguf
    assert path is not None
    write_tiny_lora(path.with_suffix(".new"), seed=77).replace(path)
    assert text(engine, QUESTION, "alpha") != before
    source.base = replace(source.base, adapters=())
    assert text(engine, QUESTION, "base")
    engine.close()
    assert engine.resident() is None


@needs_library
def test_a_file_that_is_no_model_is_told(tmp_path: Path, base: ServedBase) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(base.gguf.read_bytes()[:5000])
    engine = LlamaCppEngine(Served(replace(base, gguf=broken, adapters=())), threads=1)
    with pytest.raises(LocomanError, match=r"broken\.gguf"):
        text(engine, QUESTION, "base")


def test_an_adapter_that_would_end_the_process_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    base = write_tiny_base(tmp_path / "base.gguf")
    writer = gguf.GGUFWriter(str(tmp_path / "embedding.gguf"), "qwen3")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    writer.add_tensor("token_embd.weight.lora_a", np.ones((4, 64), np.float32))
    writer.add_tensor("token_embd.weight.lora_b", np.ones((260, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(Unsupported, match="embedding"):
        check_adapter(tmp_path / "embedding.gguf", base)
    from support.tiny_gguf import TinyShape

    other = write_tiny_lora(tmp_path / "other.gguf", TinyShape(hidden=32))
    with pytest.raises(WrongBase):
        check_adapter(other, base)


def test_without_the_package_the_extra_is_named(base: ServedBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    engine = LlamaCppEngine(Served(replace(base, adapters=(ServedAdapter("plain", "1.0.0", None),))))
    with pytest.raises(ExtraMissing, match="llama-cpp-python"):
        text(engine, QUESTION, "plain")
