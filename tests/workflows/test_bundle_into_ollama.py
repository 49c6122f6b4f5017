"""A bundle's base goes into Ollama, and its file there is the base's place: on the stand-in and, if any, a real server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.command import Shell
from support.installed import copy_home
from support.kills import check_files, finish, locoman
from support.ollama_home import Pair, shelf_of
from support.ollama_standin import Fault, StandinOllama
from support.real_ollama import find_ollama, real_ollama
from support.tiny_gguf import write_tiny_base

from locoman.errors import LocomanError, MissingPrerequisite, UsageError
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.base_file import Unreadable
from locoman.progress import quiet_stages
from locoman.store.atomic import store_error
from locoman.store.home import Home
from locoman.workflows.bundle import into_ollama
from locoman.workflows.bundle.install import execute_bundle_install
from locoman.workflows.bundle.install_plan import BundleInstallPlan, plan_bundle_install
from locoman.workflows.provide.ready import ReadyBases
from locoman.workflows.remove import execute_remove, plan_remove, plan_remove_all

REAL = find_ollama()
TAG = "loco-tiny:latest"


@dataclass(frozen=True)
class Laptop(Pair):
    """A home, an Ollama beside it, and where that keeps its models."""

    models: Path
    bundle: Path

    def plan_bundle(self) -> BundleInstallPlan:
        return plan_bundle_install(self.home, shelf_of(self.home), ReadyBases(self.api.url), self.bundle, self.api)

    def install(self) -> None:
        ready, shelf = ReadyBases(self.api.url), shelf_of(self.home)
        execute_bundle_install(self.home, shelf, ready, self.plan_bundle(), quiet_stages, self.api)

    def blobs(self) -> set[str]:
        return {path.name for path in (self.models / "blobs").glob("sha256-*")}

    def own_files(self) -> list[Path]:
        return list(self.home.bases.rglob("*.gguf"))


@pytest.fixture(scope="session")
def one(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of loco-tiny with one adapter, which is enough here, to be read only."""
    path = tmp_path_factory.mktemp("bundle") / "one.locoman"
    finish(locoman(installed, "bundle", "create", str(path), "--adapter", "words"))
    return path


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandinOllama]:
    with StandinOllama(tmp_path / "models") as running:
        yield running


@pytest.fixture
def laptop(standin: StandinOllama, home: Home, one: Path, tmp_path: Path) -> Iterator[Laptop]:
    """An empty home beside an empty Ollama 0.33."""
    with OllamaApi(standin.url) as api:
        yield Laptop(home, api, tmp_path / "models", one)


@pytest.fixture(params=("stand-in 0.33.0", "stand-in 0.35.0", *(("real",) if REAL else ())))
def any_laptop(request: pytest.FixtureRequest, home: Home, one: Path, tmp_path: Path) -> Iterator[Laptop]:
    models = tmp_path / "models"
    if request.param == "real":
        assert REAL
        with real_ollama(REAL, tmp_path) as url, OllamaApi(url) as api:
            yield Laptop(home, api, models, one)
        return
    with StandinOllama(models, request.param.split()[1]) as server, OllamaApi(server.url) as api:
        yield Laptop(home, api, models, one)


def test_ollama_s_file_is_the_base_s_place_and_no_copy_is_kept(any_laptop: Laptop) -> None:
    plan = any_laptop.plan_bundle()
    assert plan.place is not None
    assert (plan.action, str(plan.place.tag), plan.place.action, plan.place.second_copy) == (
        "into ollama", TAG, "make", "",
    )  # fmt: skip
    any_laptop.install()
    base = any_laptop.registry.current()
    assert (base.origin, base.tag) == ("ollama", TAG)
    assert base.gguf == any_laptop.api.show(TAG).from_path
    assert Path(base.gguf).stat().st_size == base.bytes
    assert abs(base.bytes - plan.ollama_bytes) < 2000
    assert any_laptop.own_files() == []
    assert sum(path.stat().st_size for path in any_laptop.home.root.rglob("*") if path.is_file()) < plan.kept_bytes
    assert len([path for path in any_laptop.models.rglob("sha256-*") if path.stat().st_size > 1_000_000]) == 1
    assert any_laptop.differences() == ()
    check_files(any_laptop.home.root)


