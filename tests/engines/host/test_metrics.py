from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
import pytest
from support.tiny_home import HomeMaker, TinyHome, request

from locoman.contracts import Chunk, ResidentBase, Served, Timing, Usage
from locoman.engines.host.metrics import DeskState, Metrics
from locoman.errors import EngineBusy, EngineLost, LocomanError, RequestRefused, UnknownName

EMPTY = DeskState((), 0, 0, 0, 0, 0)
LINE = re.compile(r'(locoman_[a-z_]+)(\{(?:[a-z_]+="[^"]*",?)*\})? (\S+)')


def read(text: str) -> dict[str, float]:
    """Every sample by its name and labels; refuses what Prometheus would."""
    samples: dict[str, float] = {}
    typed: set[str] = set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            assert line.split()[2] not in typed
            typed.add(line.split()[2])
        elif not line.startswith("# HELP "):
            match = LINE.fullmatch(line)
            assert match, line
            assert match[1] in typed or re.sub("_(bucket|sum|count)$", "", match[1]) in typed
            assert match[1] + (match[2] or "") not in samples
            samples[match[1] + (match[2] or "")] = float(match[3])
    return samples


@dataclass
class Script:
    """An answer by `adapter` that ends with `error`, if any."""

    adapter: str | None = None
    error: LocomanError | None = None

    async def chunks(self) -> AsyncGenerator[Chunk]:
        if isinstance(self.error, UnknownName | EngineBusy):
            raise self.error
        yield Chunk(served=Served(self.adapter, "tiny", "host", 1.0, "asked"))
        yield Chunk(text="Hello")
        if self.error is not None:
            raise self.error
        yield Chunk(finish="stop", timing=Timing(0, 0, 20.0, 70.0, 100.0), usage=Usage(10, 4, 6))


def ask(metrics: Metrics, script: Script, model: str = "auto", take: int = 10) -> None:
    async def run() -> None:
        answer = metrics.observed(request("hello", model), script.chunks())
        try:
            async for _ in answer:
                take_left[0] -= 1
                if take_left[0] == 0:
                    break
        except LocomanError as error:
            assert error is script.error
        await answer.aclose()

    take_left = [take]
    asyncio.run(run())


def test_answers_are_counted_by_model_adapter_and_outcome() -> None:
    metrics = Metrics()
    ask(metrics, Script("alpha"))
    ask(metrics, Script("alpha"), "alpha")
    ask(metrics, Script(None), "base")
    samples = read(metrics.text(EMPTY))
    total = "locoman_requests_total"
    assert samples[total + '{model="auto",adapter="alpha",outcome="answered"}'] == 1
    assert samples[total + '{model="alpha",adapter="alpha",outcome="answered"}'] == 1
    assert samples[total + '{model="base",adapter="base",outcome="answered"}'] == 1
    assert samples['locoman_tokens_total{adapter="alpha",kind="prompt"}'] == 20
    assert samples['locoman_tokens_total{adapter="alpha",kind="cached"}'] == 8
    assert samples['locoman_tokens_total{adapter="base",kind="completion"}'] == 6
    assert samples["locoman_decoding_seconds_total"] == pytest.approx(0.15)
    assert samples["locoman_tokens_per_second"] == 100
    assert samples["locoman_switches_total"] == 1
    assert samples["locoman_first_token_seconds_count"] == 3
    assert samples['locoman_first_token_seconds_bucket{le="0.05"}'] == 3
    assert metrics.requests == 3


def test_outcomes_are_told_apart() -> None:
    metrics = Metrics()
    ask(metrics, Script("alpha"), "alpha", take=1)
    for error in (EngineLost("gone"), RequestRefused(400, "no")):
        ask(metrics, Script("alpha", error), "alpha")
    ask(metrics, Script(error=EngineBusy(1)))
    samples = read(metrics.text(EMPTY))
    for adapter, outcome in (("alpha", "cancelled"), ("alpha", "failed"), ("alpha", "refused")):
        assert samples[f'locoman_requests_total{{model="alpha",adapter="{adapter}",outcome="{outcome}"}}'] == 1
    assert samples['locoman_requests_total{model="auto",adapter="",outcome="busy"}'] == 1


def test_names_that_clients_make_up_make_no_new_series() -> None:
    metrics = Metrics()
    for number in range(50):
        ask(metrics, Script(error=UnknownName("adapter", "x")), f"made-up-{number}")
    samples = read(metrics.text(EMPTY))
    assert samples['locoman_requests_total{model="other",adapter="",outcome="refused"}'] == 50
    assert sum(name.startswith("locoman_requests_total") for name in samples) == 1


def test_what_is_in_memory_is_told() -> None:
    state = DeskState((ResidentBase("tiny", ("alpha", "beta"), 1000),), 8, 3, 2, 5, 4)
    samples = read(Metrics().text(state))
    assert samples['locoman_base_memory_bytes{base="tiny"}'] == 1000
    assert samples['locoman_adapter_loaded{base="tiny",adapter="beta"}'] == 1
    names = ("bases", "slots", "slots_owned", "requests_answering", "requests_waiting", "engine_loads_total")
    assert [samples[f"locoman_{name}"] for name in names] == [1, 8, 3, 2, 5, 4]


def test_a_host_tells_prometheus_who_has_the_key(make_home: HomeMaker) -> None:
    home: TinyHome = make_home()
    with home.client() as client:
        assert read(client.get("/metrics").text)["locoman_bases"] == 0
        home.ask("hello there", "alpha")
        home.ask("hello there", "alpha")
        home.ask("hello there", "beta")
        response = client.get("/metrics")
        assert httpx.get(f"{home.ensure().url}/metrics", trust_env=False).status_code == 401
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = read(response.text)
    assert samples['locoman_requests_total{model="alpha",adapter="alpha",outcome="answered"}'] == 2
    assert samples['locoman_tokens_total{adapter="alpha",kind="cached"}'] > 10
    assert samples["locoman_switches_total"] == 1
    assert samples["locoman_engine_loads_total"] == 1
    assert samples['locoman_base_memory_bytes{base="tiny"}'] > 1_000_000
    assert samples["locoman_slots"] >= samples["locoman_slots_owned"] >= 2
    residency = home.engine.resident()
    assert residency is not None
    assert residency.load.requests == 3
    assert residency.load.slots == samples["locoman_slots"]
