"""The router beside its peers on the same questions: `--data FOLDER` holds train.jsonl and val.jsonl of {"text", "domain"}:
CLINC150 (Larson et al., 2019, github.com/clinc/oos-eval, CC BY 3.0) with its ten domains in place of adapters.

Peers: TF-IDF with logistic regression (scikit-learn), and semantic-router (PyPI) on the same encoder, where it is
installed. All see the same examples; intervals are those of the paired differences over questions and seeds. "Unseen" are
questions of train.jsonl that are set aside before any example is drawn.
`--only` runs one part: K=20, K=100 or speed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benches.figure import Figure, at_least, at_most
from benches.home import locoman, tiny_home
from benches.route_peers import PEERS, Peer, Plain
from locoman.routing.encoder.bge import open_encoder
from locoman.routing.encoder.files import encoder_folder, is_whole
from locoman.routing.measure import Judged, quality
from locoman.routing.text import normalise
from locoman.settings import default_home
from locoman.workflows.router.labelled import Labelled, read_labelled
from locoman.workflows.router.trial import Trial, bench
from locoman.workflows.router.vectors import Remembering

SEEDS = 8
UNSEEN = 3000
GOALS = {
    20: {"accuracy": 0.86, "auroc": 0.91, "oos_recall_at_95": 0.62, "ece": 0.03},
    100: {"accuracy": 0.957, "auroc": 0.96, "oos_recall_at_95": 0.82, "ece": 0.015},
}
COLD = 11  # runs
LEXICAL = {"accuracy": 0.90, "auroc": 0.885}
KEPT = (0.94, 0.97)  # of somebody's questions, at the threshold
Lines: TypeAlias = tuple[Labelled, ...]


def run(arguments: argparse.Namespace) -> Iterator[Figure]:
    folder = Path(arguments.data or os.environ.get("LOCOMAN_BENCH_QUESTIONS", ""))
    if not (folder / "train.jsonl").is_file():
        sys.exit(
            "route needs --data FOLDER (or LOCOMAN_BENCH_QUESTIONS) with train.jsonl and val.jsonl, as its file says"
        )
    parts = [arguments.only] if arguments.only else [f"K={k}" for k in GOALS] + ["speed"]
    train, val = read_labelled(folder / "train.jsonl"), read_labelled(folder / "val.jsonl")
    where = Path(os.environ["LOCOMAN_BENCH_ENCODER"]) if "LOCOMAN_BENCH_ENCODER" in os.environ else None
    where = where or encoder_folder(default_home() / "encoders")
    model = open_encoder(where) if is_whole(where) else None
    encoder = Remembering(model, None) if model is not None else None
    if encoder is None:
        print("no encoder here: the lexical stage alone (locoman router encoder install)", file=sys.stderr)
    else:
        encoder.encode([normalise(line.text) for line in val if parts != ["speed"]] or [""])
    plain = Remembering(Plain(model), None) if model is not None else None
    rest, unseen = _set_aside(train)
    for k in GOALS:
        if f"K={k}" in parts:
            yield from _compared(k, train, val, encoder, plain)
            yield from _goals(k, "unseen", _trials(k, rest, unseen, encoder))
    if encoder is not None and "speed" in parts:
        yield from _speed(where, folder)
        yield from _cold(where)


def _set_aside(train: Lines) -> tuple[Lines, Lines]:
    """What examples may be drawn from, and UNSEEN questions of somebody with all that are nobody's."""
    somebodys = [line for line in train if line.owner is not None]
    chosen = set(
        np.random.default_rng(0).choice(len(somebodys), min(UNSEEN, len(somebodys) // 2), replace=False).tolist()
    )
    rest = tuple(line for number, line in enumerate(somebodys) if number not in chosen)
    nobodys = tuple(line for line in train if line.owner is None)
    return rest, tuple(somebodys[number] for number in sorted(chosen)) + nobodys


def _compared(
    k: int, train: Lines, val: Lines, encoder: Remembering | None, plain: Remembering | None
) -> Iterator[Figure]:
    """`plain`: the encoder as the peers use it."""
    methods = _trials(k, train, val, encoder)
    yield from _goals(k, "val", methods)
    ours = methods.get("encoder") or methods["lexical"]
    for peer in PEERS:
        if peer.available(plain):
            yield from _beside(k, ours, peer.name, [_peer(peer, train, val, plain, k, seed) for seed in range(SEEDS)])


def _trials(k: int, train: Lines, test: Lines, encoder: Remembering | None) -> dict[str, list[Trial]]:
    """By stage, one for each seed."""
    stages = {"lexical": None, **({"encoder": encoder} if encoder is not None else {})}
    return {name: [bench(train, test, used, k, seed) for seed in range(SEEDS)] for name, used in stages.items()}


def _goals(k: int, where: str, methods: dict[str, list[Trial]]) -> Iterator[Figure]:
    for name, trials in methods.items():
        goals = GOALS[k] if name == "encoder" else LEXICAL if k == 100 else {}
        for figure in ("accuracy", "auroc", "oos_recall_at_95", "ece", "kept_at_threshold"):
            mean = float(np.mean([getattr(trial.quality, figure) for trial in trials]))
            label = f"K={k}, {where}: {name}, {figure}"
            goal = goals.get(figure)
            if figure == "kept_at_threshold":
                yield Figure("route", label, "", mean, goal=f"{KEPT[0]} to {KEPT[1]}", met=KEPT[0] <= mean <= KEPT[1])
            elif goal is None:
                yield Figure("route", label, "", mean)
            else:
                yield (at_most if figure == "ece" else at_least)("route", label, "", mean, goal)


def _beside(k: int, ours: list[Trial], name: str, judged: list[Judged]) -> Iterator[Figure]:
    for figure in ("accuracy", "auroc", "oos_recall_at_95", "ece"):
        value = float(np.mean([getattr(trial.quality, figure) for trial in ours]))
        theirs = float(np.mean([getattr(quality(one), figure) for one in judged]))
        yield Figure("route", f"K={k}: {figure} beside {name}", "", value, name, theirs)
    low, high = _interval(ours, judged, _accuracy)
    yield Figure("route", f"K={k}: accuracy over {name}, 95 % from", "", low, goal="> 0", met=low > 0)
    yield Figure("route", f"K={k}: accuracy over {name}, 95 % to", "", high)
    low, high = _interval(ours, judged, _auroc)
    yield Figure("route", f"K={k}: AUROC over {name}, 95 % from", "", low, goal="> 0", met=low > 0)
    yield Figure("route", f"K={k}: AUROC over {name}, 95 % to", "", high)


def _accuracy(judged: Judged, places: NDArray[np.int64]) -> float:
    labels = judged.labels[places]
    return float((judged.guesses[places] == labels)[labels >= 0].mean())


def _auroc(judged: Judged, places: NDArray[np.int64]) -> float:
    from locoman.routing.measure import auroc

    labels, scope = judged.labels[places], judged.scope[places]
    return auroc(scope[labels >= 0], scope[labels < 0])


def _interval(ours: list[Trial], judged: list[Judged], figure: object) -> tuple[float, float]:
    """A paired bootstrap over questions; within each resample the mean over seeds."""
    random = np.random.default_rng(0)
    count = len(judged[0].labels)
    gains = []
    for _ in range(300):
        places = random.integers(0, count, count)
        gains.append(np.mean([figure(a.judged, places) - figure(b, places) for a, b in zip(ours, judged, strict=True)]))  # type: ignore[operator]
    return float(np.quantile(gains, 0.025)), float(np.quantile(gains, 0.975))


def _peer(peer: Peer, train: Lines, val: Lines, encoder: Remembering | None, k: int, seed: int) -> Judged:
    """The very examples that `bench` draws."""
    domains = sorted({line.owner for line in train if line.owner is not None})
    random = np.random.default_rng(seed)
    texts: list[str] = []
    labels: list[int] = []
    for number, domain in enumerate(domains):
        own = [line.text for line in train if line.owner == domain]
        chosen = [own[i] for i in random.choice(len(own), k, replace=False)] if len(own) > k else own
        texts += chosen
        labels += [number] * len(chosen)
    truth = np.array([-1 if line.owner is None else domains.index(line.owner) for line in val])
    scores = peer.scores(texts, np.array(labels), [line.text for line in val], encoder)
    best = scores.max(axis=1)
    return Judged(truth, scores.argmax(axis=1), np.clip(best, 0, 1), best, np.ones(len(truth), dtype=bool))


def _speed(encoder: Path, folder: Path) -> Iterator[Figure]:
    """In a process of its own on one core: single decisions of ten adapters, and of a hundred with a hundred examples each."""
    program = [sys.executable, "-m", "benches.route_speed", str(encoder), str(folder)]
    environment = os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    done = subprocess.run(program, check=True, capture_output=True, text=True, env=environment)
    goals = {"lexical decision, median": 0.5, "encoder decision, median": 8.0, "100 adapters x 100: decision, median": 15.0,
             "100 adapters x 100: memory": 60.0, "10 adapters x 100: fit, vectors at hand": 1.0}  # fmt: skip
    for line in done.stdout.splitlines():
        name, unit, value = line.split("\t")
        if name in goals:
            yield at_most("route", f"speed: {name}", unit, float(value), goals[name])
        else:
            yield Figure("route", f"speed: {name}", unit, float(value))


def _cold(encoder: Path) -> Iterator[Figure]:
    """`locoman route` as the shell waits for it, each time in a new process, with loco-tiny's four adapters."""
    with tiny_home() as home:
        subprocess.run(
            locoman(home, "router", "encoder", "install", "--from", str(encoder)), check=True, capture_output=True
        )
        command = locoman(home, "route", "What is 17 + 25?")
        taken = []
        for _ in range(COLD + 1):
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            taken.append(time.perf_counter() - begun)
        yield at_most("route", "speed: locoman route from the shell", "s", statistics.median(taken[1:]), 0.35)
