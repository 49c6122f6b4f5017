"""Run by the harness's Python: a multiple-choice task by log-likelihood on a GGUF, through llama-cpp-python.

The harness itself makes the prompts, splits them into context and continuation, and scores; this is only the model it asks,
because none of its own asks llama.cpp in process. Arguments: TASK.yaml OUTPUT MODEL.gguf CONTEXT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from llama_cpp import Llama
from lm_eval import simple_evaluate
from lm_eval.api.model import TemplateLM
from lm_eval.tasks import TaskManager


class InProcess(TemplateLM):
    """The model."""

    def __init__(self, path, context):
        super().__init__()
        self.llama = Llama(path, n_ctx=context, n_threads=1, n_batch=512, logits_all=True, verbose=False)

    @property
    def eot_token_id(self):
        return self.llama.token_eos()

    def tok_encode(self, string, add_special_tokens=None, **_):
        return self.llama.tokenize(string.encode(), add_bos=True, special=True)

    def _loglikelihood_tokens(self, requests, disable_tqdm=False, **_):
        found = []
        for _texts, context, continuation in requests:
            self.llama.reset()
            self.llama.eval(context + continuation)
            first = len(context) - 1
            rows = np.array(self.llama.scores[first : first + len(continuation)], dtype=np.float64)
            rows -= rows.max(axis=1, keepdims=True)
            rows -= np.log(np.exp(rows).sum(axis=1, keepdims=True))
            total = float(sum(row[token] for row, token in zip(rows, continuation, strict=True)))
            found.append((total, bool((rows.argmax(axis=1) == np.array(continuation)).all())))
        return found

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        raise NotImplementedError

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError


def main():
    task, output, model, context = sys.argv[1:]
    path = Path(task)
    results = simple_evaluate(
        model=InProcess(model, int(context)),
        tasks=[path.stem],
        task_manager=TaskManager(include_path=str(path.parent), include_defaults=False),
        log_samples=True,
    )
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(sample, default=str) + "\n" for sample in results["samples"][path.stem])
    (folder / f"samples_{path.stem}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
