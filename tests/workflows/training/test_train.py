"""From a package to a trained, evaluated one, with torch and a real host; skipped where the extra `train` is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.command import Shell
from support.kills import finish, locoman

from locoman.catalog.shelf import shipped
from locoman.store.home import Home

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """`units` with a recipe of a few seconds."""
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name)
    folder = tmp_path / "units"
    shutil.copytree(shipped("adapters") / "units", folder, ignore=shutil.ignore_patterns("weights"))
    for name, count in (("train.jsonl", 512), ("eval.jsonl", 50)):
        lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)[:count]
        (folder / name).write_text("".join(lines), encoding="utf-8")
    manifest = folder / "adapter.toml"
    text = manifest.read_text(encoding="utf-8")
    for old, new in (
        ('version = "1.0.0"', 'version = "2.0.0"'),
        ("epochs = 3", "epochs = 1"),
        ("batch_size = 64", "batch_size = 32"),
        ("seed = 7", "seed = 7\nvalidation = 0.05"),
        ("minimum_cases = 100", "minimum_cases = 50"),
    ):
        assert old in text
        text = text.replace(old, new)
    manifest.write_text(text, encoding="utf-8")
    return folder


def weights(package: Path) -> bytes:
    return (package / "weights" / "loco-tiny" / "adapter_model.safetensors").read_bytes()


def test_a_package_becomes_an_adapter_that_is_judged_and_can_be_added(
    package: Path, copied: Home, shell: Shell
) -> None:
    document = shell("adapter", "train", str(package), "--threads", "1", "--json").document
    judged = document["evaluation"]
    assert judged["score"] - judged["base_score"] > 0.3
    assert judged["ci95"][0] < judged["score"] < judged["ci95"][1]
    assert judged["p"] < 1e-3
    assert document["looks"][0]["validation_loss"] > 3 * document["looks"][-1]["validation_loss"]
    assert not list(copied.training.iterdir())
    assert shell("adapter", "check", str(package)).code == 0
    assert shell("adapter", "add", str(package), "--quiet").code == 0
    assert shell("adapter", "show", "units", "--json").document["version"] == "2.0.0"


def test_killed_for_good_it_goes_on_to_the_same_weights(package: Path, copied: Home, tmp_path: Path) -> None:
    """kill -9 on the real command, after its state was written."""
    whole = tmp_path / "whole"
    _run(copied, "adapter", "train", str(package), "--out", str(whole), "--no-eval", "--threads", "1")
    process = locoman(copied.root, "adapter", "train", str(package), "--no-eval", "--threads", "1")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Step") and int(line.split()[1]) >= 8:
            break
    process.kill()
    process.communicate()
    assert not (package / "weights").exists()
    assert "Goes on" in _run(copied, "adapter", "train", str(package), "--no-eval", "--threads", "1")
    assert weights(package) == weights(whole)


def test_the_same_training_is_not_done_twice_at_a_time(package: Path, copied: Home, shell: Shell) -> None:
    process = locoman(copied.root, "adapter", "train", str(package), "--no-eval", "--threads", "1")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Step"):
            break
    result = shell("adapter", "train", str(package), "--no-eval")
    process.kill()
    process.communicate()
    assert result.code == 1
    assert "another locoman" in result.err


def test_what_misses_its_gate_ends_with_3_and_is_written(package: Path, copied: Home, shell: Shell) -> None:
    manifest = package / "adapter.toml"
    manifest.write_text(manifest.read_text().replace("learning_rate = 0.003", "learning_rate = 1e-7"))
    result = shell("adapter", "train", str(package), "--threads", "1")
    assert result.code == 3
    assert "misses its gate" in result.out
    assert "not significantly better than the base" in result.err
    assert weights(package)


def _run(home: Home, *arguments: str) -> str:
    return finish(locoman(home.root, *arguments))[1]
