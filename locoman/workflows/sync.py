"""Makes Ollama match the registry as planned, each model recorded before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace

from msgspec import structs

from locoman.catalog.shelf import Shelf
from locoman.errors import CheckFailed, MissingPrerequisite
from locoman.names import BaseRef
from locoman.ollama.api import OllamaApi
from locoman.ollama.base_file import BaseFile, locate_base
from locoman.ollama.strategies import making
from locoman.ollama.strategies.strategy import Made, Work
from locoman.progress import Stages
from locoman.store.home import Home
from locoman.store.registry import OllamaFile, OllamaModel, OllamaRecord
from locoman.store.transaction import Transaction, change
from locoman.workflows.collection import installed_base
from locoman.workflows.ollama_base import check_same_model
from locoman.workflows.ollama_models import PULLED, Holdings
from locoman.workflows.ollama_record import commit_ollama, finished, intention
from locoman.workflows.ollama_state import ModelStep
from locoman.workflows.ollama_wanted import dress_for
from locoman.workflows.sync_plan import SyncPlan, plan_on


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did: tags made, taken away, and set aside (old name, new name); files and bytes handed over."""

    made: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    set_aside: tuple[tuple[str, str], ...] = ()
    uploads: int = 0
    uploaded_bytes: int = 0


def execute_sync(home: Home, shelf: Shelf, api: OllamaApi, plan: SyncPlan, stages: Stages) -> Synced:
    """Carries out `plan`. What is made is recorded at once, so that a sync that was cut goes on where it stopped.

    Raises LocomanError; then every model in Ollama is as it was before, or as the plan wants it.
    """
    with change(home) as tx:
        if tx.registry != plan.state.registry:  # somebody else was faster
            plan = plan_on(home, shelf, api, tx.registry, plan.asked, plan.prune, plan.state.base.name)
        execution = _Execution(tx, api, plan, stages)
        execution.clear()
        if execution.settle_base():  # what stands on the base is to be made of the new one
            execution.plan = plan_on(home, shelf, api, tx.registry, plan.asked, plan.prune, plan.state.base.name)
        return execution.make()