def test_the_adapters_follow_and_all_of_it_goes_again(any_laptop: Laptop) -> None:
    any_laptop.install()
    plan = any_laptop.plan("auto")
    assert plan.copy_bytes == 0
    native = plan.strategy.name == "native"
    assert len(any_laptop.sync("auto").made) == (1 if native else 0)
    assert any_laptop.sync("auto").uploads == 0
    assert any_laptop.differences() == ()
    assert execute_remove(any_laptop.home, plan_remove_all(any_laptop.home), any_laptop.api).left == ()
    assert (any_laptop.tags(), any_laptop.blobs()) == ({}, set())


def test_a_base_whose_name_is_gone_while_models_hold_its_file_is_given_it_back(any_laptop: Laptop) -> None:
    any_laptop.install()
    any_laptop.sync("merged")
    any_laptop.api.copy(TAG, "mine")
    before = any_laptop.tags()
    any_laptop.api.delete(TAG)
    assert any_laptop.kinds() == {"base"}
    done = any_laptop.sync()
    assert (done.made, done.uploads) == ((TAG,), 0)
    assert any_laptop.tags() == before
    assert any_laptop.differences() == ()


def test_a_base_that_is_all_gone_comes_from_the_bundle_again(laptop: Laptop) -> None:
    laptop.install()
    before = laptop.registry
    laptop.api.delete(TAG)
    (difference,) = laptop.differences()
    assert "no longer in Ollama" in difference.sentence
    assert "locoman bundle install" in difference.fix
    laptop.install()
    assert laptop.registry == before
    assert laptop.differences() == ()


def test_a_damaged_base_is_made_anew_with_what_stands_on_it(laptop: Laptop) -> None:
    laptop.install()
    laptop.sync("native")
    before, blob = laptop.tags(), Path(laptop.registry.current().gguf)
    whole = blob.read_bytes()
    blob.write_bytes(whole[:1000])
    assert laptop.kinds() == {"base"}
    assert laptop.plan_bundle().place == into_ollama.Place(into_ollama.OllamaTag.parse(TAG), "0.33.0", "make anew")
    laptop.install()
    assert blob.read_bytes() == whole
    laptop.sync()
    assert laptop.tags() == before
    assert laptop.differences() == ()


def test_a_copy_of_one_s_own_makes_room(installed: Path, laptop: Laptop) -> None:
    copy_home(installed, laptop.home.root)
    laptop.sync("native")  # now Ollama holds the second copy of a base of ours
    laptop.install()
    assert laptop.own_files() == []
    assert laptop.registry.current().origin == "ollama"
    laptop.sync()
    assert laptop.differences() == ()


def test_one_that_is_there_already_is_used_and_not_ours(laptop: Laptop, tmp_path: Path) -> None:
    laptop.install()
    blobs = laptop.blobs()
    other = Laptop(Home(tmp_path / "other"), laptop.api, laptop.models, laptop.bundle)
    place = other.plan_bundle().place
    assert place is not None
    assert place.action == "use"
    other.install()
    assert other.registry.ollama.models == ()
    assert laptop.blobs() == blobs
    execute_remove(other.home, plan_remove(other.home, ("loco-tiny",)), other.api)
    assert set(laptop.tags()) == {TAG}


def test_a_name_that_is_taken_is_left_alone(laptop: Laptop, tmp_path: Path) -> None:
    path = write_tiny_base(tmp_path / "mine.gguf")
    from locoman.store.digests import sha256_of

    laptop.api.put_blob(path, sha256_of(path))
    laptop.api.create(NewModel(TAG, files={"mine.gguf": f"sha256:{sha256_of(path)}"}))
    before = laptop.tags()
    with pytest.raises(MissingPrerequisite, match="not this base") as caught:
        laptop.install()
    assert "ollama cp" in caught.value.remedy
    assert laptop.tags() == before
    assert not laptop.home.registry.exists()


def test_without_a_base_there_is_nothing_to_bring(shell: Shell, copied: Home, laptop: Laptop, tmp_path: Path) -> None:
    news = tmp_path / "news.locoman"
    assert shell("bundle", "create", str(news), "--adapters-only").code == 0
    with pytest.raises(UsageError, match="holds no base"):
        plan_bundle_install(copied, shelf_of(copied), ReadyBases(laptop.api.url), news, laptop.api)


