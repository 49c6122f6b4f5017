"""A change of base with models in Ollama: the new ones are made beside the old ones, and go again when it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import Shell
from support.ollama_standin import Fault, StandinOllama

from locoman.ollama.api import OllamaApi
from locoman.store.home import Home
from locoman.store.registry import load_registry

OLD = {"loco-tiny:latest", "loco-tiny-arithmetic:1.0.0", "loco-tiny-words:1.0.0"}
NEW = {"loco-twin:latest", "loco-twin-arithmetic:1.1.0"}
APPLY = ("migrate", "apply", "--override", "a test")


@pytest.fixture
def standin(tmp_path: Path, prepared: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandinOllama]:
    """An Ollama 0.33 in which the old base and its adapters are, and a model of somebody else's."""
    with StandinOllama(tmp_path / "models") as running:
        monkeypatch.setenv("OLLAMA_HOST", running.url)
        shell.done("sync", "--strategy", "native")
        assert set(listed(running)) == OLD
        yield running


def listed(standin: StandinOllama) -> dict[str, str]:
    """Every model in Ollama and the digest of its manifest."""
    with OllamaApi(standin.url) as api:
        return {model.name: model.digest for model in api.tags()}


def in_use(home: Home) -> str:
    return load_registry(home.registry).base


def test_the_new_models_stand_beside_the_old_ones_and_go_when_it_is_taken_back(
    standin: StandinOllama, prepared: Home, shell: Shell
) -> None:
    before, record = listed(standin), load_registry(prepared.registry).ollama
    planned = shell.done(*APPLY, "--dry-run")
    assert (planned["sync"] is not None, set(listed(standin))) == (True, OLD)
    shell.done(*APPLY)
    after = listed(standin)
    assert set(after) == OLD | NEW
    assert before.items() <= after.items()
    assert shell.done("status")["differences"] == []
    shell.done("sync", "--prune")
    assert listed(standin) == after  # the fallback's models have their time yet
    shell.done("migrate", "rollback", "--yes")
    assert listed(standin) == before
    assert load_registry(prepared.registry).ollama == record
    assert shell.done("status")["differences"] == []


def test_retiring_the_old_base_takes_its_models_away(standin: StandinOllama, prepared: Home, shell: Shell) -> None:
    shell.done(*APPLY)
    after = listed(standin)
    shell.done("migrate", "retire", "--yes", "--override", "a test")
    assert listed(standin) == {tag: digest for tag, digest in after.items() if tag in NEW}
    assert {model.tag for model in load_registry(prepared.registry).ollama.models} == NEW
    assert shell.done("status")["differences"] == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [("/api/create", Fault.HANG_UP), ("/api/create", Fault.FULL), ("/api/blobs", Fault.HANG_UP)],
)
def test_an_ollama_that_dies_in_the_middle_leaves_the_old_base_in_use(
    standin: StandinOllama, prepared: Home, shell: Shell, path: str, fault: Fault
) -> None:
    before = listed(standin)
    standin.faults[path] = fault
    failed = shell(*APPLY)
    del standin.faults[path]
    assert failed.code in (1, 4), failed.out + failed.err
    assert "Traceback" not in failed.err
    assert in_use(prepared) == "loco-tiny"
    assert before.items() <= listed(standin).items()
    shell.done(*APPLY)
    assert in_use(prepared) == "loco-twin"
    assert set(listed(standin)) == OLD | NEW


def test_one_that_dies_between_two_models_is_as_before_once_the_change_is_taken_back(
    standin: StandinOllama, prepared: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, record = listed(standin), load_registry(prepared.registry).ollama
    create = StandinOllama.create

    def create_the_base_alone(self: StandinOllama, request: Any) -> Iterator[Any]:
        yield from create(self, request)
        self.faults["/api/blobs"] = self.faults["/api/create"] = Fault.HANG_UP

    monkeypatch.setattr(StandinOllama, "create", create_the_base_alone)
    assert shell(*APPLY).code in (1, 4)
    assert in_use(prepared) == "loco-tiny"
    assert set(listed(standin)) == OLD | {"loco-twin:latest"}
    standin.faults.clear()
    shell.done("migrate", "rollback", "--yes")
    assert listed(standin) == before
    assert load_registry(prepared.registry).ollama == record


def test_without_ollama_it_is_left_as_it_is_until_a_sync(standin: StandinOllama, prepared: Home, shell: Shell) -> None:
    before = listed(standin)
    standin.faults["/api/tags"] = standin.faults["/api/version"] = Fault.HANG_UP
    shell.done(*APPLY, "--without-ollama")
    assert in_use(prepared) == "loco-twin"
    standin.faults.clear()
    assert listed(standin) == before
    shell.done("sync")
    assert set(listed(standin)) == OLD | NEW


def test_an_ollama_that_does_not_answer_while_it_is_taken_back_is_told_of(
    standin: StandinOllama, prepared: Home, shell: Shell
) -> None:
    shell.done(*APPLY)
    for path in ("/api/tags", "/api/delete"):
        standin.faults[path] = Fault.HANG_UP
    back = shell.done("migrate", "rollback", "--yes")
    standin.faults.clear()
    assert in_use(prepared) == "loco-tiny"
    assert set(back["models_left"]) == NEW
    shell.done("sync", "--prune")
    assert set(listed(standin)) == OLD
