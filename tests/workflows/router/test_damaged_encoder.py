"""An encoder that is damaged, gone, or has nothing that runs it: words alone decide, that is said once, and the command that is
named mends it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.command import Shell
from support.encoder_sites import hub
from support.kills import finish, locoman

from locoman.app import App
from locoman.errors import UnusableEncoder
from locoman.routing.encoder.files import VOCABULARY, WEIGHTS, encoder_folder, verify
from locoman.routing.features import Floats
from locoman.routing.storage import load_model
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.collection import router_file
from locoman.workflows.doctor import Check, examine
from locoman.workflows.router.installed_encoder import DAMAGED, MISSING, NO_RUNTIME, REINSTALL, Watched

QUESTION = "turn the word garden around, letter by letter"
NORM = b"embeddings.LayerNorm.weight" + b"\x4a\x80\x0c"  # its raw_data of 1536 bytes come next


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def weights(folder: Path) -> None:
    """Numbers in floating point that are none from now on; all others are whole, and any bits make some."""
    at = (folder / WEIGHTS.name).read_bytes().index(NORM) + len(NORM)
    overwrite(folder / WEIGHTS.name, at, b"\xff" * 1536)


def header(folder: Path) -> None:
    overwrite(folder / WEIGHTS.name, 0, b"\0" * 4000)


def whole_numbers(folder: Path) -> None:
    overwrite(folder / WEIGHTS.name, 20_000_000, b"\xff" * 400_000)


def vocabulary(folder: Path) -> None:
    overwrite(folder / VOCABULARY.name, 100, b"x" * 50_000)


def short(folder: Path) -> None:
    os.truncate(folder / VOCABULARY.name, 1000)


def check(home: Home, name: str, *, deep: bool = False) -> Check:
    with App.load(home.root) as app:
        checks = examine(app.home, app.shelf, app.ollama_url, app.engine, deep=deep)
        return next(found for found in checks if found.name == name)


@pytest.fixture
def repairs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub is where a new copy comes from."""
    with hub(monkeypatch):
        yield


@pytest.mark.usefixtures("repairs")
@pytest.mark.parametrize("damage", [weights, whole_numbers, header, vocabulary, short])
def test_damage_is_noticed_said_and_mended_by_the_command_that_is_named(
    meaning: Home, shell: Shell, damage: Callable[[Path], None]
) -> None:
    folder = encoder_folder(meaning.encoders)
    damage(folder)
    found = shell("route", QUESTION)
    assert (found.code, found.err.count(DAMAGED)) == (0, 1)
    assert "(lexical)" in found.out
    assert "damaged" in shell("router", "show").out
    doctor = check(meaning, "router")
    assert (doctor.ok, doctor.fix) == (False, "locoman router encoder install")
    fit = shell("router", "fit", "--json").document["fits"][0]
    assert fit["encoder"] is None
    assert DAMAGED in fit["notes"]
    assert shell("router", "test").err.count(DAMAGED) == 1
    learned = meaning.root / "new.jsonl"
    learned.write_text(json.dumps({"text": "zorble " + QUESTION, "adapter": "words"}))
    assert shell("router", "learn", str(learned)).err.count(DAMAGED) == 1
    assert DAMAGED in shell("route", QUESTION).err  # also where the router was fitted without it
    plan = shell("router", "encoder", "install", "--dry-run")
    assert "damaged and will be replaced" in plan.out
    assert shell("router", "encoder", "install").code == 0
    verify(folder)
    mended = shell("route", QUESTION)
    assert (mended.err, "(encoder)" in mended.out) == ("", True)
    assert check(meaning, "router", deep=True).ok


