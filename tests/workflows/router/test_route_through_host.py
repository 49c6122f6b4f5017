"""The encoder is in one process of a machine: the host's. `locoman route` asks it, and decides alone where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.command import Shell
from support.encoder import encoder_files
from support.installed import with_vectors
from support.kills import finish, locoman

from locoman.app import App
from locoman.cli.route import describe
from locoman.engines.host.discover import find_host
from locoman.engines.host.files import HostFiles
from locoman.engines.host.routing_client import HostDecider
from locoman.routing.encoder.files import WEIGHTS, encoder_folder
from locoman.store.home import Home

QUESTION = "turn the word garden around, letter by letter"


@pytest.fixture(scope="module")
def served(installed: Path, vectors: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with loco-tiny and the encoder, whose host runs."""
    home = with_vectors(installed, tmp_path_factory.mktemp("served") / "home", vectors)
    finish(locoman(home.root, "router", "encoder", "install", "--from", str(encoder_files())))
    finish(locoman(home.root, "ask", "Hello!"))
    yield home
    finish(locoman(home.root, "stop"))


def decider_of(home: Home) -> HostDecider | None:
    address = HostFiles(home.run, home.locks).read_address()
    return None if address is None else HostDecider.at(address)


def imported(root: Path, *arguments: str) -> tuple[str, set[str]]:
    """What a fresh process prints, and the modules that it imports."""
    command = [sys.executable, "-X", "importtime", "-m", "locoman", *arguments, "--home", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.stdout, {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has mapped is read from /proc")
def test_the_host_holds_the_encoder_and_the_command_does_not(served: Home) -> None:
    address = find_host(served.run, served.locks)
    assert address is not None
    finish(locoman(served.root, "route", QUESTION))
    weights = str(encoder_folder(served.encoders) / WEIGHTS.name)
    holders = []
    for process in psutil.process_iter():
        try:
            maps = Path(f"/proc/{process.pid}/maps").read_text()
        except OSError:
            continue
        if weights in maps and process.pid != os.getpid():
            holders.append(process.pid)
    assert holders == [address.pid]
    out, modules = imported(served.root, "route", "--json", QUESTION)
    assert '"stage": "encoder"' in out
    assert '"adapter": "words"' in out
    heavy = {"numpy", "httpx", "onnxruntime", "locoman.routing.encoder.bge", "locoman.routing.encoder.runtime"}
    assert not heavy & modules


def test_host_and_command_decide_alike(served: Home, shell: Shell) -> None:
    through = shell("route", "--json", QUESTION, "--home", str(served.root)).document
    with App.load(served.root) as app:
        alone = describe(app.router().decide(QUESTION))
    assert {**through, "route_ms": 0} == {**alone, "route_ms": 0}


def test_a_file_of_questions_is_routed_by_the_host(served: Home, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text(f"{QUESTION}\n\nWhat is 17 + 25?\n日本の首都はどこですか\n😀\n", "utf-8")
    found = shell("route", "--quiet", "--file", str(tmp_path / "questions.txt"), "--home", str(served.root)).out.split()
    assert found[:2] == ["words", "arithmetic"]
    assert len(found) == 4


def test_a_host_that_is_gone_or_a_stranger_on_its_port_is_passed_over(own: Home, shell: Shell) -> None:
    assert decider_of(own) is None
    finish(locoman(own.root, "ask", "Hello!"))
    address = find_host(own.run, own.locks)
    assert address is not None
    psutil.Process(address.pid).kill()
    psutil.Process(address.pid).wait(10)
    assert decider_of(own) is None
    assert shell("route", "--quiet", "What is 17 + 25?").out == "arithmetic\n"
    found = (own.run / "host.json").read_text()
    (own.run / "host.json").write_text(found.replace(address.nonce, "0" * len(address.nonce)))
    assert decider_of(own) is None


def test_what_the_host_cannot_read_is_decided_here(served: Home) -> None:
    decider = decider_of(served)
    assert decider is not None
    assert decider.try_to("half a character \ud800") is None
    assert decider.try_to("   ") is None
    decision = decider.try_to(QUESTION)
    assert decision is not None
    assert decision.adapter == "words"
    decider.close()


def test_the_command_needs_little_without_a_host_too(copied: Home) -> None:
    out, modules = imported(copied.root, "route", "--quiet", "Spell the word planet")
    assert out == "words\n"
    heavy = {"httpx", "gguf", "ollama", "rich", "psutil", "sklearn", "uvicorn", "starlette", "xllamacpp", "jinja2"}
    assert not (heavy | {"onnxruntime"}) & modules
