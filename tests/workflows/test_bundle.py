"""Bundles: one file, made on one machine and installed on others that have no network; damaged ones leave no trace."""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command import Shell
from support.kills import check_files
from support.offline import Offline
from support.site import newer_package

from locoman.catalog.bundle import MANIFEST_NAME, open_bundle
from locoman.errors import LocomanError
from locoman.routing.encoder import files as encoder_files
from locoman.routing.encoder.files import EncoderFile
from locoman.store.archive import open_archive
from locoman.store.home import Home
from locoman.store.new_archive import new_archive
from locoman.store.registry import load_registry
from locoman.workflows.bundle import create, install_plan
from locoman.workflows.bundle import install as bundle_install

FLIPS = 60


def repacked(bundle: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A bundle with other contents, sealed again, as somebody would forge one."""
    with zipfile.ZipFile(bundle) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    change(contents)
    with target.open("w+b") as file, new_archive(file, target) as archive:
        for name, data in contents.items():
            archive.add(name, io.BytesIO(data), len(data))
    return target


def in_manifest(edit: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, bytes]], None]:
    def change(contents: dict[str, bytes]) -> None:
        document = json.loads(contents[MANIFEST_NAME])
        edit(document)
        contents[MANIFEST_NAME] = json.dumps(document).encode()

    return change


def nothing_installed(home: Home) -> bool:
    check_files(home.root)
    return not home.registry.exists() and not any(home.staging.glob("*")) and not home.modelfiles.exists()


def test_without_a_network_a_bundle_is_installed_and_answers(classroom: Path, home: Home, tmp_path: Path) -> None:
    offline = Offline(tmp_path, home.root)
    try:
        done = offline("bundle", "install", str(classroom), "--json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["plan"]["how"] == "copy"
        assert [check["ok"] for check in document["checks"]] == [True] * 4
        answer = json.loads(offline("ask", "What is 17 + 25?", "--json").stdout)
        assert (answer["answer"], answer["adapter"], answer["base"]) == ("42", "arithmetic", "loco-tiny")
        assert json.loads(offline("doctor", "--deep", "--json").stdout)["ok"]
    finally:
        offline("stop")
    assert offline.attempts == ""
    assert load_registry(home.registry).current().origin == "bundle"
    check_files(home.root)


def test_the_watch_over_the_network_is_no_dummy(home: Home, tmp_path: Path) -> None:
    offline = Offline(tmp_path, home.root)
    assert offline("adapter", "search", "--from", "https://adapters.example.org/index.json").returncode == 4
    assert "adapters.example.org" in offline.attempts


def test_the_same_contents_give_the_same_bytes_also_on_another_machine(
    shell: Shell, classroom: Path, home: Home, tmp_path: Path
) -> None:
    assert shell("bundle", "install", str(classroom), "--no-check").code == 0
    assert shell("bundle", "create", str(tmp_path / "again.locoman")).code == 0
    assert (tmp_path / "again.locoman").read_bytes() == classroom.read_bytes()


def test_what_is_there_is_not_written_over_unasked(shell: Shell, copied: Home, tmp_path: Path) -> None:
    target = tmp_path / "a.locoman"
    target.write_bytes(b"mine")
    assert shell("bundle", "create", str(target)).code == 2
    assert target.read_bytes() == b"mine"
    assert shell("bundle", "create", str(target), "--force", "--adapter", "words").code == 0
    with open_bundle(target) as bundle:
        assert [str(adapter.ref) for adapter in bundle.manifest.adapters] == ["words@1.0.0"]
        assert not bundle.manifest.router


def test_the_plan_names_sizes_and_licences_and_changes_nothing(shell: Shell, classroom: Path, home: Home) -> None:
    plan = shell("bundle", "install", str(classroom), "--dry-run", "--json").document["plan"]
    assert plan["licences"] == ["Apache-2.0"]
    assert 10_000_000 < plan["disk_bytes"] < 25_000_000
    assert not home.registry.exists()
    lines = shell("bundle", "install", str(classroom), "--dry-run").out
    assert "copied to this machine" in lines
    assert "Disk      18.9 MB needed" in lines


def test_installing_twice_keeps_everything(shell: Shell, classroom: Path, copied: Home) -> None:
    before = copied.registry.read_bytes()
    document = shell("bundle", "install", str(classroom), "--no-check", "--json").document
    assert document["plan"]["how"] == "keep"
    assert {step["action"] for step in document["plan"]["adapters"]} == {"keep"}
    assert copied.registry.read_bytes() == before


def test_news_for_machines_that_have_the_base(shell: Shell, copied: Home, tmp_path: Path) -> None:
    newer = newer_package("words", "1.1.0", tmp_path)
    assert shell("adapter", "add", "words", "--from", str(newer)).code == 0
    news = tmp_path / "news.locoman"
    assert shell("bundle", "create", str(news), "--adapters-only", "--adapter", "words").code == 0
    assert news.stat().st_size < 2_000_000
    assert shell("remove", "words@1.1.0", "--yes").code == 0
    assert shell("bundle", "install", str(news), "--no-check").code == 0
    assert load_registry(copied.registry).current().active["words"] == "words@1.1.0"
    assert shell("bundle", "install", str(news), "--home", str(tmp_path / "empty")).code == 4


@pytest.fixture
def tiny_encoder(copied: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small files that stand for the encoder's 34 MB; only that they are carried over is looked at."""
    content = {"model_quantized.onnx": b"weights" * 1000, "vocab.txt": b"a\nb\n"}
    known = tuple(EncoderFile(name, len(data), digest(data)) for name, data in content.items())
    for module in (encoder_files, create, bundle_install, install_plan):
        monkeypatch.setattr(module, "FILES", known)
    folder = encoder_files.encoder_folder(copied.encoders)
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def test_the_routers_encoder_goes_along(shell: Shell, copied: Home, tiny_encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.locoman"
    document = shell("bundle", "create", str(path), "--json").document
    assert document["encoder"]
    other = Home(tmp_path / "other")
    plan = shell("bundle", "install", str(path), "--dry-run", "--home", str(other.root)).out
    assert "Encoder " in plan
    assert "Apache-2.0, MIT" in plan
    assert shell("bundle", "install", str(path), "--no-check", "--home", str(other.root)).code == 0
    assert "Encoder " not in shell("bundle", "install", str(path), "--dry-run", "--home", str(other.root)).out
    brought = other.encoders / tiny_encoder.name
    assert {file.name: file.read_bytes() for file in brought.iterdir()} == {
        file.name: file.read_bytes() for file in tiny_encoder.iterdir()
    }
    with zipfile.ZipFile(path) as archive:
        assert b"the router's encoder): MIT" in archive.read("LICENCES.txt")


def test_a_damaged_encoder_is_told_and_not_left_out(shell: Shell, tiny_encoder: Path, tmp_path: Path) -> None:
    (tiny_encoder / "vocab.txt").write_bytes(b"a\nc\n")
    result = shell("bundle", "create", str(tmp_path / "b.locoman"))
    assert result.code == 4
    assert "locoman router encoder install" in result.err
    assert not (tmp_path / "b.locoman").exists()


def test_the_encoder_of_another_version_of_locoman_stays_where_it_is(
    shell: Shell, copied: Home, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.locoman"
    assert shell("bundle", "create", str(path)).code == 0
    monkeypatch.setattr(install_plan, "FILES", (EncoderFile("other.onnx", 1, digest(b"a")),))
    other = Home(tmp_path / "other")
    assert shell("bundle", "install", str(path), "--no-check", "--home", str(other.root)).code == 0
    assert not other.encoders.exists()
    assert shell("route", "--quiet", "What is 17 + 25?", "--home", str(other.root)).out == "arithmetic\n"


def test_a_router_that_cannot_be_read_is_fitted_anew(shell: Shell, classroom: Path, home: Home, tmp_path: Path) -> None:
    def spoil(contents: dict[str, bytes]) -> None:
        contents["router.npz"] = b"of another version"
        document = json.loads(contents[MANIFEST_NAME])
        for file in document["files"]:
            if file["name"] == "router.npz":
                file |= {"bytes": len(contents["router.npz"]), "sha256": digest(contents["router.npz"])}
        contents[MANIFEST_NAME] = json.dumps(document).encode()

    spoilt = repacked(classroom, tmp_path / "spoilt.locoman", spoil)
    assert shell("bundle", "install", str(spoilt), "--no-check").code == 0
    assert shell("route", "--quiet", "What is 17 + 25?").out == "arithmetic\n"


def test_a_bundle_is_a_source_of_its_adapters(shell: Shell, classroom: Path, copied: Home) -> None:
    assert shell("remove", "words", "--yes").code == 0
    assert shell("adapter", "add", "words", "--from", str(classroom)).code == 0
    assert load_registry(copied.registry).current().active["words"] == "words@1.0.0"


def test_a_base_that_the_machine_does_not_know_brings_its_spec(
    shell: Shell, classroom: Path, home: Home, tmp_path: Path
) -> None:
    """A spec of one's own: the bundle's is laid into LOCOMAN_HOME, and nothing else from beside it."""

    def rename(contents: dict[str, bytes]) -> None:
        for name in [name for name in contents if name.startswith("adapters/")]:
            del contents[name]
        spec = contents.pop("base/loco-tiny.toml").replace(b'"loco-tiny', b'"our-own')
        template = contents.pop("base/loco-tiny/chat_template.jinja")
        contents |= {"base/our-own.toml": spec, "base/our-own/chat_template.jinja": template}
        contents |= {"base/our-own/LICENSE": b"Ours.", "base/words.toml": b"", "base/our-own/more.toml": b""}
        files = [{"name": n, "bytes": len(d), "sha256": digest(d)} for n, d in contents.items() if n != MANIFEST_NAME]
        document = json.loads(contents.pop(MANIFEST_NAME))
        document["base"] |= {"name": "our-own", "spec": "base/our-own.toml"}
        document |= {"adapters": [], "router": False, "files": files}
        contents[MANIFEST_NAME] = json.dumps(document).encode()

    own = repacked(classroom, tmp_path / "own.locoman", rename)
    result = shell("bundle", "install", str(own), "--no-check")
    assert result.code == 0, result.err
    laid = sorted(path.relative_to(home.modelfiles).as_posix() for path in home.modelfiles.rglob("*.*"))
    assert laid == ["our-own.toml", "our-own/chat_template.jinja"]
    assert (home.modelfiles / "our-own" / "LICENSE").is_file()
    assert shell("base", "show", "our-own", "--json").document["state"] == "in use"
    assert shell("bundle", "create", str(tmp_path / "again.locoman"), "--dry-run").code == 0


def digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def first_gguf(contents: dict[str, bytes]) -> None:
    contents["base/loco-tiny.gguf"] = b"GGUF" + bytes(len(contents["base/loco-tiny.gguf"]) - 4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (first_gguf, "does not match its sha256"),
        (lambda contents: contents.pop("router.npz"), "does not list the files"),
        (lambda contents: contents.update(extra=b""), "does not list the files"),
        (lambda contents: contents.pop(MANIFEST_NAME), "holds no bundle.json"),
        (lambda contents: contents.update({MANIFEST_NAME: b"{"}), "bundle.json in it is broken"),
        (in_manifest(lambda d: d.update(surprise=1)), "surprise"),
        (in_manifest(lambda d: d["base"].update(name="../x")), "cannot be the name"),
        (in_manifest(lambda d: d["base"].update(gguf="nothing")), "not there"),
        (in_manifest(lambda d: d["base"].update(fingerprint="?")), "fingerprint"),
        (
            in_manifest(lambda d: d["base"].update(fingerprint=d["base"]["fingerprint"].replace("qwen3", "llama"))),
            "model",
        ),
        (in_manifest(lambda d: d["adapters"][0].update(folder="adapters/words-1.0.0")), "what it calls arithmetic"),
        (in_manifest(lambda d: d["adapters"][0].update(folder="nowhere")), "adapter.toml"),
        (in_manifest(lambda d: d["adapters"][0].update(version="2.0.0")), "is arithmetic@1.0.0"),
    ],
)
def test_a_forged_bundle_installs_nothing(
    shell: Shell, classroom: Path, home: Home, tmp_path: Path, change: Callable[[dict[str, bytes]], None], told: str
) -> None:
    forged = repacked(classroom, tmp_path / "forged.locoman", change)
    result = shell("bundle", "install", str(forged), "--no-check")
    assert result.code in (1, 3)
    assert told in result.err
    assert "Next: " in result.err
    assert "Traceback" not in result.err
    assert nothing_installed(home)


def hostile(*entries: tuple[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:-100], "cut short"),
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: data[:10], "cut short"),
        (lambda data: b"", "neither a bundle"),
        (lambda data: b"<html>Log in</html>", "neither a bundle"),
        (lambda data: hostile(("../../evil", b"x"), (MANIFEST_NAME, b"{}")), "leaves its folder"),
        (lambda data: hostile(("bomb", bytes(50_000_000)), (MANIFEST_NAME, b"{}")), "unpack to more"),
        (lambda data: hostile((MANIFEST_NAME, b'{"format":1,"adapters":[],"files":[]}')), "seal"),
    ],
)
def test_a_broken_or_hostile_bundle_is_told_in_one_sentence(
    shell: Shell, classroom: Path, home: Home, tmp_path: Path, spoil: Callable[[bytes], bytes], told: str
) -> None:
    path = tmp_path / "broken.locoman"
    path.write_bytes(spoil(classroom.read_bytes()))
    for command in ("verify", "install"):
        result = shell("bundle", command, str(path))
        assert result.code == 1
        assert told in result.err
        assert result.err.strip().splitlines()[-1].startswith("Next: ")
        assert "Traceback" not in result.err
    assert nothing_installed(home)
    assert not list(tmp_path.parent.rglob("evil"))


