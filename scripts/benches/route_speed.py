"""`python -m benches.route_speed ENCODER DATA`: prints name, unit and value of what deciding takes, tab-separated.

`... ENCODER ROUTER --memory` prints the bytes that a router takes in a process of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from locoman.documents import read_jsonl
from locoman.routing.cascade import Router
from locoman.routing.encoder.bge import open_encoder
from locoman.routing.examples import AdapterExamples, everyday_questions
from locoman.routing.fit import fit_router
from locoman.routing.storage import load, save
from locoman.routing.text import normalise
from locoman.workflows.router.vectors import Remembering

ASKED = 300


def main(encoder_folder: Path, data: Path) -> None:
    train, val = (tuple(read_jsonl(data / name, _Line)) for name in ("train.jsonl", "val.jsonl"))
    asked = [line.text for line in val][:: len(val) // ASKED]
    encoder = open_encoder(encoder_folder)
    remembering = Remembering(encoder, None)
    with tempfile.TemporaryDirectory() as folder:
        ten, hundred = Path(folder) / "ten.npz", Path(folder) / "hundred.npz"
        few, many = _adapters(train, 10), _adapters(train, 100)
        fit_router(few, everyday_questions(), encoder=remembering)
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            model = fit_router(few, everyday_questions(), encoder=remembering)
            times.append(time.perf_counter() - begun)
        _tell("10 adapters x 100: fit, vectors at hand", "s", statistics.median(times))
        save(model, ten)
        begun = time.perf_counter()
        texts = [normalise(text) for adapter in many for text in adapter.mine]
        remembering.encode(texts)
        encoded = time.perf_counter()
        save(fit_router(many, everyday_questions(), encoder=remembering), hundred)
        fitted = time.perf_counter()
        del remembering, model
        _tell("encoding a question, many at once", "ms", (encoded - begun) / len(texts) * 1000)
        _tell("100 adapters x 100: fit", "s", fitted - encoded)
        _tell("100 adapters x 100: file", "MB", hundred.stat().st_size / 1e6)
        _decide("lexical decision", load(ten), asked)
        _decide("encoder decision", load(ten, encoder), asked)
        _decide("100 adapters x 100: decision", load(hundred, encoder), asked)
        _tell("100 adapters x 100: memory", "MB", _fresh_memory(encoder_folder, hundred, asked) / 1e6)
        _decide("100 adapters x 100: lexical decision", load(hundred), asked)


class _Line(msgspec.Struct, frozen=True):
    """A question, whose it is, and what it wants; `domain` None: nobody's."""

    text: str
    domain: str | None
    intent: str


def _adapters(train: tuple[_Line, ...], count: int) -> list[AdapterExamples]:
    """`count` adapters of 100 examples: domains, or the same cut up by intent."""
    groups: dict[str, list[str]] = {}
    for line in train:
        if line.domain is not None:
            groups.setdefault(line.domain if count == 10 else line.intent, []).append(line.text)
    names = sorted(groups)[:count]
    return [AdapterExamples(f"a{number}", mine=tuple(groups[name][:100])) for number, name in enumerate(names)]


def _decide(name: str, router: Router, asked: list[str]) -> None:
    for text in asked[:10]:
        router.decide(text)
    times = sorted(router.decide(text).route_ms for text in asked)
    _tell(f"{name}, median", "ms", statistics.median(times))
    _tell(f"{name}, 95th percentile", "ms", times[int(0.95 * len(times))])


def _fresh_memory(encoder_folder: Path, router: Path, asked: list[str]) -> int:
    """Bytes that a router takes while it decides, beside an encoder that was used; in a process that did nothing else."""
    command = [sys.executable, "-m", "benches.route_speed", str(encoder_folder), str(router), "--memory"]
    done = subprocess.run(command, input="\n".join(asked), check=True, capture_output=True, text=True)
    return int(done.stdout)


def tell_memory(encoder_folder: Path, router: Path) -> None:
    """Prints it; the questions come on standard input."""
    asked = sys.stdin.read().splitlines()
    encoder = open_encoder(encoder_folder)
    for text in asked:
        encoder.encode([text])
    before = _memory()
    large, most = load(router, encoder), 0
    for text in asked:
        large.decide(text)
        most = max(most, _memory())
    print(most - before)


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def _tell(name: str, unit: str, value: float) -> None:
    print(f"{name}\t{unit}\t{value:.4g}", flush=True)


if __name__ == "__main__":
    if sys.argv[3:] == ["--memory"]:
        tell_memory(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
