"""The base and the adapters that ship with locoman go through this room as a user's would."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.llama_probe import ask_llama

from locoman.catalog.spec import read_spec
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.fingerprint import Fingerprint, compare, fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.gguf_verify import verify_gguf
from locoman.weights.lora import check_lora_gguf, convert_lora, plan_lora

ROOT = Path(__file__).parents[2]
BASE = ROOT / "modelfiles" / "loco-tiny"
NEXT = ROOT / "modelfiles" / "loco-tiny-next"
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/weights/loco-tiny/adapter_config.json"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("shipped") / "loco-tiny.gguf"
    convert(plan_conversion(BASE, "Q8_0"), target)
    return target


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("following") / "loco-tiny-next.gguf"
    convert(plan_conversion(NEXT, "Q8_0"), target)
    return target


@pytest.mark.parametrize("name", ["loco-tiny", "loco-tiny-next"])
def test_a_base_converts_and_stays_itself(base: Path, following: Path, name: str) -> None:
    file = base if name == "loco-tiny" else following
    verify_gguf(file)
    spec = read_spec(ROOT / "modelfiles" / f"{name}.toml")
    assert spec.spec.fingerprint == str(fingerprint_of_checkpoint(ROOT / "modelfiles" / name))
    difference = compare(Fingerprint.parse(spec.spec.fingerprint), fingerprint_of_gguf(file))
    assert difference.same_model
    assert difference.same_template


def test_the_base_that_may_follow_is_the_same_in_all_but_its_weights() -> None:
    difference = compare(fingerprint_of_checkpoint(BASE), fingerprint_of_checkpoint(NEXT))
    assert difference.same_dimensions
    assert difference.same_tokenizer
    assert difference.same_template
    assert not difference.same_norms
    assert not difference.same_model
    assert (NEXT / "model.safetensors").stat().st_size < 7_000_000


@pytest.mark.parametrize("folder", ADAPTERS, ids=[folder.parents[1].name for folder in ADAPTERS])
def test_each_adapter_converts_and_fits_the_base(base: Path, tmp_path: Path, folder: Path) -> None:
    target = tmp_path / "adapter.gguf"
    convert_lora(plan_lora(folder, base), target)
    verify_gguf(target)
    check_lora_gguf(target, base)


@pytest.mark.parametrize("name", ["loco-tiny", "loco-tiny-next"])
def test_a_base_answers_in_llama_cpp(base: Path, following: Path, name: str) -> None:
    pytest.importorskip("xllamacpp", reason="there is no llama.cpp wheel for this machine")
    prompt = "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n"
    file = base if name == "loco-tiny" else following
    (answer,) = ask_llama(file, [("/completion", {"prompt": prompt, "n_predict": 40, "temperature": 0})])
    assert answer["stop_type"] == "eos"
    assert answer["content"].strip()
