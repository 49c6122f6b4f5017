"""Adapters from folders and from an index on a web server: added, updated, rolled back; liars leave no trace."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Result, Shell
from support.kills import check_files
from support.site import Site, newer_package

from locoman.store.home import Home
from locoman.store.registry import load_registry


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An index with words 1.1.0."""
    newer_package("words", "1.1.0", tmp_path / "packages")
    with Site(tmp_path / "site") as server:
        server.offer(tmp_path / "packages")
        yield server


def active(home: Home) -> str:
    return load_registry(home.registry).current().active["words"]


def untouched(home: Home, before: bytes) -> bool:
    """Whether the registry is the same, and nothing beside it was left."""
    check_files(home.root)
    return home.registry.read_bytes() == before


def one_sentence(result: Result) -> bool:
    """Whether the error is a sentence and the next command, behind whatever notes came first."""
    last = result.err.strip().splitlines()[-2:]
    return "Traceback" not in result.err and last[1].startswith("Next: ") and last[0].endswith((".", "?"))


def test_an_update_comes_from_the_index_and_goes_back_and_forth(shell: Shell, own: Home, site: Site) -> None:
    check = shell("update", "--check", "--from", site.index, "--json").document
    assert [(step["adapter"], step["replaces"]) for step in check["adapters"]] == [("words@1.1.0", "words@1.0.0")]
    assert check["download_bytes"] > 1_000_000
    assert not site.fetched()
    assert shell("update", "--from", site.index).out == "words@1.1.0 answers from now on.\n"
    assert active(own) == "words@1.1.0"
    assert "Nothing newer" in shell("update").out  # it asks where words came from, too
    assert [path for path, _ in site.requests].count("/index.json") == 3
    assert shell("adapter", "rollback", "words").out == "words@1.0.0 answers for words again.\n"
    assert active(own) == "words@1.0.0"
    again = shell("update", "--json").document["adapters"]
    assert [(step["action"], step["download_bytes"]) for step in again] == [("activate", 0)]
    assert active(own) == "words@1.1.0"
    assert shell("adapter", "activate", "words@1.0.0").code == 0
    assert shell("adapter", "rollback", "words").out.startswith("words@1.1.0")
    assert not [path for path in own.downloads.iterdir() if path.suffix != ".lock"]
    assert len(site.fetched()) == 1
    check_files(own.root)
    assert shell("ask", "--model", "words", "Spell the word cat.").code == 0


def test_going_back_needs_another_version(shell: Shell, copied: Home) -> None:
    result = shell("adapter", "rollback", "words")
    assert result.code == 2
    assert "no version of words to go back to" in result.err


def test_installing_again_does_not_take_an_update_back(shell: Shell, copied: Home, site: Site) -> None:
    assert shell("update", "--from", site.index).code == 0
    assert shell("install", "--base", "loco-tiny", "--no-check").code == 0
    assert active(copied) == "words@1.1.0"


def test_a_folder_is_a_source_and_so_is_a_setting(shell: Shell, copied: Home, tmp_path: Path) -> None:
    newer_package("words", "1.2.0", tmp_path / "more")
    assert shell("adapter", "add", "words", "--from", str(tmp_path / "more")).code == 0
    assert active(copied) == "words@1.2.0"
    newer_package("words", "1.3.0", tmp_path / "set")
    copied.config.write_text(f'[catalog]\nsources = "{(tmp_path / "set").as_posix()}"\n')
    found = shell("adapter", "search", "backwards", "--json").document["adapters"]
    assert [d["version"] for d in found] == ["1.0.0", "1.2.0", "1.3.0"]
    assert shell("adapter", "add", "words@1.0.0").code == 0
    assert active(copied) == "words@1.0.0"
    assert shell("update").out == "words@1.3.0 answers from now on.\n"


def test_an_adapter_for_another_base_is_refused_by_name(shell: Shell, copied: Home) -> None:
    result = shell("adapter", "add", "code")
    assert result.code == 3
    assert "made for qwen3-4b-instruct" in result.err


def test_a_download_that_breaks_off_goes_on_where_it_stopped(shell: Shell, copied: Home, site: Site) -> None:
    site.cuts.extend([500_000, 400_000])
    assert shell("update", "--from", site.index).code == 0
    ranges = [asked for path, asked in site.requests if path.endswith(".zip")]
    assert ranges == ["", "bytes=500000-", "bytes=900000-"]


