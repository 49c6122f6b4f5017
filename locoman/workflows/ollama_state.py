"""Registry, Ollama and disk side by side: every difference, and the steps that would end it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.catalog.shelf import Shelf
from locoman.errors import LocomanError
from locoman.names import BaseRef
from locoman.ollama.address import is_loopback
from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.probe import find_capabilities
from locoman.ollama.strategies import STRATEGIES, choose_strategy
from locoman.ollama.strategies.strategy import Strategy
from locoman.ollama.wanted import PlannedFile, WantedAdapter, WantedBase
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, OllamaModel, Registry, StrategyName
from locoman.workflows.collection import installed_base
from locoman.workflows.ollama_base import BaseStep, look_at_base
from locoman.workflows.ollama_models import ACTIONS, SENTENCES, Action, Finding, Holdings
from locoman.workflows.ollama_wanted import wanted_adapters, wanted_base

Asked = StrategyName | Literal["auto", ""]


@dataclass(frozen=True, slots=True)
class ModelStep:
    """A model in Ollama: what was found and what is to be done. `adapter` None where none is wanted under this tag.

    `files` are those it takes once it is made, `way` the strategy that makes it.
    """

    tag: str
    finding: Finding
    action: Action
    adapter: WantedAdapter | None
    record: OllamaModel | None
    files: tuple[PlannedFile, ...] = ()
    way: str = ""

    @property
    def sentence(self) -> str:
        """What was found."""
        what = str(self.adapter.ref) if self.adapter else self.record.adapter if self.record else ""
        if self.adapter is None and self.finding == "fine":
            return f"{self.tag} is in Ollama, and nothing needs it any more."
        if self.finding == "outdated" and self.record and self.way not in ("", self.record.strategy):
            return f"{self.tag} in Ollama is {self.record.strategy}, not {self.way}."
        return SENTENCES[self.finding].format(tag=self.tag, what=what)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be: `subject` is a tag or a version, `fix` what to type next."""

    kind: str
    subject: str
    sentence: str
    fix: str


@dataclass(frozen=True, slots=True)
class OllamaState:
    """All of it at one instant. `strategy` is the one in force, None before the first sync."""

    registry: Registry
    base: InstalledBase
    wanted: WantedBase
    able: Capabilities
    strategy: Strategy | None
    base_step: BaseStep
    steps: tuple[ModelStep, ...]
    holdings: Holdings

    def differences(self) -> tuple[Difference, ...]:
        """What differs, the base first; () when all is as it should be."""
        return tuple(_differences(self))


def look(
    home: Home,
    shelf: Shelf,
    registry: Registry,
    api: OllamaApi,
    asked: Asked,
    *,
    prune: bool = False,
    base: BaseRef | None = None,
) -> OllamaState:
    """Compares what is installed for `base` (default: the one in use) with what Ollama has. `asked` "" looks without wanting
    anything new in Ollama.

    Raises NothingInstalled, UnknownName, InvalidFile, OllamaUnavailable, OllamaRefused, WrongBase, Unsupported.
    """
    installed = installed_base(registry, base)
    spec = shelf.spec(BaseRef(installed.name))
    able = find_capabilities(api)
    strategy = None if not asked else choose_strategy(able) if asked == "auto" else STRATEGIES[asked]
    making = strategy is not None and strategy.name != "hotswap"
    wanted = wanted_base(
        home, installed, spec, dressed=making or any(r.base == installed.name for r in registry.ollama.models)
    )
    adapters = wanted_adapters(home, registry, installed)
    holdings = Holdings.of(api, _blobs_folder(api, registry, wanted))
    looked = [_step(holdings, wanted, registry, adapter, strategy, asked) for adapter in adapters]
    steps = [step for step in looked if step is not None]
    known = {step.tag.lower() for step in steps} | {str(wanted.tag).lower()}
    steps += [_leftover(holdings, r, prune) for r in _leftovers(registry, installed) if r.tag.lower() not in known]
    on_base = [a for a in adapters if making and (a.gguf is None or (strategy and strategy.name == "native"))]
    standing = any(step.action == "keep" and step.record and step.record.strategy == "native" for step in steps)
    record = registry.ollama.find(str(wanted.tag))
    brought = not asked and record is not None and bool(record.recipe)  # by a bundle; no sync has judged it yet
    needed = bool(on_base) or standing or brought
    base_step = look_at_base(holdings, installed, wanted, spec, record, needed=needed)
    if wanted.own and record is not None and not needed:
        steps.append(_leftover(holdings, record, prune))
    if base_step.action == "create anew":  # nothing may hold on to the damaged file
        steps = [_anew(step) for step in steps]
    return OllamaState(registry, installed, wanted, able, strategy, base_step, tuple(steps), holdings)


