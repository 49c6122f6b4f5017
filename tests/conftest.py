"""Every test has a LOCOMAN_HOME of its own, and no setting of whoever runs the tests reaches it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Shell
from support.contract_summary import summary_lines
from support.installed import copy_home, install_tiny
from support.kills import finish, locoman

from locoman.store.home import Home


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("LOCOMAN_", "OLLAMA_")) and not name.startswith("LOCOMAN_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOCOMAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # nobody answers there
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with loco-tiny, to be read and asked only; its host runs until the tests end."""
    root = install_tiny(tmp_path_factory.mktemp("installed") / "home")
    yield root
    finish(locoman(root, "stop"))


@pytest.fixture
def own(installed: Path, home: Home) -> Iterator[Home]:
    """This test's own home with loco-tiny in it."""
    yield Home(copy_home(installed, home.root))
    finish(locoman(home.root, "stop"))


@pytest.fixture
def copied(installed: Path, home: Home) -> Home:
    """As `own`, for tests that ask nothing: no host is started in it, and none has to be stopped."""
    return Home(copy_home(installed, home.root))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what the contract with Ollama was tried on."""
    outcomes = [
        (report.nodeid, outcome)
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(outcome, ())
    ]
    lines = list(summary_lines(outcomes))
    if lines:
        terminalreporter.section("contract with Ollama")
        for line in lines:
            terminalreporter.line(line)
