"""Real training with torch and peft on a very small model; skipped where the extra `train` is not installed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from locoman.catalog.recipe import Recipe
from locoman.contracts import Message
from locoman.errors import Diverged, ExtraMissing, MissingPrerequisite, UnknownName, UsageError
from locoman.training.checkpoint import Look, read_standing
from locoman.training.course import Watch
from locoman.training.lora import Machine, train_adapter
from locoman.training.rendering import Example

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
        base, "toy", EXAMPLES, RECIPE, tmp_path, watch=Watch(lambda done, total, unit: told.append((done, total)))
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


def trained_bytes(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def test_rows_computed_a_few_at_a_time_teach_the_same_but_for_rounding(base: Path, tmp_path: Path) -> None:
    whole, rows = (
        train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path, machine=Machine(rows=count)) for count in (0, 3)
    )
    assert [look.training_loss for look in rows.looks] == pytest.approx(
        [look.training_loss for look in whole.looks], rel=0.02
    )


def test_a_device_that_is_not_here_is_refused(base: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(MissingPrerequisite) as caught:
        train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path, machine=Machine("cuda"))
    assert "--device cpu" in caught.value.remedy


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("at", [1, 5, 11, 16])
def test_a_training_that_was_killed_goes_on_to_the_same_weights(base: Path, tmp_path: Path, at: int) -> None:
    recipe = msgspec.structs.replace(RECIPE, epochs=8, validation=0.25, look_every=3)
    train_adapter(base, "toy", EXAMPLES, recipe, tmp_path / "whole")

    def kill(done: int, total: int | None, unit: str) -> None:
        if done == at:
            raise Killed

    state = tmp_path / "state"
    with pytest.raises(Killed):
        train_adapter(base, "toy", EXAMPLES, recipe, tmp_path / "killed", watch=Watch(kill, folder=state, every=0))
    told: list[int] = []
    watch = Watch(lambda done, total, unit: told.append(done), folder=state, every=0)
    trained = train_adapter(base, "toy", EXAMPLES, recipe, tmp_path / "killed", watch=watch)
    assert trained_bytes(tmp_path / "killed") == trained_bytes(tmp_path / "whole")
    assert told == list(range(at, 17)) or told == list(range(at + 1, 17))
    assert trained.steps == 16


def test_a_state_that_cannot_be_read_is_as_none(base: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.safetensors").write_bytes(b"\x80\x04not a tensor")
    told: list[int] = []
    watch = Watch(lambda done, total, unit: told.append(done), folder=state)
    train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path / "out", watch=watch)
    assert told[0] == 1
    assert read_standing(state) is not None


def test_a_state_of_another_model_or_of_which_a_part_is_missing_is_not_taken_up(base: Path, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    state = tmp_path / "state"
    train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path / "whole", watch=Watch(folder=state))
    path = state / "state.safetensors"
    tensors = load_file(path)
    with safe_open(path, framework="np") as file:
        facts = file.metadata()
    for spoiled in (
        {name: value for name, value in tensors.items() if name != "optimizer.0.exp_avg"},
        {name: value for name, value in tensors.items() if "lora_A" not in name},
        {name: value.reshape(-1) for name, value in tensors.items()},
    ):
        save_file(spoiled, path, metadata=facts)
        told: list[int] = []
        watch = Watch(lambda done, total, unit, told=told: told.append(done), folder=state)  # type: ignore[misc]
        train_adapter(base, "toy", EXAMPLES, RECIPE, tmp_path / "again", watch=watch)
        assert told[0] == 1
        assert trained_bytes(tmp_path / "again") == trained_bytes(tmp_path / "whole")


def test_training_ends_early_when_what_is_held_back_gets_no_better_and_keeps_the_best(
    base: Path, tmp_path: Path
) -> None:
    recipe = msgspec.structs.replace(
        RECIPE, epochs=200, learning_rate=5e-2, schedule="constant", validation=0.25, look_every=2, patience=3
    )
    seen: list[Look] = []
    trained = train_adapter(base, "toy", EXAMPLES, recipe, tmp_path, watch=Watch(look=seen.append))
    assert trained.early
    assert trained.looks == tuple(seen)
    losses = {look.step: look.validation_loss for look in seen if look.validation_loss is not None}
    assert seen[0].step == 0
    assert losses[trained.best_step] == min(losses.values())
    assert len([step for step in losses if step > trained.best_step]) == 3


def test_a_training_whose_loss_is_no_number_ends_with_a_sentence(base: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "base"
    shutil.copytree(base, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][:] = float("inf")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Diverged) as caught:
        train_adapter(broken, "toy", EXAMPLES, RECIPE, tmp_path / "out")
    assert caught.value.step == 1
    assert not (tmp_path / "out").exists()