def _step(
    holdings: Holdings,
    base: WantedBase,
    registry: Registry,
    adapter: WantedAdapter,
    strategy: Strategy | None,
    asked: Asked,
) -> ModelStep | None:
    tag = str(adapter.tag)
    record = registry.ollama.find(tag)
    if strategy is None or strategy.name == "hotswap":
        if record is None:
            return None
        finding = holdings.find_out(tag, record, adapter.recipe(record.strategy, base))
        kept = finding == "fine" and asked in ("auto", "")
        return ModelStep(tag, finding, "keep", adapter, record) if kept else None
    records = registry.ollama.models
    finding = holdings.find_out(tag, record, adapter.recipe(strategy.name, base))
    files = strategy.plan(base, adapter, records) if finding != "taken" else ()
    return ModelStep(tag, finding, ACTIONS[finding], adapter, record, files, strategy.name)


def _leftovers(registry: Registry, base: InstalledBase) -> Iterator[OllamaModel]:
    """Records of this base, and of bases that are gone; those of other installed bases have their own time."""
    for record in registry.ollama.models:
        if record.base == base.name or registry.find_base(record.base) is None:
            yield record


def _leftover(holdings: Holdings, record: OllamaModel, prune: bool) -> ModelStep:
    finding = holdings.find_out(record.tag, record, "")
    if finding == "unfinished":
        gone = holdings.manifest(record.tag) != record.manifest or not record.manifest
        return ModelStep(record.tag, finding, "forget" if gone else "delete", None, record)
    action: Action = (
        "forget" if finding in ("deleted", "changed") else "delete" if prune or finding != "fine" else "leave"
    )
    return ModelStep(record.tag, finding, action, None, record)


def _anew(step: ModelStep) -> ModelStep:
    if step.adapter is None or step.record is None or step.action not in ("keep", "make"):
        return step
    return ModelStep(step.tag, "damaged", "make anew", step.adapter, step.record, step.files)


def _differences(state: OllamaState) -> Iterator[Difference]:
    crossing = _crossing(state)
    if crossing is not None:
        yield crossing
    if state.base_step.problem:
        fix = state.base_step.remedy or "locoman sync"
        yield Difference("base", str(state.wanted.tag), state.base_step.problem, fix)
    for step in state.steps:
        if step.action == "keep":
            continue
        fix = "locoman sync --prune" if step.action == "leave" and step.record else "locoman sync"
        if step.finding == "taken":
            fix = f"ollama cp {step.tag} another-name, ollama rm {step.tag}, then locoman sync"
        kind = "left over" if step.finding == "fine" else step.finding
        yield Difference(kind, step.tag, step.sentence, fix)


def _crossing(state: OllamaState) -> Difference | None:
    """Tells when Ollama was upgraded (or went back) across a border of what it can do."""
    record, able = state.registry.ollama, state.able
    before = Capabilities.of(record.version)
    if not record.strategy or not able.known or not before.known or _abilities(before) == _abilities(able):
        return None
    if before.adapters_at_create and not able.adapters_at_create:
        what = "takes no new adapters; those that are in it still run, and locoman's host serves all of them"
    elif able.adapters_at_create:
        what = "takes adapters again"
    else:
        what = "keeps the shards of split models apart, so that --strategy split saves disk space"
    return Difference(
        "version", able.version, f"Ollama went from {before.version} to {able.version}: it {what}.", "locoman sync"
    )


def _abilities(able: Capabilities) -> tuple[bool, bool, bool]:
    return able.adapters_at_create, able.quantize_at_create, able.split_gguf


def _blobs_folder(api: OllamaApi, registry: Registry, base: WantedBase) -> Path | None:
    """Ollama's blobs, where they are on this machine and can be seen; None elsewhere."""
    if not is_loopback(api.url):
        return None
    if not base.own and base.gguf.parent.is_dir():
        return base.gguf.parent
    for record in registry.ollama.models:
        try:
            path = Path(api.show(record.tag).from_path or "")
        except LocomanError:
            continue
        if path.is_absolute() and path.parent.is_dir():
            return path.parent
    return None


def unique_bytes(files: Sequence[PlannedFile]) -> int:
    """Bytes of the files, each counted once."""
    return sum({file.key: file.bytes for file in files}.values())
