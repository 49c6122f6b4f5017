"""Which launcher serves, with launchers that only pretend."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from locoman.engines.host.canary import Trials
from locoman.engines.host.launchers.chain import Chain
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.plan import LaunchPlan, PlannedFile
from locoman.errors import EngineUnavailable, MissingPrerequisite

PLAN = LaunchPlan(PlannedFile("m", 1, 1), "", 100, 100, 8, 1)


class Pretender:
    """A launcher whose child is its own name, or an error."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self._error = error

    def identity(self) -> str:
        return self.name

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Any:
        if self._error is not None:
            raise self._error
        return Child(plan)


class Child:
    def __init__(self, plan: LaunchPlan) -> None:
        self.plan = plan
        self.launcher = ""


def chain(folder: Path, launchers: Sequence[Pretender]) -> Chain:
    async def find() -> Sequence[Any]:
        return launchers

    return Chain(find, Trials(folder / "canary.json"))


def launched(one: Chain, folder: Path) -> Any:
    return asyncio.run(one.launch(PLAN, BoundedLog(folder / "log")))


def test_the_first_that_works_serves_and_why_the_others_do_not_is_kept(tmp_path: Path) -> None:
    broken = Pretender("gpu", EngineUnavailable("out of memory"))
    absent = Pretender("wheel", MissingPrerequisite("no wheel", "pip install"))
    one = chain(tmp_path, [broken, absent, Pretender("path"), Pretender("last")])
    child = launched(one, tmp_path)
    assert child.launcher == "path"
    assert child.refused == ("gpu: out of memory", "wheel: no wheel")


def test_with_none_that_works_the_reason_of_the_first_is_told(tmp_path: Path) -> None:
    errors = [Pretender("a", EngineUnavailable("the reason")), Pretender("b", EngineUnavailable("another"))]
    with pytest.raises(EngineUnavailable, match="the reason"):
        launched(chain(tmp_path, errors), tmp_path)
    with pytest.raises(EngineUnavailable, match=r"There is no llama\.cpp"):
        launched(chain(tmp_path, []), tmp_path)


def test_one_that_keeps_crashing_is_tried_last(tmp_path: Path) -> None:
    one = chain(tmp_path, [Pretender("gpu"), Pretender("cpu")])
    first = launched(one, tmp_path)
    one.crashed(first)
    assert launched(one, tmp_path).launcher == "gpu"
    one.crashed(first)
    assert launched(one, tmp_path).launcher == "cpu"
