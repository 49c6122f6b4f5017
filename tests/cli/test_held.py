"""A base that Ollama holds in memory as well is told, and let go on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Shell
from support.oci_registry import OciRegistry
from support.ollama_standin import StandinOllama

from locoman.store.home import Home
from locoman.store.registry import load_registry


@pytest.fixture
def ollama(own: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandinOllama]:
    """An Ollama that has the installed base as loco-tiny:q8, and another model."""
    base = load_registry(own.registry).current()
    other = tmp_path / "other.gguf"
    other.write_bytes((own.root / base.gguf).read_bytes()[:-4] + b"else")
    with OciRegistry() as library:
        library.add("loco-tiny:q8", own.root / base.gguf)
        library.add("another:1", other)
        with StandinOllama(tmp_path / "models", library=library) as running:
            for tag in ("loco-tiny:q8", "another:1"):
                list(running.pull({"model": tag}))
            monkeypatch.setenv("OLLAMA_HOST", running.url)
            yield running


def test_a_base_that_is_in_memory_twice_is_told_and_freed(own: Home, ollama: StandinOllama, shell: Shell) -> None:
    assert shell("ps", "--json").document["ollama"] == []
    ollama.loaded |= {"loco-tiny:q8", "another:1"}
    (held,) = shell("ps", "--json").document["ollama"]
    assert (held["tag"], held["base"]) == ("loco-tiny:q8", "loco-tiny")
    assert held["bytes"] > 0
    told = "Ollama holds loco-tiny in memory too (loco-tiny:q8, "
    assert told in shell("ps").err
    checks = {check["name"]: check for check in shell("doctor", "--json").document["checks"]}
    assert checks["memory"]["ok"]
    assert told in checks["memory"]["detail"]
    assert "run by xllamacpp" in checks["engine"]["detail"]
    assert shell("stop", "--json").document["freed"] == []
    assert ollama.loaded == {"loco-tiny:q8", "another:1"}
    assert shell("stop", "--ollama", "--json").document == {"stopped": False, "freed": ["loco-tiny:q8"]}
    assert ollama.loaded == {"another:1"}


def test_without_an_ollama_nothing_is_said_of_it(own: Home, shell: Shell) -> None:
    assert shell("ps", "--json").document["ollama"] == []
    result = shell("stop", "--ollama")
    assert (result.code, result.err) == (0, "")
