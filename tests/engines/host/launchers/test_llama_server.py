"""A real llama-server, where there is one: the one that is installed with Ollama."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support.real_ollama import find_ollama
from support.tiny_home import LONG, HomeMaker, TinyHome, request

from locoman.contracts import ServedBase
from locoman.engines.host.launchers.flags import arguments, known
from locoman.engines.host.launchers.ollama import find_llama_server, ollama_on_gpu
from locoman.engines.host.plan import LaunchPlan, PlannedFile
from locoman.errors import EngineError, EngineLost, EngineUnavailable

OLLAMA = find_ollama()
BINARY = find_llama_server(Path(OLLAMA)) if OLLAMA else None
real = pytest.mark.skipif(BINARY is None, reason="no Ollama with a llama-server here: set LOCOMAN_TEST_OLLAMA")
QUESTION = "hello there"


@pytest.fixture
def ollama_home(make_home: HomeMaker) -> TinyHome:
    return make_home(launcher="ollama", ollama=OLLAMA)


def engine_of(home: TinyHome) -> psutil.Process:
    """The llama-server itself; between it and the host stands the warden."""
    (engine,) = home.child_process().children()
    return engine


def ended(process: psutil.Process) -> bool:
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        return False
    return True


@real
def test_it_answers_as_the_wheel_does(ollama_home: TinyHome, make_home: HomeMaker) -> None:
    wheel = make_home(launcher="xllamacpp")
    for model in ("alpha", "beta", "base", "alpha"):
        assert ollama_home.text(QUESTION, model) == wheel.text(QUESTION, model)


@real
def test_coming_back_finds_what_was_evaluated(ollama_home: TinyHome) -> None:
    question = "a question of which all but the last token stays in memory"
    ollama_home.ask(question, "gamma")
    ollama_home.ask("something else", "base")
    usage = ollama_home.ask(question, "gamma")[-1].usage
    assert usage is not None
    assert usage.cached_tokens == usage.prompt_tokens - 1


@real
def test_its_memory_is_told_and_not_the_wardens(ollama_home: TinyHome) -> None:
    ollama_home.ask(QUESTION)
    residency = ollama_home.engine.resident()
    assert residency is not None
    assert residency.bases[0].bytes == pytest.approx(engine_of(ollama_home).memory_info().rss, rel=0.2)


@real
def test_stopping_the_host_ends_it(ollama_home: TinyHome) -> None:
    ollama_home.ask(QUESTION)
    engine = engine_of(ollama_home)
    ollama_home.engine.stop()
    assert ended(engine)


@real
@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("victim", ["host", "warden"])
def test_it_ends_with_the_host_and_with_its_warden(make_home: HomeMaker, long_base: ServedBase, victim: str) -> None:
    home = make_home(long_base, launcher="ollama", ollama=OLLAMA)
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=LONG))
    next(chunks)
    engine = engine_of(home)
    (home.host_process() if victim == "host" else home.child_process()).kill()
    assert ended(engine)
    with pytest.raises(EngineLost):
        list(chunks)
    assert home.text(QUESTION, "alpha")


@real
def test_a_broken_base_is_told_in_its_words(ollama_home: TinyHome, base: ServedBase, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + os.urandom(1000))
    ollama_home.serve(replace(base, gguf=broken))
    with pytest.raises(EngineUnavailable, match=r"llama.cpp could not load .*broken.gguf: .+"):
        ollama_home.ask(QUESTION)


@real
def test_without_a_gpu_it_is_not_the_first_choice() -> None:
    assert BINARY is not None
    if any(folder.is_dir() for folder in BINARY.parent.iterdir()) or shutil.which("nvidia-smi"):
        pytest.skip("there may be a GPU here")
    assert asyncio.run(ollama_on_gpu(BINARY, 60.0)) == ()


def test_without_an_ollama_it_is_told(make_home: HomeMaker, tmp_path: Path) -> None:
    home = make_home(launcher="ollama", ollama=str(tmp_path / "ollama"))
    with pytest.raises(EngineError, match="There is no llama"):
        home.ask(QUESTION)


@pytest.mark.parametrize("layout", ["bin and lib", "beside", "lib below"])
def test_it_is_found_wherever_ollama_puts_it(tmp_path: Path, layout: str) -> None:
    places = {"bin and lib": ("bin", "lib/ollama"), "beside": ("app", "app"), "lib below": ("app", "app/lib/ollama")}
    command, library = (tmp_path / place for place in places[layout])
    for folder in (command, library):
        folder.mkdir(parents=True, exist_ok=True)
    suffix = ".exe" if os.name == "nt" else ""
    (library / f"llama-server{suffix}").write_bytes(b"")
    assert find_llama_server(command / "ollama") == library / f"llama-server{suffix}"


HELP = """
-m, --model FNAME  -c, --ctx-size N  -np, --parallel N  --host HOST --port PORT -t, --threads N -b, --batch-size N
-kvu, --kv-unified  --slots, --no-slots  --slot-save-path PATH  --jinja  --chat-template T  --lora FNAME
--lora-init-without-apply  --api-key KEY
"""


def plan(lora: str = "a.gguf") -> LaunchPlan:
    return LaunchPlan(PlannedFile("m.gguf", 1, 1), "t", 100, 400, 4, 2, (PlannedFile(lora, 1, 1),))


def test_only_options_that_the_binary_knows_are_given() -> None:
    old = arguments(Path("x"), known(HELP), plan(), gpu=False)
    assert "--cache-ram" not in old
    assert old[old.index("--ctx-size") + 1] == "100"  # nothing else would keep one request from taking it all
    new = arguments(Path("x"), known(HELP + "--cache-ram N --kv-unified-per-slot N"), plan(), gpu=False)
    assert new[new.index("--cache-ram") + 1] == "0"
    assert new[new.index("--ctx-size") + 1] == "400"


def test_a_binary_that_lacks_what_is_needed_is_refused_by_name() -> None:
    with pytest.raises(EngineUnavailable, match="--lora-init-without-apply"):
        arguments(Path("x"), known(HELP.replace("--lora-init-without-apply", "")), plan(), gpu=False)


def test_an_adapter_whose_path_it_would_split_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="comma"):
        arguments(Path("x"), known(HELP), plan("a,b.gguf"), gpu=False)