class _Execution:
    """One run of a plan: `clear`, `settle_base`, `make`; `done` grows as it goes."""

    def __init__(self, tx: Transaction, api: OllamaApi, plan: SyncPlan, stages: Stages) -> None:
        self.tx, self.api, self.plan, self.stages = tx, api, plan, stages
        self.wanted = plan.state.wanted
        self.done = Synced()

    def clear(self) -> None:
        """Takes away what goes, and what would hold on to a damaged file."""
        for step in self.plan.work:
            if step.action in ("delete", "make anew"):
                self._delete(step)
            elif step.action == "forget":
                commit_ollama(self.tx, self.record.without(step.tag))

    def make(self) -> Synced:
        """Makes what is wanted."""
        for step in self.plan.work:
            if step.adapter is not None and step.action in ("make", "make anew", "set aside"):
                self._make(step)
        version = self.plan.state.able.version
        if (self.record.strategy, self.record.version) != (self.plan.asked, version):
            commit_ollama(self.tx, structs.replace(self.record, strategy=self.plan.asked, version=version))
        return self.done

    @property
    def record(self) -> OllamaRecord:
        """What locoman knows of its models now."""
        return self.tx.registry.ollama

    def _delete(self, step: ModelStep) -> None:
        """Takes a model of ours out of Ollama, if it still is the one that locoman made."""
        now = Holdings.of(self.api).manifest(step.tag)
        if step.record is not None and now and now == step.record.manifest:
            making.remove_model(self.api, step.tag)
            self.done = replace(self.done, removed=(*self.done.removed, step.tag))
        if step.action == "delete":
            commit_ollama(self.tx, self.record.without(step.tag))

    def _make(self, step: ModelStep) -> None:
        adapter, strategy = step.adapter, self.plan.strategy
        if adapter is None:
            return
        before = self.record.find(step.tag)
        name = "native" if adapter.gguf is None else strategy.name
        draft = OllamaModel(step.tag, self.wanted.name, str(adapter.ref), name)  # type: ignore[arg-type]
        recipe = adapter.recipe(strategy.name, self.wanted)
        now = Holdings.of(self.api).manifest(step.tag)
        if before is not None and now not in ("", before.manifest):
            if not before.recipe and not strategy.verify(self.api, self.wanted, adapter, before):
                commit_ollama(self.tx, self.record.with_model(structs.replace(before, recipe=recipe, manifest=now)))
                return  # a sync was cut between making it and saying so
            self._set_aside(step.tag, now)
        elif before is None and now:
            return  # since the plan was made, somebody took the name
        with intention(self.tx, self.api, draft, before, now if before else ""):
            made = strategy.apply(self._work(), self.wanted, adapter)
        self._finish(draft, recipe, made)
        wrong = strategy.verify(self.api, self.wanted, adapter, self.record.find(step.tag) or draft)
        if wrong:
            raise CheckFailed(f"Ollama made {step.tag}, but it {wrong}.")

    def _work(self) -> Work:
        return Work(self.api, self.tx.staging, self.stages, self.record.models)

    def _finish(self, draft: OllamaModel, recipe: str, made: Made) -> None:
        commit_ollama(self.tx, self.record.with_model(finished(self.tx, self.api, draft, recipe, made)))
        self.done = replace(
            self.done,
            made=(*self.done.made, draft.tag),
            uploads=self.done.uploads + made.uploads,
            uploaded_bytes=self.done.uploaded_bytes + made.sent,
        )

    def _set_aside(self, tag: str, manifest: str) -> None:
        """Gives a model that somebody made under our name another one, so that nothing of theirs is lost."""
        stem, _, version = tag.rpartition(":")
        kept = f"{stem}-kept-{manifest[:8]}:{version}"
        self.api.copy(tag, kept)
        self.done = replace(self.done, set_aside=(*self.done.set_aside, (tag, kept)))

    def settle_base(self) -> bool:
        """Sees to the base; whether its file is another one now."""
        step, tag, before = self.plan.state.base_step, str(self.wanted.tag), self.wanted
        if step.action == "none" and step.problem and self.plan.work:
            raise MissingPrerequisite(step.problem, step.remedy)
        if step.action in ("pull", "pull anew"):
            self._pull(tag, anew=step.action == "pull anew")
        elif step.action == "adopt" and step.found is not None:
            self._adopt(step.found)
        elif step.action in ("create", "create anew", "set aside"):
            self._create_base(tag)
        return self.wanted != before

    def _pull(self, tag: str, *, anew: bool) -> None:
        if anew:
            making.remove_model(self.api, tag)
        pulled = OllamaModel(tag, self.wanted.name, "", "pulled")
        with intention(self.tx, self.api, pulled, self.record.find(tag), ""):
            self.api.pull(tag, self.stages(f"Base {tag}"))
        found = locate_base(self.api, tag, verify=True, progress=self.stages(f"Base {tag}: checked"))
        if not isinstance(found, BaseFile):
            raise MissingPrerequisite(found.sentence, found.remedy)
        self._finish(pulled, PULLED, Made((OllamaFile(found.sha256, found.size),)))
        self._adopt(found)

    def _adopt(self, found: BaseFile) -> None:
        """Makes the file that Ollama has now the base's, when it is the same model."""
        base = installed_base(self.tx.registry, BaseRef(self.wanted.name))
        fingerprint = check_same_model(found.path, base, self.plan.spec)
        moved = structs.replace(
            base, gguf=str(found.path), sha256=found.sha256, bytes=found.size, fingerprint=fingerprint
        )
        if moved != base:
            self.tx.commit(self.tx.registry.with_base(moved))
        self.wanted = replace(self.wanted, gguf=found.path, sha256=found.sha256, bytes=found.size)

    def _create_base(self, tag: str) -> None:
        """Makes the base in Ollama: of locoman's own file, or anew of Ollama's own, which some model still holds."""
        wanted = self.wanted if self.wanted.own else replace(self.wanted, dress=dress_for(self.plan.spec))
        copy = making.copy_base(self._work(), wanted)
        before, now = self.record.find(tag), Holdings.of(self.api).manifest(tag)
        changed = before is not None and now not in ("", before.manifest)
        # A sync that was killed between making it and saying so left just what is to be made.
        cut = before is not None and not before.recipe and bool(now) and making.is_made_of(self.api, wanted, copy)
        if changed and not cut:
            self._set_aside(tag, now)
        draft = OllamaModel(tag, wanted.name, "", "created")
        with intention(self.tx, self.api, draft, before, now if before else ""):
            if self.plan.state.base_step.action == "create anew":
                making.remove_model(self.api, tag)
            made = making.make_base(self._work(), wanted, copy)
        self._finish(draft, wanted.recipe(), made)
