"""Ollama is made to match the registry, at each version by what it can do; what differs is seen, said and mended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from support.installed import copy_home
from support.oci_registry import OciRegistry
from support.ollama_home import PULLED_TAG, Pair, blobs, use_pulled_base, with_adapters
from support.ollama_standin import Fault, StandinOllama
from support.tiny_gguf import write_tiny_base

from locoman.errors import MissingPrerequisite, OllamaRefused, OllamaUnavailable
from locoman.ollama.api import NewModel, OllamaApi
from locoman.store.home import Home
from locoman.store.registry import save_registry
from locoman.workflows.remove import execute_remove, plan_remove, plan_remove_all

ADAPTERS = ("dates", "words")  # two do
TAGS = {f"loco-tiny-{name}:1.0.0" for name in ADAPTERS}
WORDS = "loco-tiny-words:1.0.0"


@pytest.fixture(scope="session")
def two(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with loco-tiny and two adapters, to be copied only."""
    return with_adapters(installed, tmp_path_factory.mktemp("two") / "home", ADAPTERS)


@pytest.fixture
def pair(two: Path, home: Home, standin: StandinOllama) -> Iterator[Pair]:
    """loco-tiny, with a file of locoman's own, beside an empty Ollama 0.33."""
    with OllamaApi(standin.url) as api:
        yield Pair(Home(copy_home(two, home.root)), api)


@pytest.fixture
def standin(tmp_path: Path, library: OciRegistry) -> Iterator[StandinOllama]:
    with StandinOllama(tmp_path / "models", library=library) as running:
        yield running


@pytest.fixture
def library() -> Iterator[OciRegistry]:
    with OciRegistry() as running:
        yield running


@pytest.fixture
def pulled(pair: Pair, library: OciRegistry) -> Pair:
    """The same on a base that Ollama pulled."""
    use_pulled_base(pair.home, library, pair.api)
    return pair


def test_native_models_stand_on_the_base_and_a_second_sync_sends_nothing(pair: Pair, standin: StandinOllama) -> None:
    plan = pair.plan("native")
    done = pair.sync("native")
    assert set(done.made) == TAGS | {"loco-tiny:latest"}
    assert done.uploads == len(ADAPTERS) + 1
    assert done.uploaded_bytes == standin.uploaded_bytes
    assert abs(done.uploaded_bytes - plan.upload_bytes) < 2000
    assert pair.api.show(WORDS).from_path == pair.api.show("loco-tiny:latest").from_path
    assert sum(path.stat().st_size for path in standin.store.root.glob("blobs/*")) < plan.disk_after * 1.01
    before = pair.home.registry.read_bytes()
    again = pair.sync("native")
    assert (again.uploads, again.made, standin.uploads) == (0, (), done.uploads)
    assert pair.home.registry.read_bytes() == before
    assert pair.differences() == ()


def test_a_pulled_base_is_not_copied(pulled: Pair, standin: StandinOllama) -> None:
    plan = pulled.plan("native")
    assert plan.copy_bytes == 0
    assert plan.disk_after < 1.5 * plan.disk_before
    assert len(pulled.sync("native").made) == len(ADAPTERS)
    assert pulled.api.show(WORDS).from_path == pulled.registry.current().gguf
    assert pulled.api.show(WORDS).template == "{{ .Prompt }}"


@pytest.mark.parametrize(
    ("version", "chosen"), [("0.33.0", "native"), ("0.34.0", "native"), ("0.34.1", "hotswap"), ("0.35.0", "hotswap")]
)
def test_auto_does_what_the_version_can_without_a_refusal(
    pair: Pair, standin: StandinOllama, version: str, chosen: str
) -> None:
    standin.version = version
    plan = pair.plan("auto")
    assert plan.strategy.name == chosen
    done = pair.sync("auto")
    assert bool(done.made) == (chosen == "native")
    assert pair.differences() == ()
    if chosen == "hotswap":
        assert standin.requests == []  # nothing was tried


@pytest.mark.parametrize(("rules", "chosen"), [("0.33.0", "native"), ("0.34.1", "hotswap"), ("0.35.0", "hotswap")])
def test_a_version_that_does_not_tell_is_asked(pair: Pair, standin: StandinOllama, rules: str, chosen: str) -> None:
    standin.version, standin.rules = "0.0.0", rules
    assert pair.plan("auto").strategy.name == chosen
    pair.sync("auto")
    assert set(pair.tags()) == (TAGS | {"loco-tiny:latest"} if chosen == "native" else set())


