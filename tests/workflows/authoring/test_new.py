from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Shell

from locoman.catalog.manifest import read_package
from locoman.store.home import Home


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_package_is_read_and_criticised_until_it_has_real_data(shell: Shell, copied: Home) -> None:
    assert shell("adapter", "new", "fractions").code == 0
    package = read_package(Path("fractions"))
    assert package.manifest.base.name == "loco-tiny"
    assert package.manifest.training is not None
    assert set(package.manifest.training.targets) == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    checked = shell("adapter", "check", "fractions")
    assert checked.code == 3
    for file in (
        "adapter.toml, line 5",
        "train.jsonl, line 1",
        "eval.jsonl, line 2",
        "routing.jsonl, line 1",
        "README.md",
    ):
        assert file in checked.out


def test_its_place_and_domain_can_be_chosen(shell: Shell, copied: Home) -> None:
    arguments = ("adapter", "new", "halves", "--domain", "fractions", "--folder", "own/halves", "--base", "loco-tiny")
    planned = shell(*arguments, "--dry-run", "--json").document
    assert planned["written"] is False
    assert not Path("own").exists()
    assert shell(*arguments, "--json").document["written"] is True
    assert read_package(Path("own/halves")).manifest.domain == "fractions"
    assert list(Path("own").iterdir()) == [Path("own/halves")]


def test_nothing_is_written_over(shell: Shell, copied: Home) -> None:
    Path("fractions").mkdir()
    Path("fractions/mine.txt").write_text("keep")
    result = shell("adapter", "new", "fractions")
    assert result.code == 2
    assert "--folder" in result.err
    assert [path.name for path in Path("fractions").iterdir()] == ["mine.txt"]


def test_a_base_whose_fingerprint_nothing_tells_has_to_be_installed(shell: Shell, copied: Home) -> None:
    result = shell("adapter", "new", "poems", "--base", "qwen3-4b-instruct")
    assert result.code in (0, 4)
    if result.code == 4:
        assert "Next: locoman install --base qwen3-4b-instruct" in result.err


@pytest.mark.parametrize("name", ["Base", "../up", "auto", ""])
def test_a_name_that_cannot_be_one_is_refused(shell: Shell, copied: Home, name: str) -> None:
    assert shell("adapter", "new", name).code == 2
