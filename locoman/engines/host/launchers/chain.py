"""The launchers in their order: the first whose trial load works and whose canary comes back serves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from locoman.engines.host.canary import Trials, try_out
from locoman.engines.host.launchers.launcher import Launcher
from locoman.engines.host.launchers.ollama import find_llama_server, ollama_on_cpu, ollama_on_gpu
from locoman.engines.host.launchers.path import launchers_on_path
from locoman.engines.host.launchers.process import Child
from locoman.engines.host.launchers.xllamacpp import XllamacppLauncher
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.options import HostOptions
from locoman.engines.host.plan import LaunchPlan
from locoman.errors import EngineError, EngineUnavailable, MissingPrerequisite

_CRASHES = 2
"""After so many deaths of its own a way to run a base is the last to be tried again."""


class Chain:
    """Runs a plan in the first way that works; the child is told why the ones before did not."""

    def __init__(self, find: Callable[[], Awaitable[Sequence[Launcher]]], trials: Trials) -> None:
        self._find = find
        self._trials = trials
        self._crashes: Counter[tuple[str, str]] = Counter()

    async def launch(self, plan: LaunchPlan, log: BoundedLog) -> Child:
        """A child that is ready and may be trusted. Raises what the first launcher raised if none works."""
        launchers = sorted(await self._find(), key=lambda launcher: self._unreliable(launcher.name, plan))
        errors: list[EngineError | MissingPrerequisite] = []
        refused: list[str] = []
        for launcher in launchers:
            try:
                child = await self._trusted(launcher, plan, log)
            except (EngineError, MissingPrerequisite) as error:
                errors.append(error)
                refused.append(f"{launcher.name}: {error}")
                continue
            child.launcher, child.refused = launcher.name, tuple(refused)
            return child
        raise errors[0] if errors else EngineUnavailable("There is no llama.cpp on this machine.")

    def crashed(self, child: Child) -> None:
        """Is told when a child ended or fell silent by itself."""
        self._crashes[child.launcher, child.plan.model.path] += 1

    def _unreliable(self, name: str, plan: LaunchPlan) -> bool:
        return self._crashes[name, plan.model.path] >= _CRASHES

    async def _trusted(self, launcher: Launcher, plan: LaunchPlan, log: BoundedLog) -> Child:
        key = f"{launcher.identity()} | {plan.model.path} {plan.model.bytes} {plan.model.modified}"
        child = await launcher.launch(plan, log)
        try:
            if plan.loras and not self._trials.passed(key) and await try_out(child.talk, plan):
                self._trials.remember(key)
        except ConnectionError as error:
            await child.stop()
            raise EngineUnavailable(f"llama.cpp ended as soon as it was asked something ({launcher.name}).") from error
        except BaseException:
            await asyncio.shield(child.stop())
            raise
        return child


def standard_chain(run_dir: Path, options: HostOptions) -> Chain:
    """With a GPU Ollama's llama-server; else xllamacpp, a llama-server on PATH, Ollama's on the processor. An option
    names the only one that may be used."""

    async def find() -> Sequence[Launcher]:
        seconds = options.load_timeout
        ollama = find_llama_server(options.ollama) if options.launcher in ("auto", "ollama") else None
        found: list[Launcher] = list(await ollama_on_gpu(ollama, seconds)) if ollama is not None else []
        if options.launcher in ("auto", "xllamacpp"):
            found.append(XllamacppLauncher(seconds))
        if options.launcher in ("auto", "llama-server"):
            found += launchers_on_path(seconds)
        if ollama is not None and all(launcher.name != "ollama" for launcher in found):
            found.append(ollama_on_cpu(ollama, seconds))
        return found

    return Chain(find, Trials(run_dir / "canary.json"))
