"""What locoman relies on in Ollama: the same cases against the stand-in and, where there is one, a real server.

The real server is the binary named by LOCOMAN_TEST_OLLAMA, else `ollama` on PATH. Where the two differ, the stand-in is wrong.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from support.oci_registry import OciRegistry
from support.ollama_standin import StandinOllama
from support.real_ollama import find_ollama, real_ollama
from support.tiny_gguf import TinyShape, write_tiny_base, write_tiny_lora

from locoman.errors import OllamaRefused
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.base_file import BaseFile, locate_base
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.probe import find_capabilities
from locoman.ollama.wanted import dress_of
from locoman.store.digests import sha256_of
from locoman.weights.gguf_model import GgufModel
from locoman.weights.model_plan import as_llama_copies, plan_copy, write_model

REAL = find_ollama()
SUBJECTS = ("stand-in 0.33.0", "real") if REAL else ("stand-in 0.33.0",)
SUBJECTS_OF_EVERY_VERSION = (*SUBJECTS, "stand-in 0.34.1", "stand-in 0.35.0")
every_version = pytest.mark.parametrize("subject", SUBJECTS_OF_EVERY_VERSION, indirect=True)


@dataclass(frozen=True)
class Subject:
    """A running server, its models folder, and a registry it can pull from by `tag`."""

    api: OllamaApi
    models: Path
    registry: OciRegistry
    http: httpx.Client
    real: bool

    @property
    def tag(self) -> str:
        return self.registry.tag("loco-tiny:q8")

    def blobs(self) -> set[str]:
        return {path.name for path in (self.models / "blobs").glob("sha256-*") if "partial" not in path.name}

    def names(self) -> list[str]:
        return [model.name for model in self.api.tags()]

    def pull(self) -> None:
        self.api.pull(self.tag, insecure=True)

    def upload(self, path: Path) -> str:
        digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        answer = self.http.post(f"/api/blobs/{digest}", content=path.read_bytes())
        assert answer.status_code in (200, 201), answer.text
        return digest

    def create(self, **request: object) -> httpx.Response:
        """A create that is not streamed; skips where a real server lacks the program that checks GGUF files."""
        answer = self.http.post("/api/create", json={**request, "stream": False})
        if self.real and "llama-quantize unavailable" in answer.text:
            pytest.skip("this Ollama was built without llama-quantize")
        return answer

    def make(self, model: NewModel) -> None:
        """A create as locoman asks for it; skips as `create`."""
        try:
            self.api.create(model)
        except OllamaRefused as error:
            if self.real and "llama-quantize unavailable" in error.message:
                pytest.skip("this Ollama was built without llama-quantize")
            raise


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path: Path, registry: OciRegistry) -> Iterator[Subject]:
    models = tmp_path / "models"
    if request.param != "real":
        with StandinOllama(models, request.param.split()[1]) as server, _client(server.url) as (api, http):
            yield Subject(api, models, registry, http, real=False)
        return
    assert REAL
    with real_ollama(REAL, tmp_path) as url, _client(url) as (api, http):
        yield Subject(api, models, registry, http, real=True)


class _client:  # noqa: N801 - a context manager
    def __init__(self, url: str) -> None:
        self.api = OllamaApi(url)
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def __enter__(self) -> tuple[OllamaApi, httpx.Client]:
        return self.api, self.http

    def __exit__(self, *_: object) -> None:
        self.api.close()
        self.http.close()


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


class Interrupted(Exception):
    """Stands for a Ctrl-C."""


@pytest.mark.skipif(REAL is None, reason="no real Ollama here: set LOCOMAN_TEST_OLLAMA or put ollama on PATH")
def test_the_contract_was_tried_on_a_real_server(subject: Subject) -> None:
    assert subject.api.version()


def test_the_root_says_that_ollama_runs(subject: Subject) -> None:
    assert subject.http.get("/").text == "Ollama is running"
    assert subject.http.head("/").status_code == 200


@every_version
def test_the_version_is_one_that_tells_capabilities(subject: Subject) -> None:
    assert subject.api.capabilities().known
    assert subject.api.capabilities() == Capabilities.of(subject.api.version())


def test_other_paths_are_404_and_other_methods_405_in_plain_text(subject: Subject) -> None:
    assert (subject.http.get("/api/nothing").status_code, subject.http.get("/api/show").status_code) == (404, 405)
    assert subject.http.get("/api/nothing").text == "404 page not found"


def test_a_new_server_has_no_models_and_runs_none(subject: Subject) -> None:
    assert subject.api.tags() == ()
    assert subject.http.get("/api/ps").json() == {"models": []}


def test_a_pull_tells_its_progress_in_bytes_and_leaves_a_listed_model(subject: Subject, tiny_gguf: Path) -> None:
    seen: list[tuple[int, int | None, str]] = []
    subject.registry.trouble.pause = 0.002  # a real server tells nothing of what takes less than 60 ms
    subject.api.pull(subject.tag, lambda *step: seen.append(step), insecure=True)
    (model,) = subject.api.tags()
    assert model.name == subject.tag
    assert model.size > tiny_gguf.stat().st_size
    manifest = subject.models / "manifests" / subject.registry.address / "library" / "loco-tiny" / "q8"
    assert model.digest == hashlib.sha256(manifest.read_bytes()).hexdigest()
    done, total, unit = seen[-1]
    assert tiny_gguf.stat().st_size <= done == (total or 0) <= model.size
    assert unit == "bytes"
    assert [step[0] for step in seen] == sorted(step[0] for step in seen)
    assert seen[0][0] < done


def test_what_was_pulled_is_not_fetched_again(subject: Subject) -> None:
    subject.pull()
    subject.registry.ranges.clear()
    subject.pull()
    assert subject.registry.ranges == []


def test_show_names_the_blob_that_holds_the_weights(subject: Subject, tiny_gguf: Path) -> None:
    subject.pull()
    shown = subject.api.show(subject.tag)
    path = Path(shown.from_path or "")
    assert path == subject.models / "blobs" / f"sha256-{hashlib.sha256(tiny_gguf.read_bytes()).hexdigest()}"
    assert path.read_bytes() == tiny_gguf.read_bytes()
    assert shown.template == "{{ .Prompt }}"
    assert "TEMPLATE {{ .Prompt }}\n" in shown.modelfile


def test_what_is_in_memory_is_listed_and_let_go(subject: Subject) -> None:
    subject.pull()
    assert subject.api.loaded() == ()
    subject.api.unload(subject.tag)
    answer = subject.http.post("/api/generate", json={"model": subject.tag, "stream": False})
    if subject.real and "llama-server" in answer.text:
        pytest.skip("this Ollama was built without llama-server")
    assert answer.json()["done_reason"] == "load", answer.text
    (model,) = subject.api.loaded()
    assert model.name == subject.tag
    assert model.size > 0
    subject.api.unload(subject.tag)
    until = time.monotonic() + 10
    while subject.api.loaded() and time.monotonic() < until:  # its process ends a moment after the answer
        time.sleep(0.05)
    assert subject.api.loaded() == ()
    with pytest.raises(OllamaRefused) as refused:
        subject.api.unload("nobody:1")
    assert refused.value.status == 404


def test_names_are_told_apart_without_regard_to_case(subject: Subject) -> None:
    subject.pull()
    upper = subject.registry.tag("LOCO-TINY:Q8")
    assert subject.api.show(upper).from_path == subject.api.show(subject.tag).from_path


def test_the_base_is_located_and_verified(subject: Subject, tiny_gguf: Path) -> None:
    subject.pull()
    found = locate_base(subject.api, subject.tag, verify=True)
    assert isinstance(found, BaseFile)
    assert found.path.read_bytes() == tiny_gguf.read_bytes()
    assert (found.size, found.verified) == (tiny_gguf.stat().st_size, True)


def test_a_pull_that_was_interrupted_lists_nothing_and_is_gone_on_with(subject: Subject, tiny_gguf: Path) -> None:
    size = tiny_gguf.stat().st_size
    subject.registry.trouble.pause = 0.005

    def interrupt(done: int, total: int | None, unit: str) -> None:
        if done > size // 4:
            raise Interrupted

    with pytest.raises(Interrupted):
        subject.api.pull(subject.tag, interrupt, insecure=True)
    assert subject.names() == []
    subject.registry.trouble.pause = 0
    subject.registry.ranges.clear()
    subject.pull()
    resumed = [
        first
        for digest, first in subject.registry.ranges
        if digest.endswith(hashlib.sha256(tiny_gguf.read_bytes()).hexdigest())
    ]
    assert len(resumed) == 1
    assert 0 < resumed[0] < size
    assert isinstance(locate_base(subject.api, subject.tag, verify=True), BaseFile)


def test_a_connection_to_the_registry_that_is_cut_is_taken_up_again(subject: Subject) -> None:
    subject.registry.trouble.cut_after.append(300_000)
    subject.pull()
    assert any(first == 300_000 for _, first in subject.registry.ranges)
    assert isinstance(locate_base(subject.api, subject.tag, verify=True), BaseFile)


def test_a_blob_of_another_digest_is_told_in_the_stream_and_leaves_nothing(subject: Subject, tiny_gguf: Path) -> None:
    subject.registry.trouble.damaged.add(f"sha256:{hashlib.sha256(tiny_gguf.read_bytes()).hexdigest()}")
    with pytest.raises(OllamaRefused, match="digest mismatch") as caught:
        subject.pull()
    assert caught.value.status == 200
    assert subject.names() == []
    subject.registry.trouble.damaged.clear()
    subject.pull()
    assert isinstance(locate_base(subject.api, subject.tag, verify=True), BaseFile)


def test_a_model_that_nobody_has_is_told_in_the_stream(subject: Subject) -> None:
    with pytest.raises(OllamaRefused, match="pull model manifest: file does not exist") as caught:
        subject.api.pull(subject.registry.tag("nobody:has-it"), insecure=True)
    assert caught.value.status == 200


def test_a_registry_without_tls_needs_leave(subject: Subject) -> None:
    with pytest.raises(OllamaRefused, match=r"pull model manifest: .*tls"):
        subject.api.pull(subject.tag)


@pytest.mark.parametrize("name", ["a b", "x:y:z", "/", "é", "a/b/c/d/e"])
def test_a_name_that_cannot_be_is_400(subject: Subject, name: str) -> None:
    for call in (subject.api.show, subject.api.pull, subject.api.delete):
        with pytest.raises(OllamaRefused) as caught:
            call(name)
        assert caught.value.status == 400


def test_a_model_that_is_not_there_is_404(subject: Subject) -> None:
    with pytest.raises(OllamaRefused, match="model 'nothing:latest' not found") as shown:
        subject.api.show("nothing")
    with pytest.raises(OllamaRefused, match="model 'nothing' not found") as deleted:
        subject.api.delete("nothing")
    assert (shown.value.status, deleted.value.status) == (404, 404)


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/show"), ("POST", "/api/pull"), ("DELETE", "/api/delete")])
def test_a_request_without_a_body_or_with_a_broken_one_is_400(subject: Subject, method: str, path: str) -> None:
    assert error_of(subject.http.request(method, path)) == (400, "missing request body")
    assert subject.http.request(method, path, content=b"{").status_code == 400


def test_delete_removes_the_blobs_that_no_other_model_needs(subject: Subject, tiny_gguf: Path) -> None:
    subject.registry.add("other:latest", tiny_gguf, template="{{ .System }} {{ .Prompt }}")
    other = subject.registry.tag("other")
    subject.pull()
    alone = subject.blobs()
    subject.api.pull(other, insecure=True)
    assert sorted(subject.names()) == sorted([subject.tag, f"{other}:latest"])
    subject.api.delete(other)
    assert subject.names() == [subject.tag]
    assert subject.blobs() == alone
    subject.api.delete(subject.tag)
    assert (subject.names(), subject.blobs()) == ([], set())


def test_a_tag_that_moved_is_pulled_anew_and_the_old_weights_go(subject: Subject, tmp_path: Path) -> None:
    subject.pull()
    old = subject.api.show(subject.tag).from_path
    newer = write_tiny_base(tmp_path / "newer.gguf", TinyShape(hidden=128), seed=5)
    subject.registry.add("loco-tiny:q8", newer)
    subject.pull()
    new = subject.api.show(subject.tag).from_path
    assert new != old
    assert Path(new or "").read_bytes() == newer.read_bytes()
    assert not Path(old or "").exists()


def test_blobs_are_asked_for_sent_once_and_checked(subject: Subject, tiny_gguf: Path) -> None:
    content = tiny_gguf.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert subject.http.head(f"/api/blobs/{digest}").status_code == 404
    assert subject.http.post(f"/api/blobs/{digest}", content=content).status_code == 201
    assert subject.http.head(f"/api/blobs/{digest}").status_code == 200
    assert subject.http.post(f"/api/blobs/{digest}", content=b"").status_code == 200
    other = f"sha256:{'0' * 64}"
    status, message = error_of(subject.http.post(f"/api/blobs/{other}", content=b"x"))
    assert (status, "digest mismatch" in message) == (400, True)
    assert subject.http.head("/api/blobs/sha256:12").status_code == 400
    assert error_of(subject.http.post("/api/blobs/sha256:12", content=b"x")) == (400, "invalid digest format")


def test_a_model_is_created_from_a_file_that_was_sent(subject: Subject, tiny_gguf: Path) -> None:
    digest = subject.upload(tiny_gguf)
    answer = subject.create(
        model="made", files={"made.gguf": digest}, system="Be brief.", template="{{ .System }}\n{{ .Prompt }}"
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    shown = subject.api.show("made")
    assert (shown.system, shown.template) == ("Be brief.", "{{ .System }}\n{{ .Prompt }}")
    assert 'TEMPLATE "{{ .System }}\n{{ .Prompt }}"\n' in shown.modelfile
    assert subject.names() == ["made:latest"]
    assert isinstance(locate_base(subject.api, "made", verify=True), BaseFile)


def test_a_file_is_written_anew_once_and_then_kept_as_it_is(subject: Subject, tiny_gguf: Path) -> None:
    digest = subject.upload(tiny_gguf)
    assert subject.create(model="made", files={"made.gguf": digest}).json()["status"] == "success"
    made = Path(subject.api.show("made").from_path or "")
    assert made.name != digest.replace(":", "-")
    before = subject.blobs()
    again = subject.create(model="again", files={"again.gguf": made.name.replace("-", ":")})
    assert again.json()["status"] == "success"
    assert Path(subject.api.show("again").from_path or "") == made
    assert subject.blobs() == before


def test_a_model_is_created_from_another_and_shares_its_weights(subject: Subject) -> None:
    subject.pull()
    before = subject.blobs()
    answer = subject.create(**{"model": "brief", "from": subject.tag, "system": "Be brief."})
    assert answer.json()["status"] == "success"
    assert subject.api.show("brief").from_path == subject.api.show(subject.tag).from_path
    assert len(subject.blobs() - before) == 2  # the system message and the configuration
    assert "SYSTEM Be brief.\n" in subject.api.show("brief").modelfile


@every_version
def test_an_adapter_is_taken_or_refused_as_the_version_says(subject: Subject, tmp_path: Path) -> None:
    subject.pull()
    digest = subject.upload(write_tiny_lora(tmp_path / "lora.gguf", TinyShape(hidden=128)))
    answer = subject.create(**{"model": "adapted", "from": subject.tag, "adapters": {"lora.gguf": digest}})
    if subject.api.capabilities().adapters_at_create:
        assert answer.json()["status"] == "success"
        blob = subject.models / "blobs" / digest.replace(":", "-")
        assert f"ADAPTER {blob}\n" in subject.api.show("adapted").modelfile
        assert subject.api.show("adapted").from_path == subject.api.show(subject.tag).from_path
    else:
        assert error_of(answer) == (400, "LoRA adapters are no longer supported")
        assert subject.names() == [subject.tag]


def test_a_create_that_cannot_be_is_refused(subject: Subject, tmp_path: Path) -> None:
    assert error_of(subject.create(model="made")) == (400, "neither 'from' or 'files' was specified")
    assert error_of(subject.create(model="a b", files={}))[0] == 400
    missing = f"sha256:{'0' * 64}"
    status, message = error_of(subject.create(model="made", files={"made.gguf": missing}))
    assert (status, "no such file or directory" in message) == (500, True)
    text = tmp_path / "text.gguf"
    text.write_bytes(b"no gguf at all" * 50)
    status, message = error_of(subject.create(model="made", files={"made.gguf": subject.upload(text)}))
    assert status >= 400
    assert subject.names() == []


def test_a_file_is_rewritten_as_locoman_foresees(subject: Subject, tiny_gguf: Path, tmp_path: Path) -> None:
    with GgufModel.open(tiny_gguf) as model:
        write_model(as_llama_copies(plan_copy(model)), tmp_path / "copy.gguf")
    digest = subject.upload(tiny_gguf)
    assert subject.create(model="made", files={"made.gguf": digest}).json()["status"] == "success"
    assert Path(subject.api.show("made").from_path or "").read_bytes() == (tmp_path / "copy.gguf").read_bytes()


def test_a_file_in_that_form_is_kept_once(subject: Subject, tiny_gguf: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    with GgufModel.open(tiny_gguf) as model:
        write_model(as_llama_copies(plan_copy(model)), copy)
    sent: list[tuple[int, int | None, str]] = []
    assert subject.api.put_blob(copy, sha256_of(copy), lambda *step: sent.append(step)) == copy.stat().st_size
    assert sent[-1] == (copy.stat().st_size, copy.stat().st_size, "bytes")
    assert subject.api.has_blob(sha256_of(copy))
    assert subject.api.put_blob(copy, sha256_of(copy)) == 0
    subject.make(NewModel("made", files={"made.gguf": f"sha256:{sha256_of(copy)}"}))
    assert Path(subject.api.show("made").from_path or "").name == f"sha256-{sha256_of(copy)}"
    subject.api.delete("made")
    assert subject.blobs() == set()


def test_everything_around_the_weights_is_told_again(subject: Subject, tiny_gguf: Path) -> None:
    parameters = {"temperature": 0.5, "stop": ["<|im_end|>", 'a "quoted" one'], "num_ctx": 512}
    given = NewModel(
        "made", files={"made.gguf": subject.upload(tiny_gguf)}, template="{{ .System }}|{{ .Prompt }}", system="Be brief.",
        license="MIT", parameters=parameters,
    )  # fmt: skip
    subject.make(given)
    dress = dress_of(subject.api.show("made"))
    assert (dress.template, dress.system, dress.license) == (given.template, given.system, given.license)
    assert dict(dress.parameters) == parameters


def test_a_copy_is_the_same_model_and_takes_no_room(subject: Subject) -> None:
    subject.pull()
    before = subject.blobs()
    subject.api.copy(subject.tag, "second:name")
    digests = {model.name: model.digest for model in subject.api.tags()}
    assert digests["second:name"] == digests[subject.tag]
    assert subject.blobs() == before
    with pytest.raises(OllamaRefused) as caught:
        subject.api.copy("nothing", "third")
    assert caught.value.status == 404
    subject.api.delete(subject.tag)
    assert subject.blobs() == before


@every_version
def test_shards_are_kept_apart_or_made_one_as_the_version_says(
    subject: Subject, tiny_gguf: Path, tmp_path: Path
) -> None:
    with GgufModel.open(tiny_gguf) as model:
        paths = write_model(as_llama_copies(plan_copy(model)), tmp_path / "tiny.gguf", split=True)
        write_model(as_llama_copies(plan_copy(model)), tmp_path / "whole.gguf")
    subject.make(NewModel("made", files={path.name: subject.upload(path) for path in paths}))
    names = {f"sha256-{sha256_of(path)}" for path in paths}
    whole = f"sha256-{sha256_of(tmp_path / 'whole.gguf')}"
    if subject.api.capabilities().split_gguf:
        assert names <= subject.blobs()
        assert whole not in subject.blobs()
    else:
        assert whole in subject.blobs()
        assert Path(subject.api.show("made").from_path or "").name == whole


def test_shards_that_are_not_complete_are_refused(subject: Subject, tiny_gguf: Path, tmp_path: Path) -> None:
    with GgufModel.open(tiny_gguf) as model:
        paths = write_model(as_llama_copies(plan_copy(model)), tmp_path / "tiny.gguf", split=True)
    answer = subject.create(model="made", files={path.name: subject.upload(path) for path in paths[:-1]})
    assert answer.status_code >= 400
    assert "expected" in answer.json()["error"]
    assert subject.names() == []


@every_version
def test_the_harmless_question_tells_whether_adapters_are_taken(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = subject.api.capabilities().adapters_at_create
    monkeypatch.setattr(subject.api, "capabilities", lambda: Capabilities.of("0.0.0"))
    able = find_capabilities(subject.api)
    assert (able.known, able.adapters_at_create, able.split_gguf) == (False, expected, False)
    assert subject.names() == []
