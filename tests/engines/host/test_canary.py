"""The canary against servers that go wrong in the ways that were seen; the real one passes in every other test here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.tiny_gguf import write_tiny_lora

from locoman.engines.host.canary import Trials, try_out
from locoman.engines.host.plan import LaunchPlan, PlannedFile
from locoman.errors import EngineUnavailable

PLAN = LaunchPlan(
    PlannedFile("m", 1, 1), "", 100, 100, 8, 1, tuple(PlannedFile(name, 1, 1) for name in ("alpha", "beta"))
)
EFFECTS = {"alpha": 1.0, "beta": 2.0}


class Server:
    """Speaks like Talk. An answer is its token's log-probability, moved by the adapter; a slot keeps the adapter's number.

    fault: "" for a right one, "deaf" to adapters, "mixed": it continues whatever is in the slot, "stuck": continuing its
    own it answers otherwise, "eager": it reuses what it was told to forget, "mute": it tells no probabilities.
    """

    def __init__(self, fault: str = "", noise: float = 0.01, effects: dict[str, float] = EFFECTS) -> None:
        self._fault = fault
        self._noise = noise
        self._effects = effects
        self._slots: dict[int, float] = {}
        self._asked = 0

    async def erase(self, slot: int) -> None:
        self._slots.pop(slot, None)

    async def events(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        self._asked += 1
        effect = sum(
            self._effects[name] * float(own["scale"]) for name, own in zip(self._effects, body["lora"], strict=True)
        )
        held = self._slots.get(body["id_slot"])
        if self._fault == "deaf":
            effect = 0.0
        if self._fault == "mixed" and held is not None:
            effect = (effect + held) / 2
        if self._fault == "stuck" and body["cache_prompt"]:
            effect += 1.0
        self._slots[body["id_slot"]] = effect
        tops = [
            {"token": token, "logprob": -1.0 - number * effect + self._noise * (self._asked % 2)}
            for number, token in enumerate("abcde")
        ]
        logprobs = None if self._fault == "mute" else {"content": [{"top_logprobs": tops}]}
        cached = 5 if held is not None and (body["cache_prompt"] or self._fault == "eager") else 0
        yield {"choices": [{"logprobs": logprobs, "delta": {}}], "prompt_progress": {"total": 6}}
        yield {"choices": [], "usage": {"prompt_tokens_details": {"cached_tokens": cached}}}


def outcome(server: Server) -> bool:
    return asyncio.run(try_out(server, PLAN))  # type: ignore[arg-type]


def test_a_server_that_keeps_adapters_apart_passes() -> None:
    assert outcome(Server()) is True


@pytest.mark.parametrize(
    ("fault", "words"),
    [("mixed", "mixes"), ("stuck", "continues"), ("eager", "reuses"), ("mute", "no probabilities")],
)
def test_one_that_does_not_is_told_by_what_it_does(fault: str, words: str) -> None:
    with pytest.raises(EngineUnavailable, match=words):
        outcome(Server(fault))


def test_adapters_without_any_effect_show_nothing() -> None:
    assert outcome(Server(noise=0.0, effects={"alpha": 0.0, "beta": 0.0})) is False


def test_one_that_knows_nothing_of_adapters_that_have_an_effect_does_not_pass(tmp_path: Path) -> None:
    lora = PlannedFile.of(write_tiny_lora(tmp_path / "lora.gguf"))
    server = Server("deaf", noise=0.0, effects={lora.path: 1.0})
    with pytest.raises(EngineUnavailable, match="as if there were no adapters"):
        asyncio.run(try_out(server, replace(PLAN, loras=(lora,))))  # type: ignore[arg-type]


def test_small_effects_are_told_apart_from_rounding() -> None:
    small = {"alpha": 0.04, "beta": 0.08}
    assert outcome(Server(effects=small)) is True
    with pytest.raises(EngineUnavailable, match="mixes"):
        outcome(Server("mixed", effects={"alpha": 0.04, "beta": 0.4}))


def test_what_passed_is_remembered_and_a_broken_file_forgets(tmp_path: Path) -> None:
    trials = Trials(tmp_path / "canary.json")
    assert not trials.passed("one")
    trials.remember("one")
    trials.remember("two")
    assert Trials(tmp_path / "canary.json").passed("one")
    (tmp_path / "canary.json").write_text('{"passed": 5}')
    assert not trials.passed("one")
    trials.remember("three")
    assert trials.passed("three")


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    trials = Trials(tmp_path / "canary.json")
    for number in range(120):
        trials.remember(str(number))
    assert not trials.passed("0")
    assert trials.passed("119")
