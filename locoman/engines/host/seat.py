"""A request's place in an engine: a base in memory, a turn at it, a slot of its KV; and leaving all three in order."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from locoman.contracts import Message, Request, ServedAdapter, ServedBase
from locoman.engines.host.lineup import lora_list, owner_of, sampling_fields
from locoman.engines.host.prompting import prompted
from locoman.engines.host.residents import Residents, Running
from locoman.engines.host.scheduler import Conversation, Grant, Job, Turn
from locoman.engines.host.stream import since
from locoman.errors import EngineError, EngineLost, EngineSilent

_HOPELESS = 64
"""Bytes per token of the context that no text has: llama.cpp will refuse it."""
_PER_MESSAGE = 32
"""Tokens that a chat template puts around a message, at most."""


class Seat:
    """A slot that is ours for a while. `body` is the request for it, `load_ms` what loading took."""

    def __init__(self, running: Running, job: Job, body: dict[str, Any], answer_tokens: int) -> None:
        self.body = body
        self.load_ms = 0.0
        self.job = job
        self.kept: int | None = None
        """Cells that the slot holds after an answer that came to its end; None before that."""
        self._running = running
        self._answer_tokens = answer_tokens

    async def events(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """llama.cpp's events for `body`. Raises ConnectionError, EngineLost, RequestRefused."""
        self.kept = None
        async with aclosing(self._running.child.talk.events(body)) as events:
            async for event in events:
                if "prompt_progress" in event:
                    self._begun(event["prompt_progress"])
                if event.get("usage"):
                    self.kept = _count(event["usage"], "total_tokens")
                yield event

    def _begun(self, progress: object) -> None:
        """The prompt's exact size is known."""
        tokens = _count(progress, "total")
        own = sum(turn.size for turn in self.job.conversation)
        self._running.overhead = max(self._running.overhead, tokens - own)
        self._running.gate.settle(self.job, min(tokens + self._answer_tokens, self._running.base.context))


class Seating:
    """Seats requests; `serial`: all of them one at a time and from their beginning."""

    def __init__(self, residents: Residents, serial: bool) -> None:
        self._residents = residents
        self._serial = serial
        self._clearing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def seat(self, base: ServedBase, request: Request, adapter: ServedAdapter | None) -> AsyncIterator[Seat]:
        """Waits for the base and for a turn at it. Raises what these raise, and ConnectionError for a dead engine."""
        begun = time.perf_counter()
        async with self._residents.using(base, adapter) as running:
            load_ms = since(begun)
            try:
                async with self._turn(running, request, adapter) as seat:
                    seat.load_ms = load_ms
                    yield seat
            except EngineSilent:
                await self._residents.give_up(running)
                raise
            except (EngineLost, ConnectionError):
                self._residents.distrust(running)
                raise

    @asynccontextmanager
    async def _turn(self, running: Running, request: Request, adapter: ServedAdapter | None) -> AsyncIterator[Seat]:
        base, owner = running.base, owner_of(adapter)
        messages = prompted(request.messages, adapter)
        fields = sampling_fields(base, request.sampling)
        limit = min(fields.get("max_tokens", base.context), base.context)
        cells = await _cells(running, messages, limit)
        grant = await running.gate.enter(Job(owner, _conversation(messages), cells, self._serial or request.serial))
        body = {
            "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
            "id_slot": grant.slot,
            "lora": lora_list(running.child.plan, owner),
            "cache_prompt": not grant.fresh,
            "stream_options": {"include_usage": True},
            **fields,
        }
        seat = Seat(running, grant.job, body, limit)
        try:
            await _erase(running, grant)
            yield seat
        finally:
            self._leave(running, grant, seat.kept)

    async def close(self) -> None:
        """Lets go of what is still being cleared; the processes have ended."""
        await asyncio.gather(*self._clearing, return_exceptions=True)

    def _leave(self, running: Running, grant: Grant, kept: int | None) -> None:
        """Gives the slot back; one whose answer was broken off only when llama.cpp has stopped working on it."""
        if kept is not None or not running.child.alive:
            running.gate.leave(grant.job, kept)
            return
        task = asyncio.create_task(self._clear(running, grant))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def _clear(self, running: Running, grant: Grant) -> None:
        try:
            await running.child.talk.erase(grant.slot)
        except (EngineError, ConnectionError):
            await self._residents.give_up(running)
        finally:
            running.gate.leave(grant.job, None)


async def _cells(running: Running, messages: Sequence[Message], limit: int) -> int:
    """The KV that a request may need: by its bytes where there is plenty (no token has less than one), else counted."""
    context = running.child.plan.context
    size = sum(len(turn.content.encode(errors="replace")) for turn in messages)
    cells = min(size + running.overhead + _PER_MESSAGE * len(messages) + limit, context)
    if running.gate.scheduler.roomy(cells) or size > _HOPELESS * context:
        return cells
    return min(await running.child.talk.count(messages) + limit, context)


async def _erase(running: Running, grant: Grant) -> None:
    """Empties what has to be empty; one after the other, so that nobody is sent to a slot that is about to be erased."""
    async with running.doorway:
        for slot in grant.erase:
            await running.child.talk.erase(slot)


def _conversation(messages: Sequence[Message]) -> Conversation:
    turns = []
    for message in messages:
        content = message.content.encode(errors="replace")
        digest = hashlib.blake2b(content, digest_size=16, person=message.role.encode()).digest()
        turns.append(Turn(digest, len(content)))
    return tuple(turns)


def _count(document: object, key: str) -> int:
    """A number of tokens in what llama.cpp sent. Raises EngineLost."""
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, int):
        raise EngineLost("The engine sent something that is not an answer.")
    return value
