"""Everything a sync would do, with its bytes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite, NotEnoughDisk
from locoman.names import BaseRef
from locoman.ollama.api import OllamaApi
from locoman.ollama.probe import find_capabilities
from locoman.ollama.strategies import STRATEGIES
from locoman.ollama.strategies.strategy import Strategy
from locoman.ollama.wanted import PlannedFile
from locoman.store.home import Home
from locoman.store.registry import OllamaFile, Registry, load_registry
from locoman.workflows.collection import installed_base
from locoman.workflows.ollama_state import Asked, ModelStep, OllamaState, look, unique_bytes

_MARGIN = 64 << 20
"""Bytes left free for manifests, headers and for others."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """Everything a sync would do. Sizes in bytes.

    `disk_before` and `disk_after` are what the base and locoman's models take in Ollama, files that models share counted
    once; `copy_bytes` of that is a second copy of a base that locoman keeps itself. `upload_bytes` is at most handed over;
    `room` is needed meanwhile; `download_bytes` is pulled.
    """

    state: OllamaState
    spec: BaseSpec
    asked: Asked
    prune: bool
    disk_before: int
    disk_after: int
    copy_bytes: int
    upload_bytes: int
    download_bytes: int
    room: int
    disk_free: int

    @property
    def strategy(self) -> Strategy:
        """The one that `asked` came to."""
        if self.state.strategy is None:
            raise ValueError("a sync has a strategy")
        return self.state.strategy

    @property
    def work(self) -> tuple[ModelStep, ...]:
        """The steps that change something."""
        return tuple(step for step in self.state.steps if step.action not in ("keep", "leave"))

    @property
    def blocked(self) -> tuple[str, ...]:
        """What no sync can mend, each with what a person can do."""
        lines = [f"{d.sentence} ({d.fix})" for d in self.state.differences() if d.kind == "taken"]
        step = self.state.base_step
        return (*([f"{step.problem} ({step.remedy})"] if step.remedy else []), *lines)

    @property
    def nothing_to_do(self) -> bool:
        """Whether Ollama matches the registry already."""
        return not self.work and self.state.base_step.action in ("keep", "none")


def plan_sync(
    home: Home, shelf: Shelf, api: OllamaApi, asked: Asked, *, prune: bool = False, base: BaseRef | None = None
) -> SyncPlan:
    """The plan for `base` (default: the one in use) and its active adapters. `asked` "" asks for what was asked for last, at
    first "auto".

    Raises NothingInstalled, MissingPrerequisite (this Ollama cannot), OllamaUnavailable, OllamaRefused, WrongBase,
    InvalidFile, Unsupported, NotEnoughDisk.
    """
    registry = load_registry(home.registry)
    return plan_on(home, shelf, api, registry, asked, prune, installed_base(registry, base).name)


def plan_on(
    home: Home, shelf: Shelf, api: OllamaApi, registry: Registry, asked: Asked, prune: bool, base: str
) -> SyncPlan:
    """The plan that brings Ollama in step with `registry`. Raises as `plan_sync`."""
    asked = asked or registry.ollama.strategy or "auto"
    if asked != "auto":
        refusal = STRATEGIES[asked].unable(find_capabilities(api))
        if refusal:
            raise MissingPrerequisite(refusal, "locoman sync --strategy auto   (chooses what this Ollama can do)")
    state = look(home, shelf, registry, api, asked, prune=prune, base=BaseRef(base))
    plan = _sized(state, shelf.spec(BaseRef(state.base.name)), asked, prune, home.root)
    if plan.room > plan.disk_free:
        raise NotEnoughDisk(plan.room, plan.disk_free, state.holdings.folder or home.root)
    return plan


def _sized(state: OllamaState, spec: BaseSpec, asked: Asked, prune: bool, root: Path) -> SyncPlan:
    present = [step for step in state.steps if step.record and state.holdings.manifest(step.tag)]
    going = {step.tag for step in state.steps if step.action in ("forget", "delete", "make", "make anew", "set aside")}
    held = [_planned(file) for step in present if step.record for file in step.record.files]
    staying = [
        _planned(file) for step in present if step.record and step.tag not in going for file in step.record.files
    ]
    to_make = [step for step in state.steps if step.action in ("make", "make anew", "set aside")]
    new = [file for step in to_make for file in step.files]
    creating = state.base_step.action in ("create", "create anew", "set aside")
    pulling = state.base_step.action in ("pull", "pull anew")
    base = [_base_file(state)]
    base_now = base if state.holdings.manifest(str(state.wanted.tag)) else []
    leaves = any(step.action == "delete" and step.tag == str(state.wanted.tag) for step in state.steps)
    base_after = base if creating or pulling or (base_now and not leaves) else []
    sure = [step.record.files for step in present if step.record and step.finding in ("fine", "outdated")]
    known = {file.sha256 for files in sure for file in files}
    upload = unique_bytes([file for file in new if file.key not in known]) + (state.base_step.bytes if creating else 0)
    largest = max((sum(f.bytes for f in step.files) for step in to_make if len(step.files) == 1), default=0)
    after, before = unique_bytes(base_after + staying + new), unique_bytes(base_now + held)
    working = 2 * largest if state.strategy and state.strategy.name in ("merged", "split") else 0
    grows = max(0, after - before)
    return SyncPlan(
        state, spec, asked, prune, before, after,
        copy_bytes=unique_bytes(base_after) if state.wanted.own else 0,
        upload_bytes=upload,
        download_bytes=state.base_step.bytes if pulling else 0,
        room=grows + working + _MARGIN if upload or pulling else 0,
        disk_free=shutil.disk_usage(_existing(state.holdings.folder or root)).free,
    )  # fmt: skip


def _planned(file: OllamaFile) -> PlannedFile:
    return PlannedFile(file.sha256, file.bytes)


def _base_file(state: OllamaState) -> PlannedFile:
    """The base's own file in Ollama; of a base of ours under the digest that it has there."""
    record = state.registry.ollama.find(str(state.wanted.tag))
    if record is not None and record.files:
        return _planned(record.files[0])
    return PlannedFile(state.wanted.sha256, state.wanted.bytes)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