def test_an_index_that_nobody_serves_is_named_and_the_others_are_asked(shell: Shell, copied: Home) -> None:
    nowhere = "http://127.0.0.1:9/index.json"
    copied.config.write_text(f'[catalog]\nsources = "{nowhere}"\n')
    result = shell("adapter", "search")
    assert result.code == 0
    assert nowhere in result.err
    assert "words@1.0.0" in result.out
    alone = shell("adapter", "search", "--from", nowhere)
    assert alone.code == 4
    assert "cannot be reached" in alone.err


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://example.org/index.json", "not an https address"),
        ("https://me:secret@example.org/index.json", "password"),
        ("https://", "cannot be the address"),
        ("ftp://example.org", "no source"),
        ("./nothing-here", "no source"),
    ],
)
def test_what_cannot_be_a_source_is_refused(shell: Shell, copied: Home, address: str, told: str) -> None:
    result = shell("update", "--from", address)
    assert result.code == 2
    assert told in result.err
    assert "secret@" not in result.err


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"bytes": 1000}, "are expected"),
        ({"bytes": 10_000_000}, "are expected"),
        ({"sha256": "0" * 64}, "does not match its sha256"),
        ({"unpacked_bytes": 1000}, "allowed"),
        ({"unpacked_bytes": 100_000_000}, "another size than its index says"),
        ({"name": "wordz", "domain": "wordz"}, "what it calls wordz@1.1.0 is words@1.1.0"),
        ({"version": "1.9.0"}, "is words@1.1.0"),
        ({"domain": "dates"}, "for words"),
        ({"file": "../words.zip"}, "leaves its folder"),
        ({"file": "nothing.zip"}, "404"),
        ({"name": "../words"}, "cannot be the name"),
        ({"surprise": 1}, "surprise"),
        ({"bytes": -1}, "int"),
    ],
)
def test_an_index_that_lies_leaves_no_trace(
    shell: Shell, copied: Home, site: Site, values: dict[str, object], told: str
) -> None:
    before = copied.registry.read_bytes()
    site.lie(**values)
    name = str(values.get("name", "words"))
    result = shell("adapter", "add", name if name != "../words" else "words", "--from", site.index)
    assert result.code in (1, 2, 4), result.out
    assert told in result.err
    assert one_sentence(result)
    assert untouched(copied, before)


def test_a_page_of_a_proxy_is_not_taken_for_an_index(shell: Shell, copied: Home, site: Site) -> None:
    before = copied.registry.read_bytes()
    site.html = True
    result = shell("update", "--from", site.index)
    assert result.code == 1
    assert "web page came instead" in result.err
    site.html, site.spoil = False, lambda path, data: b"<html></html>"
    result = shell("update", "--from", site.index)
    assert "no index of adapters" in result.err
    assert one_sentence(result)
    assert untouched(copied, before)


def hostile(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(100_000))
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [(hostile("../evil"), "leaves its folder"), (hostile("bomb"), "allowed"), (b"PK\3\4 cut", "cut")],
)
def test_a_hostile_archive_that_the_index_stands_for_is_refused(
    shell: Shell, copied: Home, site: Site, content: bytes, told: str
) -> None:
    import hashlib

    before = copied.registry.read_bytes()
    site.spoil = lambda path, data: content if path.endswith(".zip") else data
    site.lie(bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), unpacked_bytes=5000)
    result = shell("update", "--from", site.index)
    assert result.code == 1
    assert told in result.err
    assert one_sentence(result)
    assert untouched(copied, before)
    assert not list(copied.root.rglob("evil"))


def test_bytes_that_change_on_the_way_are_told_and_the_next_try_succeeds(
    shell: Shell, copied: Home, site: Site
) -> None:
    before = copied.registry.read_bytes()
    site.spoil = lambda path, data: data[:700] + b"?" + data[701:] if path.endswith(".zip") else data
    result = shell("update", "--from", site.index)
    assert "does not match its sha256" in result.err
    assert untouched(copied, before)
    site.spoil = lambda path, data: data
    assert shell("update", "--from", site.index).code == 0


