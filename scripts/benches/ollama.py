"""Eight adapters brought into Ollama by each strategy: the disk that Ollama takes, over the base alone, and the seconds.

A real Ollama is used where there is one that can (native, merged, hotswap); what it cannot is shown on the stand-in of the
tests, and labelled so. The base is random weights in Q4_K_M ("tiny": Q8_0) with rank-16 adapters for its attention.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from support.ollama_standin import StandinOllama
from support.real_ollama import find_ollama, real_ollama

from benches.figure import Figure, at_most
from benches.subjects import make_subject
from locoman.contracts import ServedBase
from locoman.names import AdapterRef, Version
from locoman.ollama.api import OllamaApi
from locoman.ollama.strategies import STRATEGIES
from locoman.ollama.strategies.making import dressed, hand_over
from locoman.ollama.strategies.strategy import Strategy, Work
from locoman.ollama.tag import OllamaTag
from locoman.ollama.wanted import Dress, WantedAdapter, WantedBase, adapter_tag
from locoman.store.digests import sha256_of
from locoman.store.registry import OllamaModel
from locoman.weights.gguf_model import GgufModel
from locoman.weights.model_plan import as_llama_copies, plan_copy, write_model

ADAPTERS = 8
GOALS = {"hotswap": 1.1, "native": 1.1, "split": 3.5}
"""Disk over the base; of split what it takes beside the base."""
_TEMPLATE = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="locoman-ollama-", dir=arguments.folder) as name:
        folder = Path(name)
        subject = make_subject(folder / "subject", arguments.shape, ADAPTERS, arguments.seed)
        copy = folder / "base.gguf"
        with GgufModel.open(subject.gguf) as model:  # as a library offers it, so that Ollama keeps it as it is
            write_model(as_llama_copies(plan_copy(model)), copy)
        subject.gguf.unlink()
        base, adapters = _wanted(subject, copy)
        yield Figure("ollama", "the base", "MB", base.bytes / 1e6)
        judged = arguments.shape != "tiny"
        for strategy in ("hotswap", "native", "split", "merged"):
            if arguments.only and strategy not in arguments.only.split(","):
                continue
            yield from _measured(folder, STRATEGIES[strategy], base, adapters, judged)


def _wanted(subject: ServedBase, path: Path) -> tuple[WantedBase, list[WantedAdapter]]:
    base = WantedBase("bench", OllamaTag.parse("bench"), path, sha256_of(path), path.stat().st_size)
    adapters = []
    for adapter in subject.adapters:
        assert adapter.gguf is not None
        ref = AdapterRef(adapter.name, Version(1, 0, 0))
        size, sha256 = adapter.gguf.stat().st_size, sha256_of(adapter.gguf)
        adapters.append(WantedAdapter(ref, adapter_tag("bench", ref), adapter.gguf, sha256, size))
    return base, adapters


def _measured(
    folder: Path, strategy: Strategy, base: WantedBase, adapters: list[WantedAdapter], judged: bool
) -> Iterator[Figure]:
    """One strategy in an Ollama of its own, which holds the base already."""
    room = folder / strategy.name
    room.mkdir()
    with ExitStack() as stack:
        binary = find_ollama()
        real = binary is not None and strategy.name != "split"
        if real and binary is not None:
            url = stack.enter_context(real_ollama(binary, room / "ollama"))
            models = room / "ollama" / "models"
        else:
            models = room / "models"
            version = "0.35.0" if strategy.name == "split" else "0.33.0"
            url = stack.enter_context(StandinOllama(models, version)).url
        api = stack.enter_context(OllamaApi(url))
        where = f"Ollama {api.version()}" if real else f"stand-in {api.version()}"
        work = Work(api, room)
        made = hand_over(work, "base", base.gguf, base.sha256)
        api.create(dressed(str(base.tag), Dress(_TEMPLATE), {"base.gguf": f"sha256:{made.files[0].sha256}"}))
        alone = _disk(models)
        started, sent, records = time.perf_counter(), 0, []
        for adapter in adapters:
            done = strategy.apply(Work(api, room, records=records), base, adapter)
            sent += done.sent
            records.append(OllamaModel(str(adapter.tag), "bench", str(adapter.ref), _way(strategy), files=done.files))
        seconds = time.perf_counter() - started
        total = _disk(models)
        wrong = [text for a, r in zip(adapters, records, strict=True) if (text := strategy.verify(api, base, a, r))]
        assert not wrong, wrong
        for record in records:
            strategy.remove(api, record)
        left = _disk(models) - alone
    shutil.rmtree(room)
    label = f"{strategy.name} ({where})"
    yield Figure("ollama", f"{label}: disk with {ADAPTERS} adapters", "MB", total / 1e6, "the base alone", alone / 1e6)
    ratio, what = total / alone, "disk over the base"
    if strategy.name == "split":
        ratio, what = (total - alone) / alone, "disk beside the base, over it"
    if judged and strategy.name in GOALS:
        yield at_most("ollama", f"{label}: {what}", "x", ratio, GOALS[strategy.name])
    else:
        yield Figure("ollama", f"{label}: {what}", "x", ratio)
    yield Figure("ollama", f"{label}: handed over", "MB", sent / 1e6)
    yield Figure("ollama", f"{label}: seconds", "s", seconds)
    yield Figure("ollama", f"{label}: left after removing them", "MB", left / 1e6, goal="0", met=left == 0)


def _way(strategy: Strategy) -> str:  # hotswap makes no models; its records are never read
    return "native" if strategy.name == "hotswap" else strategy.name


def _disk(models: Path) -> int:
    return sum(path.stat().st_size for path in (models / "blobs").iterdir() if path.is_file())
