"""What converted models and adapters of every family say in a real llama.cpp, against transformers and PEFT.

The values in tests/golden come from tests/support/make_goldens.py; where torch is installed they are computed anew.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import families
from support.families import FAMILIES, LORAS, POSITIONS, TOKENS, VOCABULARY, WATCHED, Family
from support.llama_probe import Call, ask_llama

from locoman.weights.convert import convert, plan_conversion
from locoman.weights.fingerprint import compare, fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.gguf import GgufFile
from locoman.weights.lora import check_lora_gguf, convert_lora, plan_lora

GOLDEN = Path(__file__).parents[1] / "golden" / "logits.npz"
HAS_TORCH = all(find_spec(name) for name in ("torch", "transformers", "peft"))
needs_llama = pytest.mark.skipif(not find_spec("xllamacpp"), reason="there is no llama.cpp wheel for this machine")
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
LIMITS = {"base": 1e-3} | dict.fromkeys(LORAS, 2e-3)


def make_gguf(family: Family, folder: Path, quantization: str = "F32", seed: int = 1) -> tuple[Path, Path]:
    """The checkpoint and its GGUF."""
    checkpoint = families.write_checkpoint(family, folder / f"base-{seed}", seed)
    target = folder / f"base-{seed}-{quantization}.gguf"
    convert(plan_conversion(checkpoint, quantization), target)
    return checkpoint, target


def ask(model: Path, loras: list[Path]) -> list[NDArray[np.float64]]:
    """llama.cpp's log-probabilities (positions x vocabulary): alone, then with each LoRA."""
    with GgufFile.open(model) as file:
        letter = list(file.array("tokenizer.ggml.tokens").byte_strings()).index(b"a")
    calls: list[Call] = []
    for case in range(-1, len(loras)):
        lora = [{"id": number, "scale": float(number == case)} for number in range(len(loras))]
        for length in range(1, POSITIONS + 1):
            body = {"prompt": TOKENS[:length], "n_predict": 1, "n_probs": VOCABULARY, "temperature": 0, "lora": lora}
            body |= {"cache_prompt": False, "logit_bias": [[letter, 1e6]]}
            calls.append(("/completion", body))
    rows = np.array([_row(answer) for answer in ask_llama(model, calls, loras)])
    return list(rows.reshape(len(loras) + 1, POSITIONS, VOCABULARY))


def _row(answer: Any) -> NDArray[np.float64]:
    row = np.full(VOCABULARY, np.nan)
    for top in answer["completion_probabilities"][0]["top_logprobs"]:
        row[top["id"]] = top["logprob"]
    return row


@needs_llama
@every_family
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")  # of torch
def test_a_model_and_its_loras_say_what_transformers_does(family: Family, tmp_path: Path) -> None:
    checkpoint, model = make_gguf(family, tmp_path)
    adapters = [families.write_adapter(family, lora, tmp_path / lora) for lora in LORAS]
    loras = [tmp_path / f"{lora}.gguf" for lora in LORAS]
    for adapter, lora in zip(adapters, loras, strict=True):
        convert_lora(plan_lora(adapter, model, "F32"), lora)
        check_lora_gguf(lora, model)
    answers = ask(model, loras)
    golden = np.load(GOLDEN)
    computed = families.ask_transformers(checkpoint, adapters) if HAS_TORCH else [None] * len(answers)
    for case, answer, anew in zip(LIMITS, answers, computed, strict=True):
        assert np.abs(answer[:, WATCHED] - golden[f"{family.name}/{case}"]).max() < LIMITS[case], case
        if anew is not None:
            assert np.abs(answer - anew).max() < LIMITS[case], case
        assert case == "base" or np.abs(answer - answers[0]).max() > 0.5, "the LoRA does nothing"


@every_family
def test_a_lora_is_the_same_planned_on_a_checkpoint_and_on_its_gguf(family: Family, tmp_path: Path) -> None:
    checkpoint, model = make_gguf(family, tmp_path)
    adapter = families.write_adapter(family, "alpha-pattern", tmp_path / "adapter")
    for name, base in (("a", checkpoint), ("b", model)):
        convert_lora(plan_lora(adapter, base, "F16"), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@every_family
@pytest.mark.parametrize("quantization", ["F32", "Q8_0"])
def test_a_fingerprint_is_the_same_before_and_after_conversion(
    family: Family, quantization: str, tmp_path: Path
) -> None:
    checkpoint, model = make_gguf(family, tmp_path, quantization)
    difference = compare(fingerprint_of_checkpoint(checkpoint), fingerprint_of_gguf(model))
    assert difference.same_model
    assert difference.same_template
    assert difference.sketch_distance <= (0 if quantization == "F32" else 4)


@every_family
def test_other_weights_of_a_family_have_another_fingerprint(family: Family, tmp_path: Path) -> None:
    first, _ = make_gguf(family, tmp_path)
    _, second = make_gguf(family, tmp_path, seed=5)
    assert not compare(fingerprint_of_checkpoint(first), fingerprint_of_gguf(second)).same_model
