"""SIGKILL at random instants of every step of a change of base: never a mixed state, and the same command goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from support.candidates import add_candidate
from support.kills import AFTER_COMMIT, await_commit, check_files, finish, locoman

from locoman.catalog.manifest import Case
from locoman.catalog.shelf import shipped
from locoman.documents import read_jsonl
from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry

SAMPLE = 50
STEPS: tuple[tuple[str, ...], ...] = (
    ("announce", "loco-twin"),
    ("check", "--sample", str(SAMPLE)),
    ("prepare",),
    ("apply", "--override", "a test"),
    ("rollback", "--yes"),
    ("retire", "--yes", "--override", "a test"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step, the home before it, the registries before and after it, and the seconds it takes unkilled."""

    arguments: tuple[str, ...]
    before: Path
    old: Registry
    new: Registry
    seconds: float

    @property
    def name(self) -> str:
        """Its verb."""
        return self.arguments[0]


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill showed: the step, whether it came in time, and whether the step had reached its end."""

    step: str
    killed: bool
    reached: bool


def prepare(folder: Path) -> tuple[Step, ...]:
    """Every step on a home of its own, with two adapters: one moves, one has to be trained again."""
    root = scripted_home(folder)
    steps = []
    for arguments in STEPS:
        before = folder / f"before-{arguments[0]}"
        shutil.copytree(root, before)
        if arguments[0] == "retire":  # it follows the same state as a rollback does
            shutil.rmtree(before)
            shutil.copytree(folder / "before-rollback", before)
            shutil.rmtree(root)
            shutil.copytree(before, root)
        old, started = load_registry(Home(root).registry), time.monotonic()
        finish(locoman(root, "migrate", *arguments))
        seconds = time.monotonic() - started
        steps.append(Step(arguments, before, old, load_registry(Home(root).registry), seconds))
    return tuple(steps)


def scripted_home(folder: Path) -> Path:
    """A home in `folder` with two adapters, the candidate loco-twin, and an engine that answers from a script."""
    root = folder / "home"
    chosen = [text for name in ("arithmetic", "words") for text in ("--adapter", name)]
    finish(locoman(root, "install", "--base", "loco-tiny", *chosen, "--yes", "--no-check"))
    script = folder / "script.jsonl"
    script.write_text("".join(json.dumps(line) + "\n" for line in _script()), encoding="utf-8")
    finish(locoman(root, "config", "engine.kind", "scripted"))
    finish(locoman(root, "config", "engine.script", str(script)))
    add_candidate(Home(root))
    return root


def rounds(steps: tuple[Step, ...], folder: Path, count: int, seed: int, tell: Callable[[int], None]) -> list[Kill]:
    """`count` kills, the steps in turn, each on a fresh copy of its home."""

    def one(number: int) -> Kill:
        root = folder / f"kill-{number}"
        kill = kill_once(steps[number % len(steps)], root, random.Random(f"{seed}-{number}"))
        shutil.rmtree(root)
        return kill

    kills = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for kill in pool.map(one, range(count)):
            kills.append(kill)
            tell(len(kills))
    return kills


def kill_once(step: Step, root: Path, rng: random.Random) -> Kill:
    """Kills the step, looks at what is left, and lets the same command go on to its end."""
    shutil.copytree(step.before, root)
    process = locoman(root, "migrate", *step.arguments)
    if rng.random() < AFTER_COMMIT:
        await_commit(process, root, step.before)
        time.sleep(rng.uniform(0.0, 0.05))
    else:
        time.sleep(rng.uniform(0.0, step.seconds * 1.3))
    killed = process.poll() is None
    process.kill()
    process.communicate()
    finish(locoman(root, "adapter", "list"))
    registry = load_registry(Home(root).registry)
    _check_unmixed(step, registry)
    check_files(root)
    reached = registry == step.new
    if not reached:
        finish(locoman(root, "migrate", *step.arguments))
    assert load_registry(Home(root).registry) == step.new, f"{step.name} does not come to the same end"
    check_files(root)
    _check_asked_once(root)
    return Kill(step.name, killed, reached)


def _check_unmixed(step: Step, registry: Registry) -> None:
    """Whoever answers is as before the step or as after it; what is brought beside him harms nobody."""
    seen, allowed = _who_answers(registry), (_who_answers(step.old), _who_answers(step.new))
    assert seen in allowed, f"a mixed state after a kill of {step.name}: {seen}, and neither of {allowed}"


def _who_answers(registry: Registry) -> tuple[object, ...]:
    base = registry.current()
    phases = tuple((migration.id, migration.phase) for migration in registry.migrations)
    fallback = tuple(str(adapter.ref) for adapter in registry.fallback_of(base))
    return base.name, base.router, tuple(sorted(base.active.items())), fallback, phases


def _check_asked_once(root: Path) -> None:
    for path in Home(root).evals.glob("*/cases.jsonl"):
        cases = [json.loads(line)["result"]["case"] for line in path.read_text(encoding="utf-8").splitlines()]
        assert len(cases) == len(set(cases)) == SAMPLE, f"{path.parent.name} asked a case twice, or left one out"


def _script() -> Iterator[dict[str, str]]:
    """arithmetic is right on both bases, words on the old one alone; the bases by themselves know nothing."""
    for name, bases in (("arithmetic", ("loco-tiny", "loco-twin")), ("words", ("loco-tiny",))):
        for case in list(read_jsonl(shipped("adapters") / name / "eval.jsonl", Case))[:SAMPLE]:
            for base in bases:
                yield {"question": case.question, "answer": case.answer, "model": f"{base}/{name}"}
    yield {"match": ".", "answer": "I do not know"}
