"""`python -m benches NAME`: runs one benchmark and prints its figures."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benches import record
from benches.figure import Figure

BENCHES = {
    "adapters": "every adapter, and the base, on every evaluation set of loco-tiny, with intervals",
    "startup": "what `locoman --help` and a second `ask` take from the shell, beside a bare Python",
    "convert": "checkpoint to GGUF: seconds, memory and disk, beside llama.cpp's tools and cp (--shape, --only)",
    "compat": "100 adapters against a base of Qwen3-4B's shape, structure to drift; four by answers (--only cheap, behaviour)",
    "lora": "PEFT adapter to GGUF from the shell, beside llama.cpp's tool (--shape)",
    "crosstalk": "many clients, all adapters and the base, fewer slots than adapters: to each its own (--requests, --clients)",
    "overhead": "what the host adds to its llama.cpp: to the first token, per token, with 16 streams (--shape)",
    "switch": "switching adapters and coming back: the host, a server for each adapter, Ollama; memory, disk (--shape)",
    "route": "the router beside semantic-router and TF-IDF + LR: accuracy, AUROC, calibration, speed, memory (--data, --only)",
    "faults": "kills, cuts and garbage under load: no wrong answer, nothing left behind (--rounds N)",
    "train": "`adapter train` on loco-tiny: the score as shipped and trained again, seconds (--only NAME; needs torch)",
    "eval": "200 cases on one llama.cpp server: locoman beside lm-evaluation-harness and a bare HTTP client (--shape)",
    "eval-parity": "lm-evaluation-harness on the same cases: a GSM8K-shaped task, and multiple choice by log-likelihood",
    "fuzz": "spoiled GGUF, safetensors, tokenizers and settings by the thousand: no traceback, no hang (--mutations)",
    "supply": "kills, full disks, cut downloads, bad bytes over update, adapter add and bundle install (--rounds N in all)",
    "ollama": "eight adapters in Ollama by each strategy: disk, seconds; real or stand-in as labelled (--shape, --only)",
    "ollama_answers": "every adapter's whole evaluation set through a real Ollama's API, native and merged, beside the host",
    "sync_faults": "faults in the middle of syncs and pulls: seen by status, mended by the next sync (--rounds)",
    "kill": "SIGKILL at random instants of install, activate and remove; the registry stays valid (--rounds N each)",
    "migrate_kill": "SIGKILL at random instants of a change of base, announce to retire (--rounds in all)",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES))
    parser.add_argument("--list", action="store_true", help="name all benchmarks")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure")
    parser.add_argument("--save", action="store_true", help="keep the figures in docs/benchmarks")
    parser.add_argument("--rounds", type=int, default=200, help="how often, for benchmarks that repeat")
    parser.add_argument(
        "--shape", choices=("tiny", "qwen3-0.6b", "qwen3-4b"), default="tiny", help="how large a model to make"
    )
    parser.add_argument("--folder", help="where large temporary files go (default: the system's folder for them)")
    parser.add_argument("--only", help="run one part of a benchmark that has parts (convert)")
    parser.add_argument("--data", help="where a benchmark's questions are, for those that need some")
    parser.add_argument("--requests", type=int, default=2000, help="how many questions are asked")
    parser.add_argument("--clients", type=int, default=64, help="how many clients ask at the same time")
    parser.add_argument(
        "--serial", action="store_true", help="only with a host that answers one at a time, each from its beginning"
    )
    parser.add_argument("--mutations", type=int, default=10_000, help="how many spoiled copies of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.list or not arguments.name:
        for name, summary in BENCHES.items():
            print(f"{name:<10} {summary}")
        return 0
    bench = importlib.import_module("benches." + arguments.name.replace("-", "_"))
    figures = []
    for figure in bench.run(arguments):
        show(figure, arguments.json)
        figures.append(figure)
    if arguments.save:
        record.save(arguments.name, BENCHES[arguments.name], figures, arguments.only)
    return 3 if any(figure.met is False for figure in figures) else 0


def show(figure: Figure, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figure.document(), ensure_ascii=False), flush=True)
        return
    peer = f"  {figure.peer}: {figure.peer_value:g}, ratio {figure.ratio:.3g}" if figure.peer_value else ""
    goal = f"  goal {figure.goal}: {'met' if figure.met else 'MISSED'}" if figure.goal else ""
    print(f"{figure.metric:<48} {figure.value:>10.4g} {figure.unit:<6}{peer}{goal}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
