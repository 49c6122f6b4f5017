"""loco-tiny installed, and Ollamas to sync it with: of a file of locoman's own, or of one that Ollama pulled."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.installed import copy_home
from support.oci_registry import OciRegistry
from support.ollama_standin import StandinOllama

from locoman.catalog.shelf import Shelf, shipped
from locoman.names import BaseRef
from locoman.ollama.api import OllamaApi
from locoman.progress import quiet_stages
from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry
from locoman.workflows.install import execute_install, plan_install
from locoman.workflows.ollama_state import Asked, Difference
from locoman.workflows.provide.ollama import OllamaProvider
from locoman.workflows.remove import execute_remove, plan_remove
from locoman.workflows.status import status_of
from locoman.workflows.sync import Synced, execute_sync
from locoman.workflows.sync_plan import SyncPlan, plan_sync

PULLED_TAG = "loco-tiny-pulled:f16"


def shelf_of(home: Home) -> Shelf:
    """What ships, with the home's own specs over it."""
    return Shelf((shipped("modelfiles"), home.modelfiles), (shipped("adapters"),))


@dataclass(frozen=True)
class Pair:
    """A home and a client of the Ollama beside it."""

    home: Home
    api: OllamaApi

    @property
    def registry(self) -> Registry:
        return load_registry(self.home.registry)

    def plan(self, asked: Asked = "", *, prune: bool = False) -> SyncPlan:
        return plan_sync(self.home, shelf_of(self.home), self.api, asked, prune=prune)

    def sync(self, asked: Asked = "", *, prune: bool = False) -> Synced:
        """Plans and executes."""
        plan = self.plan(asked, prune=prune)
        return execute_sync(self.home, shelf_of(self.home), self.api, plan, quiet_stages)

    def differences(self) -> tuple[Difference, ...]:
        return status_of(self.home, shelf_of(self.home), self.api).differences

    def kinds(self) -> set[str]:
        """The kinds of the differences."""
        return {difference.kind for difference in self.differences()}

    def tags(self) -> dict[str, str]:
        """Every model in Ollama and the digest of its manifest."""
        return {model.name: model.digest for model in self.api.tags()}


def with_adapters(installed: Path, root: Path, names: Sequence[str]) -> Path:
    """A copy of the home `installed` in `root` with no adapters but these."""
    home = Home(copy_home(installed, root))
    others = tuple(adapter.name for adapter in load_registry(home.registry).adapters if adapter.name not in names)
    with OllamaApi("http://127.0.0.1:9") as nobody:
        execute_remove(home, plan_remove(home, others), nobody)
    return root


def use_pulled_base(home: Home, library: OciRegistry, api: OllamaApi) -> None:
    """Installs loco-tiny once more, now as a base that `library` offers and Ollama pulls. `home` has loco-tiny's own file."""
    installed = load_registry(home.registry).current()
    library.add(PULLED_TAG, home.root / installed.gguf, template="{{ .Prompt }}")
    shutil.copytree(shipped("modelfiles") / "loco-tiny", home.modelfiles / "loco-tiny")
    spec = (shipped("modelfiles") / "loco-tiny.toml").read_text("utf-8")
    spec = spec.replace('folder = "loco-tiny"', 'repository = "nobody/loco-tiny"\nrevision = "main"')
    (home.modelfiles / "loco-tiny.toml").write_text(f'{spec}\n[ollama]\ntag = "{PULLED_TAG}"\n', "utf-8")
    (home.root / installed.gguf).unlink()
    plan = plan_install(
        home,
        shelf_of(home),
        [OllamaProvider(api.url)],
        BaseRef("loco-tiny"),
        [adapter.name for adapter in load_registry(home.registry).active_of(installed)],
    )
    execute_install(home, plan, quiet_stages)


def blobs(standin: StandinOllama) -> set[str]:
    """The names of all whole blobs."""
    return {path.name for path in (standin.store.root / "blobs").glob("sha256-*") if "partial" not in path.name}
