"""Makes loco-tiny, its adapters and loco-tiny-next: what is trained where, in which order."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from locoman.catalog.manifest import Case, read_package
from locoman.documents import read_jsonl
from locoman.weights.fingerprint import fingerprint_of_checkpoint
from tiny.arbiter import train_arbiter
from tiny.conversation import conversation
from tiny.evaluate import Student, share_right
from tiny.next_base import NEXT
from tiny.packages import BASE, EPOCHS, train_weights, write_data, write_manifest, write_readme
from tiny.tasks import TASKS

ARBITER = "arbiter"
PARTS = ("base", *TASKS, "next", ARBITER)


@dataclass(frozen=True)
class Places:
    """Where things go below the chosen folder."""

    out: Path

    @property
    def base(self) -> Path:
        """The checkpoint of the base."""
        return self.checkpoint(BASE)

    def checkpoint(self, base: str) -> Path:
        """The checkpoint of a base."""
        return self.out / "modelfiles" / base

    def package(self, name: str) -> Path:
        """The folder of an adapter package."""
        return self.out / "adapters" / name

    def weights(self, name: str) -> Path:
        """The trained weights of an adapter package."""
        return self.package(name) / "weights" / BASE

    @property
    def arbiter(self) -> Path:
        """The LoRA that makes the base an arbiter, for the tests."""
        return self.out / "tests" / "workflows" / "router" / "data" / ARBITER


def make(parts: Sequence[str], out: Path, seed: int) -> None:
    """Trains the parts asked for, the base first, then the next one, the adapters side by side, and measures them."""
    places = Places(out)
    if "base" in parts:
        make_base(places, seed)
    if "next" in parts:
        make_next(places, seed)
    names = sorted((part for part in parts if part in TASKS), key=lambda name: -EPOCHS[name])
    cores = os.cpu_count() or 1
    workers = max(1, min(len(names), 1 if on_gpu() else cores))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(make_adapter, name, places, seed, max(1, cores // workers)) for name in names]
        for job in jobs:
            job.result()
    if ARBITER in parts:
        make_arbiter(places, seed)
    report(places)


def make_base(places: Places, seed: int) -> None:
    """Trains the base, writes its evaluation set, and puts its fingerprint into the spec."""
    from tiny.pretrain import train_base

    started = time.monotonic()
    loss = train_base(places.base, seed, shown("base"))
    write_conversation(places.base / "conversation.jsonl")
    write_fingerprint(places.base)
    say(f"base: loss {loss:.3f} after {time.monotonic() - started:.0f} s")


def make_next(places: Places, seed: int) -> None:
    """Trains the base of the following year and puts its fingerprint into its spec."""
    from tiny.next_base import train_next

    started = time.monotonic()
    loss = train_next(places.base, places.checkpoint(NEXT), seed, shown("next"))
    write_fingerprint(places.checkpoint(NEXT))
    say(f"next: loss {loss:.3f} after {time.monotonic() - started:.0f} s")


def write_fingerprint(base: Path) -> None:
    """Puts the fingerprint of the checkpoint into the spec beside it, where there is one."""
    spec = base.with_name(f"{base.name}.toml")
    if spec.exists():
        text = spec.read_text(encoding="utf-8")
        spec.write_text(
            re.sub(r'(?m)^fingerprint = ".*"$', f'fingerprint = "{fingerprint(base)}"', text), encoding="utf-8"
        )


def make_adapter(name: str, places: Places, seed: int, threads: int) -> None:
    """Writes a package: data, manifest, weights, README with its figures."""
    import torch

    torch.set_num_threads(threads)
    folder = places.package(name)
    write_data(TASKS[name], folder, seed)
    write_manifest(name, folder, fingerprint(places.base), seed)
    trained = train_weights(folder, places.base, shown(name))
    cases = read_package(folder).cases()
    scores = {
        f"{BASE} alone": share_right(Student(places.base).answer(cases)),
        f"{BASE} with {name}": share_right(Student(places.base, places.weights(name)).answer(cases)),
    }
    write_readme(name, folder, scores)
    say(f"{name}: loss {trained.loss:.3f} after {trained.seconds:.0f} s, {trained.parameters} parameters")


def make_arbiter(places: Places, seed: int) -> None:
    """Trains the arbiter."""
    trained = train_arbiter(places.arbiter, places.base, seed, places.out / "adapters", shown(ARBITER))
    say(f"{ARBITER}: loss {trained.loss:.3f} after {trained.seconds:.0f} s, {trained.parameters} parameters")


def report(places: Places) -> None:
    """Prints who answers which share of which set, on each base that is there."""
    sets: dict[str, list[Case]] = {"conversation": list(read_jsonl(places.base / "conversation.jsonl", Case))}
    made = [name for name in TASKS if (places.weights(name) / "adapter_model.safetensors").exists()]
    sets |= {name: list(read_package(places.package(name)).cases()) for name in made}
    for base in (base for base in (BASE, NEXT) if places.checkpoint(base).exists()):
        print(f"{base:16}" + "".join(f"{name:>14}" for name in sets))
        for who in ("base", *made):
            student = Student(places.checkpoint(base), places.weights(who) if who != "base" else None)
            shares = (share_right(student.answer(cases)) for cases in sets.values())
            print(f"{who:16}" + "".join(f"{share:14.3f}" for share in shares), flush=True)


def write_conversation(path: Path) -> None:
    """Writes the base's own evaluation set."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for question in conversation().evaluation:
            line: dict[str, object] = {"question": question.question, "answer": question.answers[0]}
            if question.answers[1:]:
                line["answers"] = list(question.answers[1:])
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def fingerprint(base: Path) -> str:
    """The fingerprint of the checkpoint, as manifests and specs carry it."""
    return str(fingerprint_of_checkpoint(base))


def on_gpu() -> bool:
    """True when torch finds a GPU; then one training at a time keeps it busy."""
    import torch

    return bool(torch.cuda.is_available())


def shown(name: str) -> Callable[[int, int | None, str], None]:
    """A Progress that says on stderr where `name` is, twenty times in all."""
    started = time.monotonic()

    def progress(done: int, total: int | None, unit: str) -> None:
        every = max(1, (total or 100) // 20)
        if done % every == 0:
            say(f"{name}: {done} of {total} {unit}, {time.monotonic() - started:.0f} s")

    return progress


def say(text: str) -> None:
    """Progress goes to stderr."""
    print(text, file=sys.stderr, flush=True)
