"""Asks a llama.cpp server that nobody has tried yet whether it keeps adapters apart, before it may serve.

Some builds do not: they continue one adapter's cache under another (llama.cpp #26207, #27148), or know nothing of a
request's own adapters. The first token's probabilities tell more than any text: they are compared as numbers.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.documents import read_text
from locoman.engines.host.lineup import lora_list
from locoman.engines.host.plan import LaunchPlan
from locoman.engines.host.talk import Talk
from locoman.errors import EngineLost, EngineUnavailable, InvalidFile, LocomanError, StoreError
from locoman.store.atomic import write_atomic
from locoman.weights.gguf import GgufFile

_QUESTION = "Name three colours, then add 17 and 25, and say which day follows Friday."
_CLOSE = 0.05
"""Natural logarithms that differ by less are the same but for rounding, which depends on where the cache lies ..."""
_FAR = 0.5
"""... and by more are not; between the two it counts which adapter a reading is nearest to."""
_TOP = 5
_MAX_BYTES = 1 << 20
_KEPT = 100

Owner = tuple[str, float] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of one question: the log-probabilities of the most probable first tokens, and what needed no evaluation."""

    tokens: dict[str, float]
    cached: int

    def distance(self, other: Reading) -> float:
        """The largest difference of a token's log-probability; infinite where hardly any token is in both."""
        shared = self.tokens.keys() & other.tokens.keys()
        if 2 * len(shared) < len(self.tokens):
            return math.inf
        return max(abs(self.tokens[token] - other.tokens[token]) for token in shared)


async def try_out(talk: Talk, plan: LaunchPlan) -> bool:
    """Whether the server was seen to keep the adapters of `plan` apart; False if they have no effect, their weights being 0.

    Raises EngineUnavailable when it does not, and what Talk raises.
    """
    owners: list[Owner] = [(lora.path, 1.0) for lora in plan.loras[:2]] + [None]
    slots = min(plan.slots, len(owners))
    for slot in range(slots):
        await talk.erase(slot)
    alone: dict[Owner, Reading] = {}
    noise = 0.0
    for owner in owners:  # each by itself in an empty slot: so these are right, and differ by rounding alone
        alone[owner] = await _ask(talk, plan, owner, 0, fresh=True)
        noise = max(noise, alone[owner].distance(await _ask(talk, plan, owner, 0, fresh=False)))
        await talk.erase(0)
    for number, owner in enumerate([*owners, *reversed(owners)]):  # now each takes over what another left
        reading = await _ask(talk, plan, owner, number % slots, fresh=True)
        if reading.cached:
            raise EngineUnavailable("It reuses what another adapter evaluated.")
        if not _is_of(owner, reading, alone, noise):
            raise EngineUnavailable("It mixes adapters up.")
        again = await _ask(talk, plan, owner, number % slots, fresh=False)
        if not _is_of(owner, again, alone, noise):
            raise EngineUnavailable("It answers otherwise when it continues what it has evaluated.")
    for slot in range(slots):
        await talk.erase(slot)
    if any(alone[owner].distance(alone[None]) > 0.0 for owner in owners[:-1]):
        return True
    for lora in plan.loras[:2]:
        if await asyncio.to_thread(_does_something, Path(lora.path)):
            raise EngineUnavailable("It answers as if there were no adapters.")
    return False


def _does_something(lora: Path) -> bool:
    """Whether any of the adapter's updates is not zero."""
    try:
        with GgufFile.open(lora) as file:
            return any(file.raw(tensor).any() for name, tensor in file.tensors.items() if name.endswith(".lora_b"))
    except LocomanError:
        return False  # the server, which has loaded it, reads more kinds of files than we do


def _is_of(owner: Owner, reading: Reading, alone: Mapping[Owner, Reading], noise: float) -> bool:
    """Whether the reading is the owner's, as far as can be told by those taken alone; rounding may make twice the `noise`."""
    others = min((alone[owner].distance(alone[other]) for other in alone if other != owner), default=math.inf)
    return reading.distance(alone[owner]) <= max(_CLOSE, min(2 * noise, others / 2), min(_FAR, others / 2))


class Trials:
    """Which pairs of server and base passed, remembered in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def passed(self, key: str) -> bool:
        """Whether this pair did."""
        return key in self._read()

    def remember(self, key: str) -> None:
        """Raises StoreError."""
        kept = [*(known for known in self._read() if known != key), key][-_KEPT:]
        write_atomic(self._path, json.dumps({"passed": kept}, indent=1).encode())

    def _read(self) -> list[str]:
        try:
            known = json.loads(read_text(self._path, _MAX_BYTES))["passed"]
        except (InvalidFile, StoreError, ValueError, KeyError, TypeError):
            return []
        return [key for key in known if isinstance(key, str)] if isinstance(known, list) else []


async def _ask(talk: Talk, plan: LaunchPlan, owner: Owner, slot: int, *, fresh: bool) -> Reading:
    body = {
        "messages": [{"role": "user", "content": _QUESTION}],
        "id_slot": slot,
        "lora": lora_list(plan, owner),
        "cache_prompt": not fresh,
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": True,
        "top_logprobs": _TOP,
        "stream_options": {"include_usage": True},
    }
    reading: dict[str, float] = {}
    cached = 0
    async with aclosing(talk.events(body)) as events:
        async for event in events:
            try:
                reading = reading or _tokens(event["choices"])
                cached = ((event.get("usage") or {}).get("prompt_tokens_details") or {}).get("cached_tokens", cached)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise EngineLost("The engine sent something that is not an answer.") from error
    if not reading:
        raise EngineUnavailable("It tells no probabilities.")
    return Reading(reading, cached)


def _tokens(choices: Sequence[dict[str, Any]]) -> dict[str, float]:
    for choice in choices:
        for token in (choice.get("logprobs") or {}).get("content") or ():
            return {str(top.get("bytes") or top["token"]): float(top["logprob"]) for top in token["top_logprobs"]}
    return {}
