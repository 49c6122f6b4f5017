"""Where a base comes from: Ollama's own file, the hub, or nowhere. The model is a tiny one under the standard base's tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from support.fake_hub import FakeHub
from support.oci_registry import OciRegistry
from support.ollama_standin import Fault, StandinOllama
from support.tiny_gguf import TinyShape, write_tiny_base

from locoman.catalog.shelf import Shelf, shipped
from locoman.catalog.spec import GgufSource
from locoman.errors import LocomanError, NoSource, NotEnoughDisk, NotEnoughMemory, UnknownName
from locoman.names import BaseRef
from locoman.progress import no_progress, quiet_stages
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows import install
from locoman.workflows.collection import base_file
from locoman.workflows.install import execute_install, plan_install
from locoman.workflows.provide.checkpoint import CheckpointProvider
from locoman.workflows.provide.hub import HubProvider
from locoman.workflows.provide.ollama import OllamaProvider
from locoman.workflows.provide.provider import Provider

TAG = "qwen3:4b-instruct-2507-q4_K_M"
NOBODY = "http://127.0.0.1:9"
SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("gguf") / "Qwen3-4B-Instruct-2507-Q4_K_M.gguf", TinyShape())


@pytest.fixture
def ollama(tiny: Path, tmp_path: Path) -> Iterator[StandinOllama]:
    with OciRegistry() as registry:
        registry.add(TAG, tiny)
        with StandinOllama(tmp_path / "models", library=registry) as server:
            yield server


def providers(home: Home, url: str = NOBODY) -> tuple[Provider, ...]:
    return (CheckpointProvider(), OllamaProvider(url), HubProvider(home.downloads))


def point_hub_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    point_hub_at(monkeypatch, NOBODY)


def test_ollama_pulls_the_standard_base_and_its_own_file_is_used(home: Home, ollama: StandinOllama) -> None:
    plan = plan_install(home, SHELF, providers(home, ollama.url))
    assert plan.offer is not None
    assert (plan.offer.provider, plan.offer.disk_bytes) == ("Ollama", 0)
    assert plan.offer.download_bytes > 2_000_000_000
    execute_install(home, plan, quiet_stages)
    base = load_registry(home.registry).current()
    assert base.origin == "ollama"
    assert base_file(home, base).parent.name == "blobs"
    assert not list(home.root.rglob("*.gguf"))
    assert set(base.active) == {"math-reasoning", "code", "writing"}


def test_a_base_that_ollama_has_is_not_pulled_again(home: Home, ollama: StandinOllama) -> None:
    execute_install(home, plan_install(home, SHELF, providers(home, ollama.url)), quiet_stages)
    other = Home(home.root / "other")
    plan = plan_install(other, SHELF, providers(other, ollama.url))
    assert plan.offer is not None
    assert plan.offer.download_bytes == 0
    ollama.faults["/api/pull"] = Fault.SERVER_ERROR
    execute_install(other, plan, quiet_stages)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.STREAM_ERROR,
        Fault.STREAM_CUT,
        Fault.STREAM_END,
        Fault.HTML,
        Fault.SERVER_ERROR,
        Fault.HANG_UP,
        Fault.FULL,
    ],
)
def test_a_pull_that_fails_installs_nothing_and_can_be_tried_again(
    home: Home, ollama: StandinOllama, fault: Fault
) -> None:
    plan = plan_install(home, SHELF, providers(home, ollama.url))
    ollama.faults["/api/pull"] = fault
    with pytest.raises(LocomanError):
        execute_install(home, plan, quiet_stages)
    assert not home.registry.exists()
    assert not any(home.staging.iterdir())
    del ollama.faults["/api/pull"]
    execute_install(home, plan, quiet_stages)
    assert load_registry(home.registry).base == "qwen3-4b-instruct"


def test_without_ollama_the_hub_is_asked_and_the_file_verified(
    home: Home, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeHub(tiny) as hub:
        point_hub_at(monkeypatch, hub.url)
        spec = shipped("modelfiles") / "qwen3-4b-instruct.toml"
        home.modelfiles.mkdir(parents=True)
        # The shipped spec pins the real file's digest, which a tiny file cannot have.
        text = "\n".join(line for line in spec.read_text().splitlines() if not line.startswith("sha256"))
        (home.modelfiles / spec.name).write_text(text)
        template = home.modelfiles / "qwen3-4b-instruct"
        template.mkdir()
        (template / "chat_template.jinja").write_text(
            (shipped("modelfiles") / "qwen3-4b-instruct" / "chat_template.jinja").read_text()
        )
        shelf = Shelf((shipped("modelfiles"), home.modelfiles), (shipped("adapters"),))
        plan = plan_install(home, shelf, providers(home))
        assert plan.offer is not None
        assert (plan.offer.provider, plan.offer.download_bytes) == ("Hugging Face hub", tiny.stat().st_size)
        assert "Ollama" in dict(plan.passed_over)
        execute_install(home, plan, quiet_stages)
        base = load_registry(home.registry).current()
        assert base.origin == "downloaded"
        assert base_file(home, base).read_bytes() == tiny.read_bytes()
        assert len(hub.served) == 1


def test_a_download_that_was_finished_before_a_kill_is_not_fetched_again(
    home: Home, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeHub(tiny) as hub:
        point_hub_at(monkeypatch, hub.url)
        provider = HubProvider(home.downloads)
        source = GgufSource(repository="x/y", file=tiny.name)
        spec = SHELF.spec(BaseRef("qwen3-4b-instruct"))
        spec = replace(spec, spec=structs.replace(spec.spec, gguf=source))
        first = provider.provide(spec, home.staging, no_progress)
        again = HubProvider(home.downloads).provide(spec, home.staging, no_progress)
        assert first == again
        assert len(hub.served) == 1


@pytest.mark.usefixtures("no_hub")
def test_with_no_network_the_sources_tried_are_named_and_the_way_out(home: Home) -> None:
    with pytest.raises(NoSource) as caught:
        plan_install(home, SHELF, providers(home))
    assert {"Ollama", "Hugging Face hub"} <= {source for source, _ in caught.value.tried}
    assert "--base loco-tiny" in caught.value.remedy
    assert not home.root.exists()


def test_an_unknown_base_names_the_nearest(home: Home) -> None:
    with pytest.raises(UnknownName) as caught:
        plan_install(home, SHELF, providers(home), BaseRef("loco-tinny"))
    assert caught.value.nearest[0] == "loco-tiny"


def test_too_little_memory_or_disk_is_told_before_anything_is_done(
    home: Home, ollama: StandinOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "machine_memory", lambda: 2_000_000_000)
    with pytest.raises(NotEnoughMemory, match=r"3\.5 GB of memory, and this machine has 2 GB"):
        plan_install(home, SHELF, providers(home, ollama.url))
    monkeypatch.undo()
    monkeypatch.setattr(install, "disk_free", lambda root: 1000)
    with pytest.raises(NotEnoughDisk):
        plan_install(home, SHELF, providers(home, ollama.url))
    assert not home.root.exists()
