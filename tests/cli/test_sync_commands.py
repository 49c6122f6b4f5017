"""sync, status and doctor as typed, with everything that can be wrong with Ollama: one sentence, the next command, no trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Result, Shell
from support.installed import copy_home
from support.ollama_home import shelf_of, with_adapters
from support.ollama_standin import Fault, StandinOllama

from locoman.contracts import Engine
from locoman.errors import LocomanError
from locoman.ollama import api as api_module
from locoman.store.home import Home
from locoman.workflows.doctor import Check, examine

MODELS = {"loco-tiny-words:1.0.0", "loco-tiny:latest"}
_LEAST = Fault.HTML, Fault.BAD_GATEWAY, Fault.HANG_UP, Fault.SERVER_ERROR, Fault.GARBAGE


@pytest.fixture(scope="session")
def one(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with loco-tiny and one adapter, to be copied only."""
    return with_adapters(installed, tmp_path_factory.mktemp("one") / "home", ("words",))


@pytest.fixture
def beside(one: Path, home: Home) -> Home:
    """This test's own."""
    return Home(copy_home(one, home.root))


@pytest.fixture
def standin(tmp_path: Path, beside: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandinOllama]:
    """An empty Ollama 0.33 beside a home with loco-tiny."""
    with StandinOllama(tmp_path / "models") as running:
        monkeypatch.setenv("OLLAMA_HOST", running.url)
        yield running


def tags(standin: StandinOllama) -> set[str]:
    return {str(model.tag) for model in standin.store.models()}


def check_told(result: Result, code: int | tuple[int, ...] = (1, 4)) -> None:
    """One sentence and what to type, nothing else."""
    assert result.code in ((code,) if isinstance(code, int) else code), result.err
    *_, sentence, following = result.err.strip().splitlines()
    assert re.fullmatch(r".*\S\.", sentence), result.err
    assert re.fullmatch(r"Next: \S.*", following), result.err
    assert "Traceback" not in result.err
    assert "<html" not in result.err.lower()


def test_from_a_plan_to_in_step_and_back(shell: Shell, standin: StandinOllama) -> None:
    planned = shell("sync", "--dry-run")
    assert planned.out.splitlines()[0] == "Ollama    0.33.0, strategy native (chosen for this Ollama)"
    assert "a second copy of the base that locoman keeps" in planned.out
    assert (tags(standin), standin.uploads) == (set(), 0)
    done = shell("sync", "--json").document["result"]
    assert (set(done["made"]), done["uploads"]) == (MODELS, 2)
    assert shell("sync").out == "Ollama is in step: 0 uploads.\n"
    assert shell("status").out.endswith("All is in step.\n")
    assert shell("remove", "--all", "--yes").code == 0
    assert tags(standin) == set()


@pytest.mark.parametrize("command", [("sync",), ("sync", "--dry-run")])
def test_without_ollama_sync_says_what_to_start(shell: Shell, beside: Home, command: tuple[str, ...]) -> None:
    result = shell(*command)
    check_told(result, 4)
    assert result.err.strip().endswith("Next: ollama serve")
    status = shell("status")
    assert (status.code, "Ollama does not answer" in status.out) == (0, True)


@pytest.mark.parametrize("fault", _LEAST)
@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/create", "/api/blobs"])
def test_whatever_answers_in_ollama_s_place_is_told_and_makes_nothing(
    shell: Shell, standin: StandinOllama, path: str, fault: Fault
) -> None:
    standin.faults[path] = fault
    check_told(shell("sync", "--strategy", "native"))
    assert tags(standin) == set()
    status = shell("status", "--json")
    assert status.code == 0
    problem, differences = status.document["ollama"]["problem"], status.document["differences"]
    if path in ("/api/version", "/api/tags"):
        assert problem.endswith(".")
    assert all(d["sentence"].endswith(".") and d["fix"] for d in differences)


@pytest.mark.parametrize(
    ("path", "fault", "words"),
    [
        ("/api/create", Fault.STREAM_ERROR, "refused to create"),
        ("/api/create", Fault.STREAM_CUT, "middle of the creation|broke off|ended"),
        ("/api/create", Fault.STREAM_END, "in the middle of the creation"),
        ("/api/create", Fault.FULL, "disk"),
        ("/api/blobs", Fault.FULL, "disk"),
        ("/api/blobs", Fault.CUT_UPLOAD, "does not answer"),
    ],
)
def test_what_breaks_on_the_way_is_told_and_the_next_sync_ends_it(
    shell: Shell, standin: StandinOllama, path: str, fault: Fault, words: str
) -> None:
    standin.faults[path] = fault
    result = shell("sync", "--strategy", "native")
    check_told(result)
    assert re.search(words, result.err), result.err
    assert tags(standin) == set()
    standin.faults.clear()
    assert shell("sync", "--strategy", "native").code == 0
    assert tags(standin) == MODELS
    assert shell("status").out.endswith("All is in step.\n")


def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    shell: Shell, standin: StandinOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module.OllamaApi.__init__, "__kwdefaults__", {"read_seconds": 0.2, "pull_silence": 0.2})
    standin.faults["/api/tags"] = Fault.SILENT
    result = shell("sync")
    check_told(result, 4)
    assert f"Ollama does not answer at {standin.url}" in result.err


def test_a_later_major_version_is_used_as_what_is_known_of_it(shell: Shell, standin: StandinOllama) -> None:
    standin.version = standin.rules = "1.2.0"
    assert shell("sync", "--json").document["plan"]["strategy"] == "hotswap"
    check_told(shell("sync", "--strategy", "native"), 4)
    assert shell("status").out.endswith("All is in step.\n")


def test_doctor_names_the_first_difference_and_its_command(shell: Shell, standin: StandinOllama, beside: Home) -> None:
    assert shell("sync").code == 0
    standin.store.remove(next(model for model in standin.store.models() if "words" in str(model.tag)))
    checks = {check.name: check for check in examine(beside, shelf_of(beside), standin.url, _no_engine, deep=False)}
    assert checks["models"] == Check("models", False, "loco-tiny-words:1.0.0 was deleted in Ollama.", "locoman sync")


def _no_engine() -> Engine:
    raise LocomanError("not asked")


def test_models_whose_base_is_gone_are_named_until_they_go(
    shell: Shell, standin: StandinOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("sync").code == 0
    with monkeypatch.context() as patch:
        patch.setenv("OLLAMA_HOST", "127.0.0.1:9")
        assert shell("remove", "--all", "--yes").code == 0
    status = shell("status")
    assert status.out.count("its base is not installed") == len(MODELS)
    assert status.out.count("next: locoman remove --all") == len(MODELS)
    assert shell("remove", "--all", "--yes").code == 0
    assert tags(standin) == set()
    check_told(shell("status"), 4)
