"""Asks a real llama.cpp (the xllamacpp wheel) in a child process: `python llama_probe.py < PLAN` writes JSON to stdout.

The plan: {"model": path, "loras": [path, ...], "requests": [["/completion", {...}], ...]}; the answers come as a list.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Call = tuple[str, dict[str, Any]]


def ask_llama(model: Path, requests: Sequence[Call], loras: Sequence[Path] = ()) -> list[Any]:
    """The server's answers to `requests`; raises AssertionError with its log when it fails."""
    plan = {"model": str(model), "loras": [str(path) for path in loras], "requests": list(requests)}
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(plan), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def log_probabilities(
    model: Path, prompts: Sequence[Sequence[int]], vocabulary: int, letter: int, loras: Sequence[Path] = ()
) -> list[dict[int, float]]:
    """Log-probabilities of every token after each prompt (token ids): a list of {token id: log-probability}.

    The token that is drawn is made to be `letter`, the id of a plain character (its bias leaves the log-probabilities
    alone): the server says nothing about a token that ends the answer or is half a character.
    """
    calls: list[Call] = []
    for prompt in prompts:
        body = {
            "prompt": list(prompt),
            "n_predict": 1,
            "n_probs": vocabulary,
            "temperature": 0,
            "cache_prompt": False,
            "logit_bias": [[letter, 1e6]],
        }
        if loras:
            body["lora"] = [{"id": number, "scale": 1.0} for number in range(len(loras))]
        calls.append(("/completion", body))
    answers = ask_llama(model, calls, loras)
    return [
        {top["id"]: top["logprob"] for top in answer["completion_probabilities"][0]["top_logprobs"]}
        for answer in answers
    ]


def main() -> None:
    import httpx
    import xllamacpp

    plan = json.load(sys.stdin)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = plan["model"]
    parameters.n_ctx = 512
    parameters.n_parallel = 1
    parameters.cache_ram_mib = 0
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = False
    parameters.port = 0
    parameters.lora_init_without_apply = True
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in plan["loras"]]
    server = xllamacpp.Server(parameters)
    with httpx.Client(base_url=server.listening_address, timeout=60) as client:
        answers = [client.post(path, json=body).raise_for_status().json() for path, body in plan["requests"]]
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
