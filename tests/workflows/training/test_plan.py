"""What is trained on what, and what is refused before an hour is spent. No torch is needed here."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import msgspec
import pytest
from support.command import Shell

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import Shelf, shipped
from locoman.contracts import Message
from locoman.errors import InvalidFile, MissingPrerequisite, UnknownName, Unsupported, UsageError, WrongBase
from locoman.names import BaseRef
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.training.material import find_checkpoint, read_examples
from locoman.workflows.training.plan import TrainOptions, TrainPlan, plan_train
from locoman.workflows.training.written import manifest_text, write_package

SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """`words` with little to learn."""
    folder = tmp_path / "words"
    shutil.copytree(shipped("adapters") / "words", folder)
    lines = (folder / "train.jsonl").read_text().splitlines(keepends=True)[:20]
    (folder / "train.jsonl").write_text("".join(lines))
    return folder


def plan(home: Home, text: object, **options: object) -> TrainPlan:
    return plan_train(home, SHELF, str(text), TrainOptions(**options))  # type: ignore[arg-type]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_folder_is_trained_where_it_lies_and_a_name_beside(package: Path, copied: Home) -> None:
    assert plan(copied, package).out == package
    assert plan(copied, package).in_place
    named = plan(copied, "words@1.0.0")
    assert named.out == Path("words")
    assert not named.in_place


def test_questions_are_learnt_as_the_host_puts_them(package: Path) -> None:
    edit(package / "adapter.toml", 'system = ""', 'system = "Answer with one word."')
    edit(package / "adapter.toml", "repeat_question = false", "repeat_question = true")
    question = json.loads((package / "train.jsonl").read_text().splitlines()[0])["question"]
    assert read_examples(read_package(package))[0].messages == (
        Message("system", "Answer with one word."),
        Message("user", f"{question}\nRead the question again: {question}"),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "How long is it?", "answer": " "}', "no answer"),
        ('{"question": "How long is it?"}', "`answer`"),
        ('{"question": " ", "answer": "3"}', "question is empty"),
        ("{", "broken JSON"),
    ],
)
def test_training_data_without_an_answer_is_refused_with_its_line(
    package: Path, copied: Home, line: str, said: str
) -> None:
    with (package / "train.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InvalidFile, match=said) as caught:
        plan(copied, package)
    assert (caught.value.path.name, caught.value.line) == ("train.jsonl", 21)


def test_nothing_to_learn_is_refused(package: Path, copied: Home) -> None:
    (package / "train.jsonl").write_text("\n")
    with pytest.raises(InvalidFile, match="no example"):
        plan(copied, package)


def test_an_evaluation_that_stands_in_the_training_set_is_refused_before_training(package: Path, copied: Home) -> None:
    case = json.loads((package / "eval.jsonl").read_text().splitlines()[4])
    with (package / "train.jsonl").open("a") as file:
        file.write(json.dumps({"question": case["question"].upper(), "answer": case["answer"]}) + "\n")
    with pytest.raises(InvalidFile, match=r"line 21 of train\.jsonl") as caught:
        plan(copied, package)
    assert caught.value.line == 5


def test_a_package_without_a_recipe_is_refused(package: Path, copied: Home) -> None:
    text = (package / "adapter.toml").read_text()
    start, end = text.index("[training]"), text.index("[prompt]")
    (package / "adapter.toml").write_text(text[:start] + text[end:])
    with pytest.raises(UsageError, match=r"\[training\]"):
        plan(copied, package)


@pytest.mark.parametrize(
    ("target", "error"), [("q_prj", UnknownName), ("lm_head", Unsupported), ("embed_tokens", Unsupported)]
)
def test_a_target_that_could_not_be_carried_into_a_gguf_is_refused(
    package: Path, copied: Home, target: str, error: type[Exception]
) -> None:
    edit(package / "adapter.toml", '"q_proj"', f'"{target}"')
    with pytest.raises(error):
        plan(copied, package)


def test_a_base_that_is_not_installed_is_named_with_what_to_type(package: Path, copied: Home) -> None:
    with pytest.raises(MissingPrerequisite) as caught:
        plan(copied, package, base=BaseRef("qwen3-4b-instruct"))
    assert caught.value.remedy == "locoman install --base qwen3-4b-instruct"


def test_a_checkpoint_of_another_model_is_refused(package: Path, copied: Home, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(shipped("modelfiles") / "loco-tiny", other)
    assert plan(copied, package, checkpoint=other).checkpoint.folder == other
    data = bytearray((other / "model.safetensors").read_bytes())
    size = int.from_bytes(data[:8], "little")
    start = json.loads(data[8 : 8 + size])["model.norm.weight"]["data_offsets"][0]
    data[8 + size + start] ^= 0xFF
    (other / "model.safetensors").write_bytes(data)
    with pytest.raises(WrongBase, match="other weights"):
        plan(copied, package, checkpoint=other)
    with pytest.raises(UsageError, match="no folder"):
        plan(copied, package, checkpoint=tmp_path / "nowhere")


def test_a_base_that_is_here_as_gguf_alone_says_where_its_checkpoint_comes_from(
    copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SHELF.spec(BaseRef("qwen3-4b-instruct"))
    base = load_registry(copied.registry).current()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPrerequisite) as caught:
        find_checkpoint(spec, base, None)
    assert "GGUF cannot be trained on" in str(caught.value)
    assert 'pip install "locoman[hub]"' in caught.value.remedy
    assert "https://huggingface.co/Qwen/Qwen3-4B-Instruct-2507" in caught.value.remedy


def test_the_state_belongs_to_what_decides_the_weights(package: Path, copied: Home) -> None:
    first = plan(copied, package).state
    edit(package / "README.md", "words", "letters")
    assert plan(copied, package).state == first
    edit(package / "adapter.toml", "seed = 7", "seed = 8")
    second = plan(copied, package).state
    edit(package / "train.jsonl", '"answer": "', '"answer": "x')
    third = plan(copied, package).state
    edit(package / "adapter.toml", 'system = ""', 'system = "Be brief."')
    assert len({first, second, third, plan(copied, package).state}) == 4


def test_a_trained_package_keeps_its_manifest_as_it_was_written(package: Path, copied: Home, tmp_path: Path) -> None:
    manifest = package / "adapter.toml"
    edit(manifest, 'kind = "lora"', 'kind = "prompt"  # not yet')
    edit(manifest, 'system = ""', 'system = "name = \\"x\\""')
    before = manifest.read_text()
    planned = plan(copied, package)
    trained = tmp_path / "trained"
    shutil.copytree(package / "weights" / "loco-tiny", trained)
    shutil.rmtree(package / "weights")
    write_package(planned, trained)
    assert manifest.read_text() == before.replace('"prompt"', '"lora"')
    assert sorted(path.name for path in package.rglob("*") if path.is_file()) == sorted(
        (package / name).name for name in (
            "adapter.toml", "train.jsonl", "eval.jsonl", "routing.jsonl", "README.md",
            "weights/loco-tiny/adapter_config.json", "weights/loco-tiny/adapter_model.safetensors",
        )
    )  # fmt: skip


def test_a_manifest_written_in_an_unusual_way_is_written_anew(package: Path, copied: Home) -> None:
    manifest = package / "adapter.toml"
    text = manifest.read_text()
    start, end = text.index("[base]"), text.index("[training]")
    fingerprint = read_package(package).manifest.base.fingerprint
    inline = f'base = {{ name = "old", fingerprint = "{fingerprint}" }}\n'
    manifest.write_text(inline + text[:start] + text[end:])
    planned = plan(copied, package, base=BaseRef("loco-tiny"))
    manifest.write_text(manifest_text(planned))
    wanted = planned.package.manifest
    base = msgspec.structs.replace(wanted.base, name="loco-tiny")
    assert read_package(package).manifest == msgspec.structs.replace(wanted, base=base)


def test_a_copy_for_another_place_has_no_old_weights(package: Path, copied: Home, tmp_path: Path) -> None:
    planned = plan(copied, package, out=tmp_path / "new" / "words")
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "adapter_config.json").write_text("{}")
    write_package(planned, trained)
    assert [p.name for p in (tmp_path / "new" / "words" / "weights" / "loco-tiny").iterdir()] == ["adapter_config.json"]
    assert (package / "weights" / "loco-tiny" / "adapter_model.safetensors").is_file()
    with pytest.raises(UsageError, match="--out"):
        plan(copied, package, out=tmp_path / "new" / "words")


def test_the_plan_is_shown_without_torch_and_training_says_what_to_install(
    package: Path, copied: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "transformers", "peft"):
        monkeypatch.setitem(sys.modules, name, None)
    shown = shell("adapter", "train", str(package), "--dry-run", "--json").document
    assert (shown["examples"], shown["cases"], shown["trained"]) == (20, 200, False)
    result = shell("adapter", "train", str(package))
    assert result.code == 4
    assert 'Next: pip install "locoman[train]"' in result.err