@pytest.mark.usefixtures("repairs")
@pytest.mark.parametrize("damage", [weights, header])
def test_damage_that_leaves_no_trace_in_the_files_times_is_found_by_the_deep_doctor_and_mended(
    meaning: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    """As after bits have rotted: what is remembered of the file says that it is whole."""
    folder = encoder_folder(meaning.encoders)
    sound = {file.name: file.sha256 for file in (WEIGHTS, VOCABULARY)}
    monkeypatch.setattr("locoman.workflows.router.encoder_session.KnownDigests.of", lambda self, file: sound[file.name])
    damage(folder)
    found = shell("route", QUESTION)
    assert (found.code, found.err.count(DAMAGED)) == (0, 1)
    assert "(lexical)" in found.out
    assert "nan" not in found.out
    learned = meaning.root / "new.jsonl"
    learned.write_text(json.dumps({"text": "zorble " + QUESTION, "adapter": "words"}))
    assert shell("router", "learn", str(learned)).code == 0
    model = load_model(router_file(meaning, load_registry(meaning.registry).current()))
    assert model.learnt is not None
    for deep in (False, True):
        doctor = check(meaning, "router", deep=deep)
        assert (doctor.ok, doctor.fix) == (False, "locoman router encoder install")
    assert shell("router", "encoder", "install").code == 0
    verify(folder)
    assert "(encoder)" in shell("route", QUESTION).out


def test_the_host_tells_its_clients_of_an_encoder_that_goes_is_damaged_and_comes_back(
    meaning: Home, shell: Shell
) -> None:
    folder = encoder_folder(meaning.encoders)
    away = folder.with_name("away")
    try:
        assert MISSING not in shell("ask", "Hello!").err
        folder.rename(away)
        assert shell("ask", "Hello!").err.count(MISSING) == 1
        assert shell("route", QUESTION).err.count(MISSING) == 1
        assert shell("chat", stdin=b"Hello!\nWhat is 3 + 4?\n").err.count(MISSING) == 1
        doctor = check(meaning, "router")
        assert (doctor.ok, doctor.fix) == (False, "locoman router encoder install")
        away.rename(folder)
        assert shell("ask", "Hello!").err == ""
        weights(folder)
        asked = shell("ask", "--json", QUESTION)
        assert asked.document["stage"] == "lexical"
        assert shell("ask", QUESTION).err.count(DAMAGED) == 1
    finally:
        finish(locoman(meaning.root, "stop"))


def test_a_router_that_the_host_or_show_had_to_fit_again_is_told_once(copied: Home, shell: Shell) -> None:
    def damage() -> None:
        (copied.root / load_registry(copied.registry).current().router).write_bytes(b"PK\x03\x04 nothing")

    damage()
    shown = shell("router", "show")
    assert (shown.code, "fitted again" in shown.err) == (0, True)
    assert shell("router", "show").err == ""
    damage()
    try:
        assert shell("ask", "Hello!").err.count("fitted again") == 1
        assert shell("ask", "Hello!").err == ""
    finally:
        finish(locoman(copied.root, "stop"))


def break_runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For processes that are started: a package onnxruntime that cannot be imported, as where a library of its is missing."""
    (folder / "broken").mkdir()
    (folder / "broken" / "onnxruntime.py").write_text("raise ImportError('DLL load failed')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder / "broken"), os.environ.get("PYTHONPATH", "")]))


def test_without_onnx_runtime_words_alone_decide_and_that_is_said_once(
    meaning: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def said(*arguments: str) -> str:
        out, err = finish(locoman(meaning.root, *arguments))
        assert DAMAGED not in err
        assert "Traceback" not in err
        assert err.count(NO_RUNTIME) == 1, err
        return out

    break_runtime(tmp_path, monkeypatch)
    assert "(lexical)" in said("route", QUESTION)
    unheard = meaning.root / "new.jsonl"  # what was read before is remembered
    unheard.write_text(json.dumps({"text": "zorble " + QUESTION, "adapter": "words"}))
    said("router", "test", str(unheard))
    assert "lexical" in said("router", "bench", "--train", str(unheard), "--test", str(unheard))
    try:
        said("ask", "Hello!")
        assert json.loads(finish(locoman(meaning.root, "ask", "--json", QUESTION))[0])["stage"] == "lexical"
        said("ask", QUESTION)
        assert "(lexical)" in said("route", QUESTION)  # decided by the host
        doctor = json.loads(locoman(meaning.root, "doctor", "--json").communicate(timeout=120)[0])
    finally:
        finish(locoman(meaning.root, "stop"))
    (router,) = (check for check in doctor["checks"] if check["name"] == "router")
    assert (router["ok"], router["fix"]) == (False, REINSTALL)
    said("router", "learn", str(unheard))
    (fit,) = json.loads(finish(locoman(meaning.root, "router", "fit", "--json"))[0])["fits"]
    assert (fit["encoder"], NO_RUNTIME in fit["notes"]) == (None, True)


def test_where_onnx_runtime_works_again_the_encoder_does(
    meaning: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        break_runtime(tmp_path, patch)
        assert NO_RUNTIME in finish(locoman(meaning.root, "route", QUESTION))[1]
    assert "(encoder)" in shell("route", QUESTION).out
    assert finish(locoman(meaning.root, "route", QUESTION))[1] == ""


class Rotting:
    """Gives good vectors until it is told to rot."""

    rotten = False

    def encode(self, texts: list[str]) -> Floats:
        return np.full((len(texts), 4), np.nan if self.rotten else 0.5, dtype=np.float32)


def test_vectors_that_are_no_numbers_are_never_handed_on_and_said_once(tmp_path: Path) -> None:
    heard: list[str] = []
    encoder = Rotting()
    watched = Watched(encoder, tmp_path, heard.append)  # type: ignore[arg-type]
    assert watched.encode(["a"]).shape == (1, 4)
    encoder.rotten = True
    for _ in range(2):
        with pytest.raises(UnusableEncoder):
            watched.encode(["a"])
    assert heard == [DAMAGED]


def test_a_sound_encoder_is_not_read_again(meaning: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = encoder_folder(meaning.encoders)
    for file in (WEIGHTS, VOCABULARY):  # as if it had been here for a while
        os.utime(folder / file.name, (1_700_000_000, 1_700_000_000))
    monkeypatch.setattr("locoman.store.identity.SETTLED_NS", 0)
    with App.load(meaning.root) as app:
        assert app.router().decide(QUESTION).stage == "encoder"
    monkeypatch.setattr("locoman.store.known_digests.sha256_of", lambda path: pytest.fail("it was read again"))
    with App.load(meaning.root) as app:
        assert app.router().decide(QUESTION).stage == "encoder"