def test_without_ollama_nothing_is_installed(shell: Shell, one: Path, home: Home) -> None:
    result = shell("bundle", "install", str(one), "--ollama")
    assert result.code == 4
    assert result.err.strip().endswith("Next: ollama serve")
    assert not home.registry.exists()


def test_the_plan_tells_what_goes_where(shell: Shell, laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", laptop.api.url)
    text = shell("bundle", "install", str(laptop.bundle), "--ollama", "--dry-run").out
    assert "0.33.0: loco-tiny:latest is made of the bundle's file; 6.72 MB more in Ollama" in text
    assert "keeps no copy" in text
    assert re.search(r"Disk      17\.\d MB needed, 3\.\d+ MB of it to stay", text)
    assert (laptop.tags(), laptop.home.registry.exists()) == ({}, False)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/api/create", Fault.STREAM_ERROR),
        ("/api/create", Fault.STREAM_CUT),
        ("/api/create", Fault.FULL),
        ("/api/create", Fault.SERVER_ERROR),
        ("/api/create", Fault.HTML),
        ("/api/blobs", Fault.FULL),
        ("/api/blobs", Fault.CUT_UPLOAD),
        ("/api/tags", Fault.GARBAGE),
    ],
)
def test_a_fault_leaves_nothing_and_the_same_command_goes_on(
    laptop: Laptop, standin: StandinOllama, path: str, fault: Fault
) -> None:
    plan = laptop.plan_bundle()
    standin.faults[path] = fault
    with pytest.raises(LocomanError):
        execute_bundle_install(
            laptop.home, shelf_of(laptop.home), ReadyBases(laptop.api.url), plan, quiet_stages, laptop.api
        )
    standin.faults.clear()
    assert laptop.tags() == {}
    assert (laptop.registry.base, laptop.registry.ollama.models) == ("", ())
    laptop.install()
    assert laptop.differences() == ()


def test_killed_before_it_could_say_so_it_is_finished_by_the_next(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(into_ollama, "finished", killed)
        with pytest.raises(KeyboardInterrupt):
            laptop.install()
    assert set(laptop.tags()) == {TAG}
    (record,) = laptop.registry.ollama.models
    assert (record.tag, record.recipe) == (TAG, "")
    (difference,) = laptop.differences()
    assert (difference.kind, difference.subject, difference.fix) == ("left over", TAG, "locoman remove --all")
    laptop.install()
    assert laptop.differences() == ()
    (record,) = laptop.registry.ollama.models
    assert record.manifest == laptop.tags()[TAG]
    execute_remove(laptop.home, plan_remove_all(laptop.home), laptop.api)
    assert laptop.tags() == {}


def test_a_registry_that_finds_no_room_is_mended_by_the_same_command(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from locoman.store import registry as registry_module

    write: Callable[[Path, bytes], None] = registry_module.write_atomic

    def full(path: Path, data: bytes) -> None:
        if b"[[bases]]" in data:
            raise store_error(OSError(28, "No space left on device"), path)
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(registry_module, "write_atomic", full)
        with pytest.raises(MissingPrerequisite, match="no disk space left"):
            laptop.install()
    laptop.install()
    assert laptop.differences() == ()
    assert set(laptop.tags()) == {TAG}


def test_where_ollama_s_file_cannot_be_read_a_copy_stays_and_is_planned(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = Unreadable(TAG, "forbidden", "Ollama's file may not be read by you.", "join the group")
    monkeypatch.setattr(into_ollama, "locate_base", lambda *_, **__: shut)
    laptop.install()  # nothing in Ollama could tell before
    base = laptop.registry.current()
    assert (base.origin, base.tag, len(laptop.own_files())) == ("bundle", "", 1)
    assert laptop.differences() == ()
    assert laptop.plan("native").copy_bytes > 0
    laptop.own_files()[0].unlink()
    place = laptop.plan_bundle().place
    assert place is not None
    assert (place.action, place.second_copy) == ("use", shut.sentence)
    laptop.install()
    assert len(laptop.own_files()) == 1
    assert laptop.differences() == ()
