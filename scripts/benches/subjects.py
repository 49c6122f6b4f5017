"""Bases of given dimensions with adapters, as a host serves them: random weights, in the time that it takes to write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from support import checkpoints

from benches.shapes import SHAPES, hollow_tensors, write_adapter, write_description
from locoman.contracts import Sampling, ServedAdapter, ServedBase
from locoman.weights.convert import plan_conversion
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.lora import convert_lora, plan_lora
from locoman.weights.model_plan import PlannedTensor
from locoman.weights.tensor_types import quantize_rows

_POOL_ROWS = 512
_ALPHA = 400
GREEDY = Sampling(max_tokens=32, temperature=0.0, top_k=1)


def make_subject(folder: Path, shape_name: str, adapters: int, seed: int, context: int = 4096) -> ServedBase:
    """A base in Q4_K_M ("tiny": Q8_0) and rank-16 adapters called a1, a2, ... for its attention."""
    shape = SHAPES[shape_name]
    checkpoint = folder / "checkpoint"
    write_description(checkpoint, shape)
    hollow_tensors(checkpoint / "model.safetensors", shape.tensors())  # enough to plan a conversion
    base = folder / "base.gguf"
    _write_random(checkpoint, base, "Q8_0" if shape_name == "tiny" else "Q4_K_M", seed)
    (checkpoint / "model.safetensors").unlink()
    served = []
    for number in range(1, adapters + 1):
        package = folder / f"a{number}"
        write_adapter(package, shape, seed + number)
        _strengthen(package / "adapter_config.json")
        gguf = folder / f"a{number}.gguf"
        convert_lora(plan_lora(package, checkpoint), gguf)
        (package / "adapter_model.safetensors").unlink()
        served.append(ServedAdapter(f"a{number}", "1.0.0", gguf))
    return ServedBase(shape_name, base, checkpoints.TEMPLATE, ("<|im_end|>",), context, GREEDY, tuple(served))


def _strengthen(config: Path) -> None:
    """Makes the adapter's updates as large as the weights, so that it is seen whose answer an answer is."""
    document = json.loads(config.read_text("utf-8"))
    checkpoints.write_json(config, document | {"lora_alpha": _ALPHA})


def _write_random(checkpoint: Path, target: Path, quantization: str, seed: int) -> None:
    """The model that converting the checkpoint would give, with random weights in it.

    Rows repeat after some hundred, each tensor from another one on. Only tokens that are one lower-case letter or a blank
    have large embeddings, so that what the model says are letters and goes on to the end.
    """
    random = np.random.default_rng(seed)
    tokens: dict[str, int] = json.loads((checkpoint / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    letters = np.array([tokens[symbol] for symbol in "abcdefghijklmnopqrstuvwxyzĠ" if symbol in tokens])
    plan = plan_conversion(checkpoint, quantization).model
    pools: dict[tuple[str, int], np.ndarray] = {}

    def stored(tensor: PlannedTensor, scale: float) -> np.ndarray:
        columns = tensor.shape[-1]
        key = (tensor.type.name, int(columns * 1000 + scale * 100))
        if key not in pools:
            values = random.standard_normal((_POOL_ROWS, columns), dtype=np.float32) * np.float32(scale)
            pools[key] = quantize_rows(values, tensor.type).reshape(_POOL_ROWS, -1)
        return pools[key]

    def pieces(tensor: PlannedTensor) -> Iterator[np.ndarray]:
        if len(tensor.shape) == 1:
            yield np.ones(tensor.shape, np.float32).view(np.uint8)
            return
        rows = tensor.shape[0]
        if tensor.target == "token_embd.weight":
            data = np.resize(stored(tensor, 0.001), (rows, tensor.type.row_bytes(tensor.shape[1])))
            data[letters] = stored(tensor, 0.1)[: len(letters)]
            yield np.ascontiguousarray(data).reshape(-1)
            return
        pool = stored(tensor, 0.6 / np.sqrt(tensor.shape[1]))
        start = int(random.integers(_POOL_ROWS))
        for first in range(0, rows, _POOL_ROWS):
            count = min(_POOL_ROWS, rows - first)
            yield np.ascontiguousarray(np.roll(pool, start + first // _POOL_ROWS, axis=0)[:count]).reshape(-1)

    tensors = [
        NewTensor(tensor.target, tensor.shape, tensor.type, tensor.bytes, lambda tensor=tensor: pieces(tensor))  # type: ignore[misc]
        for tensor in plan.tensors
    ]
    write_gguf(target, plan.metadata, tensors, lambda *_: None)
