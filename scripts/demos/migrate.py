"""A change of base from loco-tiny to loco-tiny-next, in a home of its own: every verdict appears, and the way back works."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

OLD, NEW = "loco-tiny", "loco-tiny-next"
VERDICTS = {"compatible", "recheck", "retrain", "obsolete"}
QUESTIONS = ("What is 17 + 25?", "Spell the word planet backwards.", "How many centimetres are 7 metres?",
             "Write 2024-03-14 in words.", "Hello, how are you today?")  # fmt: skip


class Failed(Exception):
    """Something is not as it should be."""


class Shell:
    """Types commands at a home of its own and shows them."""

    def __init__(self, locoman: str, home: Path) -> None:
        self._locoman = locoman
        self._environment = os.environ | {"LOCOMAN_HOME": str(home)}

    def __call__(self, *arguments: str, code: int = 0, show: bool = True) -> Any:
        """The command's JSON object. Raises Failed for another exit code."""
        if show:
            print(f"\n$ locoman {' '.join(_quoted(text) for text in arguments)}", flush=True)
        command = [self._locoman, *arguments, "--json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self._environment)
        if done.returncode != code:
            raise Failed(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)


def run(locoman: str, *, ollama: bool) -> int:
    """The exit code: 0, or 3 when something is not as it should be."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="locoman-demo-") as folder:
        home = Path(folder)
        shell = Shell(locoman, home)
        try:
            _show(shell, home, ollama)
        except Failed as error:
            print(f"WRONG: {error}")
            return 3
        finally:
            if ollama:
                shell("remove", "--all", "--yes", show=False)
            shell("stop", show=False)
    print(f"\nAll as it should be, {time.monotonic() - started:.0f} s in all.")
    return 0


def _show(shell: Shell, home: Path, ollama: bool) -> None:
    shell("install", "--base", OLD, "--yes", "--no-check")
    if ollama:
        shell("sync", "--strategy", "native")
    before = _state(shell, home, ollama)
    shell("migrate", "announce", NEW, "--reason", "It is the newer one.")
    outline = shell("migrate", "plan")
    print(f"    {outline['cases']} cases to ask at most, {outline['disk_bytes'] / 1e6:.0f} MB more on disk")
    checked = shell("migrate", "check")
    for item in checked["adapters"]:
        scores = {
            name: value
            for each in item["evidence"]
            for name, value in each["numbers"].items()
            if name.startswith("score")
        }
        figures = ", ".join(f"{name.removeprefix('score, ')} {value:.3f}" for name, value in scores.items())
        print(f"    {item['adapter']:<20} {item['verdict']:<12} {figures}")
    _must({item["verdict"] for item in checked["adapters"]} >= VERDICTS, "not every verdict appeared")
    prepared = shell("migrate", "prepare")
    for item in prepared["retrain"]:
        print(f"    to be trained again: {item['command']}")
    print("    (it is not its semester yet, so:)")
    shell("migrate", "apply", "--override", "a demonstration")
    for question in QUESTIONS:
        answer = shell("ask", question)
        print(f"{answer['answer']}\n    {answer['adapter'] or 'the base itself'} on {answer['base']}")
    shell("migrate", "report", "--out", str(home / "migration.html"))
    shell("migrate", "rollback", "--yes")
    after = _state(shell, home, ollama)
    for name, value in before.items():
        _must(after[name] == value, f"{name} is not as it was before")
        print(f"    {name}: as before")


def _state(shell: Shell, home: Path, ollama: bool) -> dict[str, Any]:
    """What must be the same before and after; the record of the change itself is left out."""
    registry = tomllib.loads((home / "registry.toml").read_text(encoding="utf-8"))
    registry.pop("migrations", None)
    routers = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (home / "router").glob("*")}
    modelfiles = {name: shell("modelfile", "show", name, show=False) for name in (OLD, NEW)}
    tags = _ollama_tags() if ollama else []
    return {"registry": registry, "router": routers, "Modelfiles": modelfiles, "Ollama's list": tags}


def _ollama_tags() -> list[tuple[str, str]]:
    host = os.environ.get("OLLAMA_HOST", "127.0.0.1:11434")
    address = host if "://" in host else f"http://{host}"
    with urllib.request.urlopen(f"{address}/api/tags", timeout=10) as answer:
        return sorted((model["name"], model["digest"]) for model in json.load(answer)["models"])


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
