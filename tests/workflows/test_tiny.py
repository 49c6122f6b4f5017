"""loco-tiny with its trained adapters, from the command line: real weights, a real host, real answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.command import Shell
from support.installed import ADAPTERS
from support.kills import locoman

from locoman.catalog.shelf import shipped
from locoman.store.home import Home
from locoman.store.registry import load_registry

TINY = ("--base", "loco-tiny")


def package(name: str, tmp_path: Path) -> Path:
    """A copy of a shipped package, to be spoiled."""
    return Path(shutil.copytree(shipped("adapters") / name, tmp_path / name))


@pytest.mark.parametrize(
    ("question", "adapter", "answer"),
    [
        ("What is 17 + 25?", "arithmetic", "42"),
        ("Hello, how are you?", None, None),
    ],
)
def test_the_right_adapter_answers(
    shell: Shell, installed: Path, question: str, adapter: str | None, answer: str
) -> None:
    document = shell("ask", question, "--json", "--home", str(installed)).document
    assert document["adapter"] == adapter
    assert document["base"] == "loco-tiny"
    assert answer is None or document["answer"] == answer


def test_route_tells_what_ask_would_do(shell: Shell, installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("What is 17 + 25?\n\nHello, how are you?\n")
    result = shell("route", "--file", str(file), "--quiet", "--home", str(installed))
    assert result.out == "arithmetic\nbase\n"
    document = shell("route", "--json", "What is 17 + 25?", "--home", str(installed)).document
    assert set(document) == {"adapter", "confidence", "stage", "candidates", "route_ms", "refused"}
    assert abs(sum(candidate["probability"] for candidate in document["candidates"]) - 1) < 0.01


def test_an_adapter_and_the_base_can_be_asked_by_name(shell: Shell, installed: Path) -> None:
    home = ("--home", str(installed))
    assert shell("ask", "--model", "words", "--json", "What is 17 + 25?", *home).document["adapter"] == "words"
    assert shell("ask", "--model", "base", "--json", "What is 17 + 25?", *home).document["adapter"] is None
    wrong = shell("ask", "--model", "arithmetik", "What is 17 + 25?", *home)
    assert wrong.code == 2
    assert "arithmetic" in wrong.err


def test_a_question_too_long_for_the_base_is_told_by_how_much(shell: Shell, installed: Path) -> None:
    result = shell("ask", "--home", str(installed), stdin=b"word " * 200_000)
    assert result.code in (1, 2)
    assert "token" in result.err
    assert "Traceback" not in result.err


def test_ps_and_doctor_see_what_runs(shell: Shell, installed: Path) -> None:
    home = ("--home", str(installed))
    shell("ask", "Hello!", *home)
    (base,) = shell("ps", "--json", *home).document["bases"]
    assert (base["name"], sorted(base["adapters"])) == ("loco-tiny", list(ADAPTERS))
    report = shell("doctor", "--deep", "--json", *home).document
    assert report["ok"], report


def test_installing_again_changes_nothing(shell: Shell, own: Home) -> None:
    before = own.registry.read_bytes()
    result = shell("install", *TINY, "--no-check", "--json")
    assert result.document["plan"]["how"] == "installed already"
    assert {step["action"] for step in result.document["plan"]["adapters"]} == {"keep"}
    assert own.registry.read_bytes() == before


def test_two_installs_at_once_both_succeed(home: Home) -> None:
    arguments = ("install", *TINY, "--yes", "--no-check")
    both = [locoman(home.root, *arguments), locoman(home.root, *arguments)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    codes = sorted(code for _, code in ended)
    assert codes in ([0, 0], [0, 1]), ended
    assert all("Traceback" not in err for (_, err), _ in ended)
    assert set(load_registry(home.registry).current().active) == set(ADAPTERS)


def test_a_removed_adapter_is_gone_and_the_rest_answers(shell: Shell, own: Home) -> None:
    assert shell("remove", "dates").code == 2  # nobody to ask, and no --yes
    assert "Adapter   dates@1.0.0" in shell("remove", "dates", "--dry-run").out
    assert shell("remove", "dates", "--yes").code == 0
    assert not (own.adapters / "dates").exists()
    assert shell("ask", "--json", "What is 17 + 25?").document["answer"] == "42"
    assert shell("remove", "dates", "--yes").code == 2


def test_removing_the_base_leaves_nothing(shell: Shell, own: Home) -> None:
    assert shell("remove", "loco-tiny", "--yes").code == 0
    assert not [*own.bases.glob("*"), *own.adapters.glob("*"), *own.router.glob("*")]
    assert shell("ask", "Hello!").code == 4


def test_versions_stand_side_by_side_and_one_is_active(shell: Shell, own: Home, tmp_path: Path) -> None:
    newer = package("words", tmp_path)
    manifest = newer / "adapter.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.0.0"', 'version = "1.1.0"'))
    assert shell("install", *TINY, "--adapter", str(newer), "--no-check").code == 0
    states = {
        row["version"]: row["state"]
        for row in shell("adapter", "list", "--json").document["adapters"]
        if row["name"] == "words"
    }
    assert states == {"1.0.0": "installed", "1.1.0": "active"}
    assert shell("adapter", "activate", "words@1.0.0").code == 0
    assert load_registry(own.registry).current().active["words"] == "words@1.0.0"
    assert shell("adapter", "activate", "words@9.9.9").code == 2


@pytest.mark.parametrize(
    ("file", "spoil", "code", "told"),
    [
        ("adapter.toml", lambda data: data.replace(b"[routing]", b"[ruoting]"), 1, "routing"),
        ("adapter.toml", lambda data: data.replace(b'name = "loco-tiny"', b'name = "other"'), 3, "other"),
        (
            "adapter.toml",
            lambda data: data.replace(b'fingerprint = "1:qwen3:', b'fingerprint = "1:llama:'),
            3,
            "belong",
        ),
        ("adapter.toml", lambda data: data[: len(data) // 2], 1, "adapter.toml"),
        ("eval.jsonl", lambda data: data + b'{"question": }\n', 1, "column"),
        ("routing.jsonl", lambda data: data + b"\xff\n", 1, "UTF-8"),
        ("weights/loco-tiny/adapter_model.safetensors", lambda data: data[:1000], 1, "safetensors"),
        ("weights/loco-tiny/adapter_model.safetensors", lambda data: b"\xff" * 8 + data[8:], 1, "safetensors"),
        ("weights/loco-tiny/adapter_config.json", lambda data: data.replace(b'"LORA"', b'"DORA"'), 1, ""),
        ("weights/loco-tiny/adapter_config.json", lambda data: b"{", 1, "adapter_config.json"),
    ],
)
def test_a_spoiled_package_is_refused_and_nothing_is_lost(  # type: ignore[no-untyped-def]
    shell: Shell, own: Home, tmp_path: Path, file: str, spoil, code: int, told: str
) -> None:
    folder = package("words", tmp_path)
    before = own.registry.read_bytes()
    (folder / file).write_bytes(spoil((folder / file).read_bytes()))
    manifest = folder / "adapter.toml"
    manifest.write_bytes(manifest.read_bytes().replace(b'version = "1.0.0"', b'version = "2.0.0"'))
    result = shell("install", *TINY, "--adapter", str(folder), "--no-check")
    assert result.code == code, result.err
    assert told in result.err
    assert "Next: " in result.err
    assert own.registry.read_bytes() == before
    assert not any(own.staging.glob("*"))
    assert not (own.adapters / "words" / "2.0.0").exists()


def test_pickled_weights_are_refused_unread(shell: Shell, own: Home, tmp_path: Path) -> None:
    folder = package("words", tmp_path)
    weights = folder / "weights" / "loco-tiny"
    (weights / "adapter_model.safetensors").rename(weights / "adapter_model.bin")
    manifest = folder / "adapter.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.0.0"', 'version = "2.0.0"'))
    result = shell("install", *TINY, "--adapter", str(folder), "--no-check")
    assert result.code == 1
    assert "adapter_model.bin" in result.err


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_a_damaged_base_is_found_and_mended(shell: Shell, own: Home, damage: str) -> None:
    path = own.root / load_registry(own.registry).current().gguf
    data = bytearray(path.read_bytes())
    path.unlink()
    if damage == "truncated":
        path.write_bytes(data[:-100])
    elif damage == "flipped":
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    report = shell("doctor", "--deep", "--json")
    assert report.code == 3
    (failed, *_) = [check for check in report.document["checks"] if not check["ok"]]
    assert (failed["name"], failed["fix"]) == ("base", "locoman install --base loco-tiny")
    if damage != "flipped":
        assert shell("ask", "Hello!").code == 1
    assert shell("install", *TINY, "--no-check").code == 0
    assert shell("doctor", "--deep").code == 0


def test_a_home_that_cannot_be_is_told_in_one_sentence(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file" / "home", Path("/proc/locoman-home")):
        result = shell("install", *TINY, "--yes", "--home", str(home))
        assert result.code in (1, 4)
        assert len(result.err.strip().splitlines()[-2:]) == 2
        assert "Traceback" not in result.err