@pytest.mark.parametrize(
    ("version", "strategy", "words"),
    [("0.34.1", "native", "takes no adapters"), ("0.33.0", "split", "keeps no shards apart")],
)
def test_what_a_version_cannot_is_said_before_anything_is_sent(
    pair: Pair, standin: StandinOllama, version: str, strategy: str, words: str
) -> None:
    standin.version = version
    with pytest.raises(MissingPrerequisite, match=words) as caught:
        pair.plan(strategy)  # type: ignore[arg-type]
    assert "locoman sync --strategy auto" in caught.value.remedy
    assert standin.requests == []


def test_merged_models_are_whole_and_need_no_base(pair: Pair, standin: StandinOllama) -> None:
    standin.version = "0.34.1"
    plan = pair.plan("merged")
    done = pair.sync("merged")
    assert set(pair.tags()) == TAGS
    assert done.uploads == len(ADAPTERS)
    assert abs(done.uploaded_bytes - plan.upload_bytes) < 10_000
    assert len({pair.api.show(tag).from_path for tag in TAGS}) == len(ADAPTERS)
    assert pair.api.show(WORDS).template == pair.plan("merged").state.wanted.dress.template  # type: ignore[union-attr]
    assert pair.sync("merged").uploads == 0
    assert pair.differences() == ()


def test_split_models_share_the_shards_that_no_adapter_touches(pair: Pair, standin: StandinOllama) -> None:
    standin.version = "0.35.0"
    plan = pair.plan("split")
    done = pair.sync("split")
    merged = len(ADAPTERS) * pair.registry.current().bytes
    assert done.uploaded_bytes < merged
    assert abs(plan.upload_bytes - done.uploaded_bytes) < 50_000
    assert plan.disk_after < merged
    files = [model.files for model in pair.registry.ollama.models]
    shared = {file.sha256 for file in files[0] if file.copied_from}
    assert shared
    assert all(shared == {file.sha256 for file in each if file.copied_from} for each in files)
    assert pair.sync("split").uploads == 0


def test_an_updated_adapter_sends_only_the_shards_that_changed(pair: Pair, standin: StandinOllama) -> None:
    standin.version = "0.35.0"
    pair.sync("split")
    record = pair.registry.ollama.find(WORDS)
    assert record is not None
    registry = pair.registry
    words = next(adapter for adapter in registry.adapters if adapter.name == "words")
    dates = next(adapter for adapter in registry.adapters if adapter.name == "dates")
    shutil.copyfile(pair.home.root / dates.gguf, pair.home.root / words.gguf)  # other weights under the same name
    others = tuple(adapter for adapter in registry.adapters if adapter != words)
    changed = structs.replace(words, sha256=dates.sha256)
    save_registry(pair.home.registry, structs.replace(registry, adapters=(*others, changed)))
    assert pair.kinds() == {"outdated"}
    sent = pair.sync().uploaded_bytes
    touched = sum(file.bytes for file in record.files if not file.copied_from)
    assert 0 < sent <= touched + 1000
    assert pair.differences() == ()


def test_removing_everything_leaves_ollama_as_it_was(pair: Pair, standin: StandinOllama, library: OciRegistry) -> None:
    library.add("mine:latest", write_tiny_base(standin.store.root / "mine.gguf"))
    pair.api.pull("mine")
    before = (pair.tags(), blobs(standin))
    pair.sync("native")
    pair.sync("merged")
    plans = plan_remove_all(pair.home)
    assert {model.tag for plan in plans for model in plan.models} == TAGS | {"loco-tiny:latest"}
    assert execute_remove(pair.home, plans, pair.api).left == ()
    assert (pair.tags(), blobs(standin)) == before
    assert pair.registry.ollama.models == ()


def test_a_base_that_locoman_pulled_goes_and_one_that_was_there_stays(
    pair: Pair, library: OciRegistry, standin: StandinOllama
) -> None:
    use_pulled_base(pair.home, library, pair.api)
    assert pair.registry.ollama.find(PULLED_TAG) is not None
    save_registry(pair.home.registry, structs.replace(pair.registry, ollama=pair.registry.ollama.without(PULLED_TAG)))
    pair.sync("native")
    execute_remove(pair.home, plan_remove_all(pair.home), pair.api)
    assert set(pair.tags()) == {PULLED_TAG}