def test_a_missing_bundle_is_told(shell: Shell, home: Home, tmp_path: Path) -> None:
    result = shell("bundle", "install", str(tmp_path / "no.locoman"))
    assert result.code == 1
    assert "is missing" in result.err


def test_verify_sees_every_changed_byte(classroom: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(classroom, tmp_path / "flipped.locoman"))
    chosen = random.Random(6)
    data = path.read_bytes()
    with open_archive(path, max_bytes=len(data)) as archive:
        assert len(archive.entries) > 30
    tail = [len(data) - n for n in (1, 20, 60, 90, 200, 1000)]
    with path.open("r+b") as file:
        for at in [*tail, *(chosen.randrange(len(data)) for _ in range(FLIPS))]:
            file.seek(at)
            file.write(bytes([data[at] ^ 1 << chosen.randrange(8)]))
            file.flush()
            with pytest.raises(LocomanError), open_bundle(path) as bundle:
                bundle.verify()
            file.seek(at)
            file.write(data[at : at + 1])
            file.flush()
    with open_bundle(path) as bundle:
        bundle.verify()


def test_a_disk_too_small_is_told_before_anything_is_done(
    shell: Shell, classroom: Path, copied: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_plan, "disk_free", lambda root: 1000)
    other = Home(tmp_path / "other")
    result = shell("bundle", "install", str(classroom), "--home", str(other.root))
    assert result.code == 4
    assert "disk space" in result.err
    assert not other.registry.exists()
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("locoman.workflows.model_files.shutil.disk_usage", lambda path: usage)
    result = shell("bundle", "create", str(tmp_path / "b.locoman"))
    assert result.code == 4
    assert not (tmp_path / "b.locoman").exists()


def test_a_bundle_too_large_for_fat32_is_called_so(
    shell: Shell, copied: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "FAT32_LIMIT", 1_000_000)
    result = shell("bundle", "create", str(tmp_path / "b.locoman"), "--dry-run")
    assert "FAT32" in result.out
    assert "exFAT" in result.out


def test_a_base_that_changed_since_it_was_installed_makes_no_bundle(shell: Shell, copied: Home, tmp_path: Path) -> None:
    path = copied.root / load_registry(copied.registry).current().gguf
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    result = shell("bundle", "create", str(tmp_path / "b.locoman"))
    assert result.code == 1
    assert "was changed since it was installed" in result.err
    assert not list(tmp_path.glob("*locoman*"))
