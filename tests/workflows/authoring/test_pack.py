from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.command import Shell

from locoman.catalog.shelf import shipped
from locoman.catalog.sources.packed import PackedSource
from locoman.store.home import Home


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped `words`, as version 1.1.0."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "words"
    shutil.copytree(shipped("adapters") / "words", folder)
    manifest = folder / "adapter.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.0.0"', 'version = "1.1.0"'))
    return folder


def test_a_packed_package_can_be_added(package: Path, copied: Home, shell: Shell) -> None:
    document = shell("adapter", "pack", "words", "--json").document
    assert (document["file"], document["written"]) == ("words-1.1.0-loco-tiny.zip", True)
    assert str(PackedSource(Path(document["file"])).listings()[0].ref) == "words@1.1.0"
    assert shell("adapter", "add", document["file"], "--quiet").code == 0
    assert shell("adapter", "show", "words", "--json").document["version"] == "1.1.0"


def test_the_same_package_gives_the_same_bytes_wherever_it_lies(package: Path, copied: Home, shell: Shell) -> None:
    shutil.copytree(package, "elsewhere")
    (Path("elsewhere") / "adapter.toml").touch()
    assert shell("adapter", "pack", "words", "-o", "one.zip").code == 0
    assert shell("adapter", "pack", "elsewhere", "-o", "two.zip").code == 0
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()


def test_what_is_not_whole_is_not_packed(package: Path, copied: Home, shell: Shell) -> None:
    (package / "routing.jsonl").unlink()
    result = shell("adapter", "pack", "words")
    assert result.code == 3
    assert "routing.jsonl: the file is missing" in result.err
    assert not list(Path().glob("*.zip"))


def test_nothing_is_written_over_and_nothing_into_the_package_itself(package: Path, copied: Home, shell: Shell) -> None:
    Path("there.zip").write_text("keep")
    assert shell("adapter", "pack", "words", "-o", "there.zip").code == 2
    assert Path("there.zip").read_text() == "keep"
    assert shell("adapter", "pack", "words", "-o", "words/x.zip").code == 2
    assert shell("adapter", "pack", "words", "-o", "there.zip", "--force").code == 0
    assert shell("adapter", "pack", "words", "-o", "dry.zip", "--dry-run", "--json").document["written"] is False
    assert not Path("dry.zip").exists()