def test_without_ollama_the_records_stay_until_it_is_back(pair: Pair, standin: StandinOllama) -> None:
    pair.sync("native")
    with OllamaApi("http://127.0.0.1:9") as nobody:
        removed = execute_remove(pair.home, plan_remove(pair.home, ("words",)), nobody)
    assert removed.left == (WORDS,)
    assert pair.kinds() == {"left over"}
    assert pair.sync(prune=True).removed == (WORDS,)
    assert pair.differences() == ()


@contextmanager
def spoiled(pair: Pair, standin: StandinOllama, how: str) -> Iterator[str]:
    """Does something to the model of `words` behind locoman's back; yields the kind of difference that makes."""
    model = standin.store.find(next(m.tag for m in standin.store.models() if str(m.tag) == WORDS))
    assert model is not None
    record = pair.registry.ollama.find(WORDS)
    assert record is not None
    blob = standin.store.blob(f"sha256:{record.files[0].sha256}")
    if how == "deleted":
        pair.api.delete(WORDS)
    elif how == "changed":
        pair.api.create(NewModel(WORDS, source=WORDS, system="Mine now."))
    elif how == "lost":
        blob.unlink()
    elif how == "damaged":
        blob.write_bytes(blob.read_bytes()[:-100])
    elif how == "unfinished":
        half = structs.replace(record, recipe="")
        registry = structs.replace(pair.registry, ollama=pair.registry.ollama.with_model(half))
        save_registry(pair.home.registry, registry)
    yield how


@pytest.mark.parametrize("strategy", ["native", "merged"])
@pytest.mark.parametrize("how", ["deleted", "changed", "lost", "damaged", "unfinished"])
def test_what_happened_behind_our_back_is_seen_and_mended(
    pair: Pair, standin: StandinOllama, strategy: str, how: str
) -> None:
    pair.sync(strategy)  # type: ignore[arg-type]
    before = pair.tags()
    with spoiled(pair, standin, how) as kind:
        assert kind in pair.kinds()
        changed = pair.tags().get(WORDS)
        done = pair.sync()
    assert pair.differences() == ()
    after = pair.tags()
    assert {tag: after[tag] for tag in before} == before
    if how == "changed":
        (aside,) = done.set_aside
        assert after[aside[1]] == changed
        assert pair.api.show(aside[1]).system == "Mine now."
    else:
        assert set(after) == set(before)


def test_a_damaged_base_of_ours_is_made_anew_with_all_that_stands_on_it(pair: Pair, standin: StandinOllama) -> None:
    pair.sync("native")
    before = pair.tags()
    blob = Path(pair.api.show("loco-tiny").from_path or "")
    whole = blob.read_bytes()
    blob.write_bytes(whole[:1000])
    assert "base" in pair.kinds()
    pair.sync()
    assert (pair.tags(), blob.read_bytes()) == (before, whole)
    assert pair.differences() == ()


def test_a_model_of_somebody_else_under_a_wanted_name_is_left_alone(pair: Pair) -> None:
    pair.sync("hotswap")
    with OllamaApi(pair.api.url) as api:
        api.create(NewModel("loco-tiny-dates:1.0.0", files=_upload(pair), system="mine"))
    mine = pair.tags()
    plan = pair.plan("native")
    assert len(plan.blocked) == 1
    assert "not locoman's" in plan.blocked[0]
    pair.sync("native")
    assert pair.tags()["loco-tiny-dates:1.0.0"] == mine["loco-tiny-dates:1.0.0"]
    assert pair.kinds() == {"taken"}
    execute_remove(pair.home, plan_remove_all(pair.home), pair.api)
    assert pair.tags() == mine


def _upload(pair: Pair) -> dict[str, str]:
    base = pair.registry.current()
    path = pair.home.root / base.gguf
    pair.api.put_blob(path, base.sha256)
    return {"mine.gguf": f"sha256:{base.sha256}"}


def test_an_upgrade_across_a_border_is_explained_and_nothing_that_runs_is_lost(
    pair: Pair, standin: StandinOllama
) -> None:
    pair.sync("auto")
    before = pair.tags()
    standin.version = "0.34.1"
    (difference,) = pair.differences()
    assert difference.kind == "version"
    assert "those that are in it still run" in difference.sentence
    done = pair.sync("auto", prune=True)
    assert (done.made, done.removed, pair.tags()) == ((), (), before)
    assert pair.differences() == ()
    pair.api.delete(WORDS)  # what cannot be made again is the host's from now on
    assert pair.kinds() == {"deleted"}
    pair.sync()
    assert pair.differences() == ()
    standin.version = "0.35.0"
    assert pair.kinds() == {"version"}


