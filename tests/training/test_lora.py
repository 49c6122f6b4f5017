"""Real training with torch and peft on a very small model; skipped where the extra `train` is not installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from locoman.catalog.recipe import Recipe
from locoman.contracts import Message
from locoman.errors import ExtraMissing, UnknownName, UsageError
from locoman.training.batches import IGNORED
from locoman.training.lora import train_adapter
from locoman.training.rendering import Example, render

ROOT = Path(__file__).resolve().parents[2]
TOKENIZER = ROOT / "modelfiles" / "loco-tiny"
RECIPE = Recipe(rank=4, alpha=8.0, targets=("q_proj", "down_proj"), epochs=4, learning_rate=1e-2, batch_size=4, seed=3)
EXAMPLES = [Example((Message("user", f"What is {n}?"),), f"{n}") for n in range(8)]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An untrained one-layer Qwen3 with loco-tiny's tokenizer."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("peft")
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    config = transformers.Qwen3Config(
        vocab_size=768,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        tie_word_embeddings=True,
    )
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((TOKENIZER / name).read_bytes())
    yield folder


def test_training_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ExtraMissing) as caught:
        train_adapter(TOKENIZER, "loco-tiny", EXAMPLES, RECIPE, tmp_path)
    assert caught.value.extra == "train"
    assert "locoman[train]" in caught.value.remedy


def test_a_trained_adapter_is_a_peft_folder_that_names_its_base_and_no_path(base: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    trained = train_adapter(
        base, "toy", EXAMPLES, RECIPE, tmp_path, progress=lambda done, total, unit: told.append((done, total))
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["r"], config["lora_alpha"]) == ("toy", 4, 8.0)
    assert config["target_modules"] == ["down_proj", "q_proj"]
    assert str(base) not in (tmp_path / "adapter_config.json").read_text()
    assert trained.steps == 8
    assert told == [(step, 8) for step in range(1, 9)]


def test_the_same_recipe_gives_the_same_weights(base: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path / name)
    one, two = ((tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_training_learns_the_examples(base: Path, tmp_path: Path) -> None:
    short = train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path)
    long = train_adapter(base, "toy", EXAMPLES, Recipe(4, 8.0, RECIPE.targets, epochs=40, learning_rate=1e-2), tmp_path)
    assert long.loss < short.loss


def test_a_target_that_the_base_does_not_have_is_refused_with_the_nearest(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as caught:
        train_adapter(base, "toy", EXAMPLES, Recipe(4, 8.0, ("q_prj",)), tmp_path)
    assert "q_proj" in caught.value.nearest


def test_examples_longer_than_the_recipe_allows_are_left_out(base: Path, tmp_path: Path) -> None:
    longer = Example((Message("user", "word " * 40),), "yes")
    recipe = Recipe(4, 8.0, RECIPE.targets, max_length=32, epochs=1)
    assert train_adapter(base, "toy", [*EXAMPLES, longer], recipe, tmp_path).left_out == 1
    with pytest.raises(UsageError):
        train_adapter(base, "toy", [longer], recipe, tmp_path)


def test_only_the_answer_and_its_end_are_learnt() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(TOKENIZER)
    one = render(tokenizer, Example((Message("system", "Be brief."), Message("user", "Hi")), "Hello there"))
    learnt = [token for token, label in zip(one.ids, one.labels, strict=True) if label != IGNORED]
    assert tokenizer.decode(learnt) == "Hello there<|im_end|>"
    assert tokenizer.decode(one.ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        "Hello there<|im_end|>"
    )
