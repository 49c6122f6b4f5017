"""lm-evaluation-harness beside locoman: the same task file for both, run by the harness in its own Python.

LOCOMAN_BENCH_LM_EVAL is a Python with lm-eval[api]; without it whatever needs the harness is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "LOCOMAN_BENCH_LM_EVAL"
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "0",
}

GENERATE = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
output_type: generate_until
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    regexes_to_ignore: [",", "\\\\$", "(?s).*#### ", "\\\\.$"]
generation_kwargs: {{until: ["Question:"], do_sample: false, temperature: 0.0, max_gen_toks: {tokens}{more}}}
filter_list:
  - name: flexible-extract
    filter:
      - {{function: regex, group_select: -1, regex_pattern: '(-?[$0-9.,]{{2,}})|(-?[0-9]+)'}}
      - {{function: take_first}}
"""
"""A task in the shape of GSM8K, without examples."""

CHOICE = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
output_type: multiple_choice
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{choices.label.index(answerKey)}}}}"
doc_to_choice: "{{{{choices.text}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
"""
"""A task in the shape of ARC."""


@dataclass(frozen=True, slots=True)
class HarnessRun:
    """What a run took from the shell, and what it logged of each case, in the order of the cases."""

    seconds: float
    samples: tuple[dict[str, Any], ...]

    def values(self, metric: str) -> list[float]:
        """One per case."""
        return [float(sample[metric]) for sample in self.samples]


def harness_python() -> str | None:
    """The Python that has the harness; None where there is none."""
    python = os.environ.get(VARIABLE, "")
    return python if python and Path(python).is_file() else None


def write_task(
    folder: Path, name: str, template: str, rows: Sequence[dict[str, Any]], tokens: int = 32, more: str = ""
) -> Path:
    """The task's YAML, with its cases beside it; `more` goes to the server with each request."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{name}.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = folder / f"{name}.yaml"
    path.write_text(template.format(name=name, data=data.as_posix(), tokens=tokens, more=more), encoding="utf-8")
    return path


def run_harness(python: str, task: Path, output: Path, arguments: Sequence[str]) -> HarnessRun:
    """Runs the task from the shell; `arguments` choose the model. Raises CalledProcessError with what it printed."""
    command = [python, "-m", "lm_eval", "run", "--tasks", task.stem, "--include_path", str(task.parent)]
    return _timed([*command, "--output_path", str(output), "--log_samples", *arguments], output)


def run_script(python: str, script: Path, task: Path, output: Path, arguments: Sequence[str]) -> HarnessRun:
    """The same through a script that registers a model of its own with the harness."""
    return _timed([python, str(script), str(task), str(output), *arguments], output)


def _timed(command: Sequence[str], output: Path) -> HarnessRun:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | OFFLINE
    environment |= {"HF_HOME": str(output.parent / "hf"), "NO_PROXY": "127.0.0.1", "OPENAI_API_KEY": "none"}
    begun = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise RuntimeError(f"the harness failed:\n{done.stderr[-3000:]}")
    (path,) = output.rglob("samples_*.jsonl")
    samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return HarnessRun(seconds, tuple(sorted(samples, key=lambda sample: sample["doc_id"])))