def test_a_tag_that_moved_to_another_file_of_the_model_is_followed(pulled: Pair, library: OciRegistry) -> None:
    from locoman.weights.gguf_model import GgufModel
    from locoman.weights.model_plan import as_llama_copies, plan_copy, write_model

    pulled.sync("native")
    old = pulled.registry.current()
    copy = pulled.home.root / "moved.gguf"
    with GgufModel.open(Path(old.gguf)) as model:
        write_model(as_llama_copies(plan_copy(model)), copy)
    library.add(PULLED_TAG, copy)
    pulled.api.pull(PULLED_TAG)
    assert "moved" in next(d.sentence for d in pulled.differences() if d.kind == "base")
    pulled.sync()
    assert pulled.registry.current().sha256 != old.sha256
    assert pulled.api.show(WORDS).from_path == pulled.registry.current().gguf
    assert pulled.differences() == ()


def test_another_model_under_the_base_s_tag_stops_the_sync(pulled: Pair, library: OciRegistry, tmp_path: Path) -> None:
    pulled.sync("native")
    models = pulled.tags()
    library.add(PULLED_TAG, write_tiny_base(tmp_path / "other.gguf"))
    pulled.api.pull(PULLED_TAG)
    assert "another model" in next(d.sentence for d in pulled.differences() if d.kind == "base")
    plan = pulled.plan()
    assert plan.blocked
    assert {tag: digest for tag, digest in pulled.tags().items() if tag in TAGS} == {
        tag: digest for tag, digest in models.items() if tag in TAGS
    }


def test_a_base_that_was_deleted_is_pulled_again(pulled: Pair, library: OciRegistry) -> None:
    pulled.sync("native")
    for tag in pulled.tags():
        pulled.api.delete(tag)
    assert "base" in pulled.kinds()
    assert pulled.plan().download_bytes == 0  # loco-tiny's spec tells no size
    pulled.sync()
    assert set(pulled.tags()) == TAGS | {PULLED_TAG}
    assert pulled.differences() == ()


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        ("/api/create", Fault.STREAM_ERROR, OllamaRefused),
        ("/api/create", Fault.STREAM_CUT, OllamaUnavailable),
        ("/api/create", Fault.STREAM_END, OllamaUnavailable),
        ("/api/create", Fault.FULL, MissingPrerequisite),
        ("/api/create", Fault.SERVER_ERROR, OllamaRefused),
        ("/api/create", Fault.HTML, OllamaUnavailable),
        ("/api/blobs", Fault.FULL, MissingPrerequisite),
        ("/api/blobs", Fault.CUT_UPLOAD, OllamaUnavailable),
        ("/api/tags", Fault.GARBAGE, OllamaUnavailable),
    ],
)
def test_a_fault_leaves_no_half_model_and_the_next_sync_goes_on(
    pair: Pair, standin: StandinOllama, path: str, fault: Fault, error: type[Exception]
) -> None:
    standin.faults[path] = fault
    with pytest.raises(error):
        pair.sync("native")
    standin.faults.clear()
    assert set(pair.tags()) <= {model.tag for model in pair.registry.ollama.models}
    pair.sync("native")
    assert set(pair.tags()) == TAGS | {"loco-tiny:latest"}
    assert pair.differences() == ()


def test_a_full_disk_is_foreseen(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(pair.home.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=20_000_000))
    assert pair.plan("hotswap").room == 0
    with pytest.raises(MissingPrerequisite, match="disk space"):
        pair.plan("merged")


def test_prune_takes_only_what_locoman_made(pair: Pair) -> None:
    pair.sync("merged")
    pair.api.copy(WORDS, "my-words")
    execute_remove(pair.home, plan_remove(pair.home, ("dates",)), pair.api)
    assert "loco-tiny-dates:1.0.0" not in pair.tags()
    plan = pair.plan("hotswap")
    assert {step.action for step in plan.state.steps} == {"leave"}
    assert pair.sync("hotswap").removed == ()
    assert pair.kinds() == {"left over"}
    assert set(pair.sync("hotswap", prune=True).removed) == TAGS - {"loco-tiny-dates:1.0.0"}
    assert set(pair.tags()) == {"my-words:latest"}


def test_a_plan_is_made_anew_when_somebody_else_was_faster(pair: Pair) -> None:
    plan = pair.plan("native")
    pair.sync("native")
    other = replace(pair)
    from support.ollama_home import shelf_of

    from locoman.progress import quiet_stages
    from locoman.workflows.sync import execute_sync

    assert execute_sync(other.home, shelf_of(other.home), other.api, plan, quiet_stages).made == ()