def test_the_same_packages_give_the_same_index(shell: Shell, tmp_path: Path) -> None:
    newer_package("words", "1.1.0", tmp_path / "packages")
    for name in ("a", "b"):
        assert shell("adapter", "index", str(tmp_path / "packages"), "--out", str(tmp_path / name)).code == 0
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["index.json", "words-1.1.0-loco-tiny.zip"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_a_broken_package_is_not_offered_to_others(shell: Shell, tmp_path: Path) -> None:
    folder = newer_package("words", "1.1.0", tmp_path / "packages")
    (folder / "eval.jsonl").write_text("{\n")
    result = shell("adapter", "index", str(tmp_path / "packages"), "--out", str(tmp_path / "site"))
    assert result.code == 1
    assert "eval.jsonl, line 1" in result.err
    assert not (tmp_path / "site" / "index.json").exists()
    assert shell("adapter", "index", str(tmp_path)).code == 2


def test_a_full_disk_is_told_before_anything_is_fetched(
    shell: Shell, copied: Home, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locoman.workflows.add.disk_free", lambda root: 1000)
    result = shell("update", "--from", site.index)
    assert result.code == 4
    assert "disk space" in result.err
    assert not site.fetched()


def broken_package(folder: Path) -> Path:
    package = newer_package("words", "1.1.0", folder)
    (package / "routing.jsonl").write_text('{"text": "a", "mine": true}\n{"text": \n')
    return package


def test_a_broken_file_of_a_package_is_named_where_the_user_has_it(shell: Shell, copied: Home, tmp_path: Path) -> None:
    package, before = broken_package(tmp_path), copied.registry.read_bytes()
    place = f"{package / 'routing.jsonl'}, line 2"
    for arguments in (
        ("adapter", "add", str(package)),
        ("adapter", "add", "words@1.1.0", "--from", str(tmp_path)),
        ("install", "--base", "loco-tiny", "--adapter", str(package), "--no-check"),
    ):
        result = shell(*arguments)
        assert result.code == 1
        assert place in result.err
        assert f"Next: mend {package / 'routing.jsonl'}" in result.err
        assert "staging" not in result.err
        assert untouched(copied, before)


def test_a_broken_file_of_a_packed_package_is_named_with_its_archive(
    shell: Shell, copied: Home, tmp_path: Path
) -> None:
    package, packed = broken_package(tmp_path / "open"), tmp_path / "words.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(package.rglob("*")):
            archive.write(path, path.relative_to(package))
    result = shell("adapter", "add", str(packed))
    assert result.code == 1
    assert f"{packed}, routing.jsonl, line 2" in result.err
    assert "tell whoever made it" in result.err
    assert "staging" not in result.err


def test_an_adapter_that_the_router_can_never_choose_is_added_and_that_is_said(
    shell: Shell, copied: Home, tmp_path: Path
) -> None:
    package = newer_package("words", "1.1.0", tmp_path)
    (package / "routing.jsonl").write_text("")
    result = shell("adapter", "add", str(package))
    assert result.code == 0
    assert "the router never chooses it" in result.err
    assert "locoman ask --model words" in result.err
    copied.wishes.write_text('[keywords]\nwords = ["shibboleth"]\n')
    assert shell("adapter", "activate", "words@1.0.0").code == 0
    assert "never chooses" not in shell("adapter", "add", str(package)).err
    full = newer_package("words", "1.2.0", tmp_path)
    assert "never chooses" not in shell("adapter", "add", str(full)).err


def test_an_adapter_that_claims_anothers_questions_is_added_and_that_is_said(
    shell: Shell, own: Home, tmp_path: Path
) -> None:
    package = newer_package("words", "1.0.0", tmp_path)
    manifest = package / "adapter.toml"
    text = (
        manifest.read_text().replace('name = "words"', 'name = "twin"').replace("keywords = []", 'keywords = ["what"]')
    )
    manifest.write_text(re.sub('domain = ".*"', 'domain = "twins"', text))
    result = shell("adapter", "add", str(package))
    assert result.code == 0, result.err
    assert "claim the same questions: 90 of 90" in result.err
    assert "keyword 'what' of twin" in result.err
    shown = shell("router", "show", "--json").document["conflicts"]
    assert [{row["adapter"], row["other"]} for row in shown] == [{"twin", "words"}]
    assert "claim the same questions" in shell("router", "fit").out
    told = shell("doctor")
    assert told.code == 3
    assert any(
        (line.startswith("FAIL") and "twin and words" in line) or "words and twin" in line
        for line in told.out.splitlines()
    )
