"""The base and the adapters that ship with locoman go through this room as a user's would."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.llama_probe import ask_llama

from locoman.weights.convert import convert, plan_conversion
from locoman.weights.fingerprint import compare, fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.gguf_verify import verify_gguf
from locoman.weights.lora import check_lora_gguf, convert_lora, plan_lora

ROOT = Path(__file__).parents[2]
BASE = ROOT / "modelfiles" / "loco-tiny"
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/weights/loco-tiny/adapter_config.json"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("shipped") / "loco-tiny.gguf"
    convert(plan_conversion(BASE, "Q8_0"), target)
    return target


def test_the_base_converts_and_stays_itself(base: Path) -> None:
    verify_gguf(base)
    difference = compare(fingerprint_of_checkpoint(BASE), fingerprint_of_gguf(base))
    assert difference.same_model
    assert difference.same_template


@pytest.mark.parametrize("folder", ADAPTERS, ids=[folder.parents[1].name for folder in ADAPTERS])
def test_each_adapter_converts_and_fits_the_base(base: Path, tmp_path: Path, folder: Path) -> None:
    target = tmp_path / "adapter.gguf"
    convert_lora(plan_lora(folder, base), target)
    verify_gguf(target)
    check_lora_gguf(target, base)


def test_the_base_answers_in_llama_cpp(base: Path) -> None:
    pytest.importorskip("xllamacpp", reason="there is no llama.cpp wheel for this machine")
    prompt = "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n"
    (answer,) = ask_llama(base, [("/completion", {"prompt": prompt, "n_predict": 40, "temperature": 0})])
    assert answer["stop_type"] == "eos"
    assert answer["content"].strip()
