"""Engines that hang, answer garbage or find no memory: who asked is told or served otherwise, the next one is answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support.faulty_llama_server import FAULTS, set_fault, write_faulty_server
from support.tiny_home import request
from support.tiny_host import KeywordDecider

from locoman.contracts import Lineup, ServedBase
from locoman.engines.host import talk
from locoman.engines.host.canary import Trials
from locoman.engines.host.desk import Desk
from locoman.engines.host.launchers.chain import Chain
from locoman.engines.host.launchers.launcher import Launcher
from locoman.engines.host.launchers.llama_server import LlamaServerLauncher
from locoman.engines.host.launchers.ollama import ollama_on_gpu
from locoman.engines.host.launchers.xllamacpp import XllamacppLauncher
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.options import HostOptions
from locoman.errors import EngineError, EngineLost

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the faulty llama-server is a script")
QUESTION = "hello there"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Seconds instead of minutes; and no process is left behind."""
    for name in ("_BEGINNING", "_EVALUATING", "_ANSWERING", "_SHORT"):
        monkeypatch.setattr(talk, name, 2.0)
    yield
    left = psutil.Process().children(recursive=True)
    assert not [process for process in left if "locoman.engines" in " ".join(process.cmdline())]


class OneBase:
    """A LineupSource that never changes."""

    def __init__(self, base: ServedBase) -> None:
        self._lineup = Lineup(base, KeywordDecider({}))

    def current(self, base: str | None = None) -> Lineup:
        return self._lineup


def run(folder: Path, base: ServedBase, launchers: Sequence[Launcher], test: Callable[[Desk], Awaitable[None]]) -> None:
    """`test` with a desk that has these ways to run llama.cpp."""

    async def find() -> Sequence[Launcher]:
        return launchers

    async def main() -> None:
        chain = Chain(find, Trials(folder / "canary.json"))
        desk = Desk(OneBase(base), chain, BoundedLog(folder / "engine.log"), HostOptions(threads=1))
        try:
            await test(desk)
        finally:
            await desk.close()

    asyncio.run(asyncio.wait_for(main(), 90))


async def text(desk: Desk, model: str) -> str:
    async with aclosing(desk.answer(request(QUESTION, model))) as chunks:
        return "".join([chunk.text async for chunk in chunks])


def right(folder: Path, base: ServedBase, model: str) -> str:
    """What the wheel answers."""
    found = []

    async def ask(desk: Desk) -> None:
        found.append(await text(desk, model))

    run(folder, base, [XllamacppLauncher()], ask)
    return found[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_hangs_or_answers_garbage_does_not_pass_the_trial_and_the_next_serves(
    tmp_path: Path, base: ServedBase, fault: str
) -> None:
    bad = LlamaServerLauncher("bad", write_faulty_server(tmp_path / "bin", fault), 30.0)

    async def test(desk: Desk) -> None:
        assert await text(desk, "alpha") == expected
        (resident,) = desk.resident()
        assert resident.launcher == "xllamacpp"
        (reason,) = resident.refused
        assert reason.startswith("bad: ")

    expected = right(tmp_path, base, "alpha")
    run(tmp_path, base, [bad, XllamacppLauncher()], test)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_goes_wrong_later_fails_who_asked_and_is_replaced(
    tmp_path: Path, base: ServedBase, fault: str
) -> None:
    binary = write_faulty_server(tmp_path / "bin", fault)
    plain = replace(base, adapters=())  # without adapters there is no trial

    async def test(desk: Desk) -> None:
        with pytest.raises(EngineError) as told:
            await text(desk, "base")
        assert isinstance(told.value, EngineLost)
        set_fault(binary, "")
        assert await text(desk, "base") == expected

    expected = right(tmp_path, plain, "base")
    run(tmp_path, plain, [LlamaServerLauncher("bad", binary, 30.0)], test)


def test_after_two_breakdowns_another_way_is_taken(tmp_path: Path, base: ServedBase) -> None:
    bad = LlamaServerLauncher("bad", write_faulty_server(tmp_path / "bin", "nonsense"), 30.0)
    plain = replace(base, adapters=())

    async def test(desk: Desk) -> None:
        for _ in range(2):
            with pytest.raises(EngineError):
                await text(desk, "base")
        assert await text(desk, "base") == expected
        assert desk.resident()[0].launcher == "xllamacpp"

    expected = right(tmp_path, plain, "base")
    run(tmp_path, plain, [bad, XllamacppLauncher()], test)


def test_a_gpu_without_memory_leaves_it_to_the_processor(tmp_path: Path, base: ServedBase) -> None:
    library = tmp_path / "lib" / "ollama"
    binary = write_faulty_server(library, "no memory")
    (library / "cuda_v12").mkdir()
    (library / "cuda_v12" / "libggml-cuda.so").write_bytes(b"")
    launchers = asyncio.run(ollama_on_gpu(binary, 30.0))
    assert [launcher.name for launcher in launchers] == ["ollama (gpu)", "ollama"]

    async def test(desk: Desk) -> None:
        assert await text(desk, "beta") == expected
        (resident,) = desk.resident()
        assert resident.launcher == "ollama"
        assert resident.refused == (
            f"ollama (gpu): llama.cpp could not load {base.gguf}: CUDA error: out of memory (ended by SIGABRT).",
        )

    expected = right(tmp_path, base, "beta")
    run(tmp_path, base, launchers, test)


def test_one_that_is_suspended_in_the_middle_of_an_answer_is_given_up(tmp_path: Path, long_base: ServedBase) -> None:
    async def test(desk: Desk) -> None:
        with pytest.raises(EngineError):
            async with aclosing(desk.answer(request(QUESTION, "alpha", max_tokens=1 << 14))) as chunks:
                number = 0
                async for _ in chunks:
                    number += 1
                    if number == 3:
                        engine().suspend()
        assert await text(desk, "alpha") == expected

    expected = right(tmp_path, long_base, "alpha")
    run(tmp_path, long_base, [XllamacppLauncher()], test)


def engine() -> psutil.Process:
    """The process with the model."""
    (found,) = [process for process in psutil.Process().children() if "locoman.engines.host.child" in process.cmdline()]
    return found
