"""What a converted model says in a real llama.cpp, against the definition of Qwen3 (numpy) and against transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import checkpoints, qwen3_numpy
from support.llama_probe import ask_llama
from support.llama_probe import log_probabilities as ask_log_probabilities

from locoman.weights.convert import convert, plan_conversion
from locoman.weights.lora import convert_lora, plan_lora
from locoman.weights.mixes import MIXES

pytest.importorskip("xllamacpp", reason="there is no llama.cpp wheel for this machine")

SHAPE = qwen3_numpy.Shape(checkpoints.LAYERS, checkpoints.HEADS, checkpoints.KV_HEADS, checkpoints.HEAD_DIM)
TOKENS = [int(token) for token in np.random.default_rng(3).integers(0, checkpoints.VOCABULARY - 6, size=64)]
PREFIXES = [TOKENS[: length + 1] for length in range(len(TOKENS))]
MODULES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def make_gguf(folder: Path, quantization: str = "F32") -> Path:
    target = folder.with_name(f"{folder.name}-{quantization}.gguf")
    convert(plan_conversion(folder, quantization), target)
    return target


def log_probabilities(model: Path, *loras: Path) -> list[dict[int, float]]:
    """What llama.cpp says after each prefix."""
    letter = checkpoints.byte_symbols().index("a")
    return ask_log_probabilities(model, PREFIXES, checkpoints.VOCABULARY, letter, loras)


def distance(answers: list[dict[int, float]], expected: NDArray[Any]) -> float:
    """The largest absolute difference of log-probabilities."""
    rows = np.array([[answer[token] for token in range(checkpoints.VOCABULARY)] for answer in answers])
    return float(np.abs(rows - expected).max())


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_converted_model_computes_what_qwen3_is_defined_to(tmp_path: Path, tied: bool) -> None:
    model = make_gguf(checkpoints.write_checkpoint(tmp_path / "base", tied=tied))
    expected = qwen3_numpy.log_probabilities(checkpoints.weights(tied=tied), SHAPE, TOKENS)
    assert distance(log_probabilities(model), expected) < 1e-3


@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ({}, 8 / 4),
        ({"use_rslora": True}, 8 / 2),
        (
            {"alpha_pattern": {"q_proj": 24}},
            {"q_proj": 24 / 4, "k_proj": 2.0, "v_proj": 2.0, "o_proj": 2.0, "up_proj": 2.0, "down_proj": 2.0},
        ),
    ],
    ids=["plain", "rank-stabilised", "alpha-pattern"],
)
def test_a_converted_lora_adds_what_peft_would(
    tmp_path: Path, changes: dict[str, Any], scale: float | Mapping[str, float]
) -> None:
    base = checkpoints.write_checkpoint(tmp_path / "base")
    model = make_gguf(base)
    tensors = checkpoints.lora_weights(MODULES)
    plan = plan_lora(checkpoints.write_adapter(tmp_path / "adapter", tensors, **changes), model, "F32")
    convert_lora(plan, tmp_path / "adapter.gguf")
    answers = log_probabilities(model, tmp_path / "adapter.gguf")
    plain = qwen3_numpy.log_probabilities(checkpoints.weights(tied=True), SHAPE, TOKENS)
    adapted = qwen3_numpy.log_probabilities(
        qwen3_numpy.add_lora(checkpoints.weights(tied=True), tensors, scale), SHAPE, TOKENS
    )
    assert distance(answers, adapted) < 2e-3
    assert distance(answers, plain) > 0.1


@pytest.mark.parametrize("quantization", [name for name in MIXES if name != "F32"])
def test_every_quantization_loads_and_answers(tmp_path: Path, quantization: str) -> None:
    model = make_gguf(checkpoints.write_checkpoint(tmp_path / "base"), quantization)
    tokenized, completion = ask_llama(
        model,
        [
            ("/tokenize", {"content": "the Ünder<|im_end|>\n"}),
            ("/completion", {"prompt": "the other", "n_predict": 8, "temperature": 0}),
        ],
    )
    assert tokenized["tokens"] == expected_tokens("the Ünder<|im_end|>\n")
    assert completion["tokens_predicted"] == 8 or completion["stop_type"] == "eos"


def expected_tokens(text: str) -> list[int]:
    """Worked out by hand from the vocabulary: "the", " ", the two bytes of "Ü", "n", "d", "er", the special token, newline."""
    assert text == "the Ünder<|im_end|>\n"
    ids = checkpoints.tokenizer_document()["model"]["vocab"]
    return [ids["the"], ids["Ġ"], ids["Ã"], ids["ľ"], ids["n"], ids["d"], ids["er"], 265, ids["Ċ"]]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of transformers and torch
def test_transformers_and_peft_agree_with_llama_cpp(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    peft = pytest.importorskip("peft", reason="the extra `train` is not installed")
    base = checkpoints.write_checkpoint(tmp_path / "base")
    adapter = checkpoints.write_adapter(
        tmp_path / "adapter", use_rslora=True, alpha_pattern={"v_proj": 3, "model.layers.0.self_attn.q_proj": 20}
    )
    model = make_gguf(base)
    convert_lora(plan_lora(adapter, model, "F32"), tmp_path / "adapter.gguf")
    hf = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.inference_mode():
        plain = torch.log_softmax(hf(torch.tensor([TOKENS])).logits[0], dim=-1).numpy()
        adapted_model = peft.PeftModel.from_pretrained(hf, adapter)
        adapted = torch.log_softmax(adapted_model(torch.tensor([TOKENS])).logits[0], dim=-1).numpy()
    assert distance(log_probabilities(model), plain) < 1e-3
    answers = log_probabilities(model, tmp_path / "adapter.gguf")
    assert distance(answers, adapted) < 2e-3
