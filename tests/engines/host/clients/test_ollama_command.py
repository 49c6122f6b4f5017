"""Ollama's own command line as a client, where it is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.real_ollama import find_ollama
from support.tiny_home import TinyHome

OLLAMA = find_ollama()
pytestmark = pytest.mark.skipif(OLLAMA is None, reason="no ollama on PATH and LOCOMAN_TEST_OLLAMA is not set")


def ollama(home: TinyHome, folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    assert OLLAMA is not None
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("OLLAMA_")}
    own = {"OLLAMA_HOST": home.ensure().url, "HOME": str(folder), "OLLAMA_NO_CLOUD": "1", "NO_PROXY": "*"}
    return subprocess.run(
        [OLLAMA, *arguments],
        env={**inherited, **own},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_list_shows_every_model(open_home: TinyHome, tmp_path: Path) -> None:
    result = ollama(open_home, tmp_path, "list")
    assert result.returncode == 0, result.stderr
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    names = ["auto", "base", "alpha", "beta", "gamma", "delta"]
    assert [row.split()[0] for row in rows] == [f"{name}:latest" for name in names]


@pytest.mark.parametrize("model", ["alpha", "beta:latest", "base", "auto"])
def test_run_prints_the_answer(open_home: TinyHome, tmp_path: Path, model: str) -> None:
    result = ollama(open_home, tmp_path, "run", model, "a red question")
    assert result.returncode == 0, result.stderr
    expected = open_home.text("a red question", model.removesuffix(":latest"))
    assert result.stdout.strip() == expected.strip()


def test_run_takes_the_question_from_standard_input(open_home: TinyHome, tmp_path: Path) -> None:
    result = ollama(open_home, tmp_path, "run", "gamma", stdin="hello there")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == open_home.text("hello there", "gamma").strip()


def test_show_describes_a_model(open_home: TinyHome, tmp_path: Path) -> None:
    result = ollama(open_home, tmp_path, "show", "alpha")
    assert result.returncode == 0, result.stderr
    assert "qwen3" in result.stdout
    assert "completion" in result.stdout
    modelfile = ollama(open_home, tmp_path, "show", "alpha", "--modelfile").stdout
    assert "FROM tiny" in modelfile


def test_ps_shows_what_is_in_memory_and_stop_lets_it_go(open_home: TinyHome, tmp_path: Path) -> None:
    open_home.ask("hello", "alpha")
    result = ollama(open_home, tmp_path, "ps")
    assert result.returncode == 0, result.stderr
    rows = {row.split()[0]: row for row in result.stdout.splitlines()[1:]}
    assert set(rows) == {f"{name}:latest" for name in ("base", "alpha", "beta", "gamma", "delta")}
    assert "100% CPU" in rows["alpha:latest"]
    stopped = ollama(open_home, tmp_path, "stop", "alpha")
    assert stopped.returncode == 0, stopped.stderr


def test_an_unknown_model_is_told_with_the_nearest_names(open_home: TinyHome, tmp_path: Path) -> None:
    result = ollama(open_home, tmp_path, "run", "alfa", "hello")
    assert result.returncode != 0
    assert "model 'alfa' not found. Did you mean alpha" in result.stderr


def test_what_locoman_does_alone_is_refused_with_a_sentence(open_home: TinyHome, tmp_path: Path) -> None:
    result = ollama(open_home, tmp_path, "cp", "alpha", "omega")
    assert result.returncode != 0
    assert "managed with the command locoman" in result.stderr
