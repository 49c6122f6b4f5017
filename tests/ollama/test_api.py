"""Whatever is wrong with Ollama, its client says it in one of two errors; the server's behaviour is in test_contract.py."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faulty_http import FileServer, Reply
from support.oci_registry import OciRegistry
from support.ollama_standin import Fault, StandinOllama

from locoman.errors import OllamaRefused, OllamaUnavailable, UsageError
from locoman.ollama import transport as transport_module
from locoman.ollama.api import OllamaApi
from locoman.ollama.base_file import BaseFile, locate_base

TAG = "loco-tiny:q8"
CALLS: dict[str, Callable[[OllamaApi], object]] = {
    "/api/version": OllamaApi.version,
    "/api/tags": OllamaApi.tags,
    "/api/show": lambda api: api.show(TAG),
    "/api/pull": lambda api: api.pull(TAG),
    "/api/delete": lambda api: api.delete(TAG),
}


FOREIGN = (Fault.HTML, Fault.BAD_GATEWAY, Fault.HANG_UP, Fault.SILENT, Fault.GARBAGE)
CASES = [(path, fault) for path in CALLS for fault in FOREIGN]
CASES.remove(("/api/delete", Fault.GARBAGE))  # the answer to a delete has no content to be wrong


@pytest.mark.parametrize(("path", "fault"), CASES)
def test_what_is_not_ollama_or_no_longer_is_unavailable(standin: StandinOllama, path: str, fault: Fault) -> None:
    standin.faults[path] = fault
    with OllamaApi(standin.url, read_seconds=0.2, pull_silence=0.2) as api, pytest.raises(OllamaUnavailable) as caught:
        CALLS[path](api)
    assert caught.value.remedy == "ollama serve"
    assert str(caught.value).startswith(f"Ollama does not answer at {standin.url}: ")


@pytest.mark.parametrize("path", CALLS)
def test_an_error_without_a_body_carries_its_status(api: OllamaApi, standin: StandinOllama, path: str) -> None:
    standin.faults[path] = Fault.SERVER_ERROR
    with pytest.raises(OllamaRefused) as caught:
        CALLS[path](api)
    assert (caught.value.status, caught.value.message) == (500, "")
    assert "HTTP status 500" in str(caught.value)


@pytest.mark.parametrize("call", CALLS.values())
def test_a_server_that_is_not_there_is_unavailable(call: Callable[[OllamaApi], object]) -> None:
    with FileServer(b"") as gone:
        pass
    with OllamaApi(gone.url) as api, pytest.raises(OllamaUnavailable, match="nothing listens there"):
        call(api)


def test_a_host_that_cannot_be_found_is_unavailable() -> None:
    with OllamaApi("http://nowhere.invalid:11434") as api, pytest.raises(OllamaUnavailable):
        api.version()


@pytest.mark.parametrize("url", ["http://[", "http://a:b:c", "http://\0"])
def test_a_url_that_cannot_be_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError):
        OllamaApi(url)


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    standin: StandinOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with OllamaApi(standin.url) as api:
        assert api.version() == "0.33.0"


def test_an_error_inside_the_stream_has_status_200(api: OllamaApi, standin: StandinOllama) -> None:
    standin.faults["/api/pull"] = Fault.STREAM_ERROR
    with pytest.raises(OllamaRefused, match="Ollama refused to pull loco-tiny:q8: max retries exceeded") as caught:
        api.pull(TAG)
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("fault", "words"), [(Fault.STREAM_CUT, "broke off"), (Fault.STREAM_END, "in the middle of the pull")]
)
def test_a_server_that_dies_in_the_middle_of_a_pull_is_unavailable(
    api: OllamaApi, standin: StandinOllama, fault: Fault, words: str
) -> None:
    standin.faults["/api/pull"] = fault
    with pytest.raises(OllamaUnavailable, match=words):
        api.pull(TAG)
    standin.faults.clear()
    assert api.tags() == ()
    api.pull(TAG)
    assert isinstance(locate_base(api, TAG, verify=True), BaseFile)


def test_a_pull_from_the_library_needs_no_insecure(api: OllamaApi, registry: OciRegistry) -> None:
    api.pull(TAG)
    assert [model.name for model in api.tags()] == [TAG]


def test_a_server_without_a_network_says_so(tmp_path: Path) -> None:
    with (
        StandinOllama(tmp_path / "models") as offline,
        OllamaApi(offline.url) as api,
        pytest.raises(OllamaRefused, match="no such host"),
    ):
        api.pull(TAG)


@pytest.mark.parametrize(
    "body", [b'{"error": 5}', b"\xff\xfe", b"[" * 200_000, b"x" * 3_000_000, b'{"error": "' + b"y" * 9000 + b'"}']
)
def test_a_refusal_in_any_form_stays_short(body: bytes) -> None:
    with FileServer(body) as server, OllamaApi(server.url) as api:
        server.then(Reply(status=400))
        with pytest.raises(OllamaRefused) as caught:
            api.version()
    assert caught.value.status == 400
    assert len(caught.value.message) <= 1000


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 100_000)
    with (
        FileServer(b" " * 2_000_000) as server,
        OllamaApi(server.url) as api,
        pytest.raises(OllamaUnavailable, match="is larger than"),
    ):
        api.version()


def test_an_answer_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_ANSWER_SECONDS", 0.1)
    with FileServer(b" " * 2_000) as server, OllamaApi(server.url) as api:
        server.chunk, server.pause = 10, 0.02
        with pytest.raises(OllamaUnavailable, match="took longer"):
            api.version()


def test_a_redirect_is_not_followed() -> None:
    with FileServer(b"") as server, OllamaApi(server.url) as api:
        server.then(Reply(status=302, headers={"location": "http://127.0.0.1:1/"}))
        with pytest.raises(OllamaUnavailable, match="redirects"):
            api.version()


def test_progress_adds_up_the_layers_and_ends_complete(api: OllamaApi) -> None:
    seen: list[tuple[int, int | None, str]] = []
    api.pull(TAG, lambda *step: seen.append(step))
    (model,) = api.tags()
    assert seen[-1] == (model.size, model.size, "bytes")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_a_client_can_be_used_after_a_pull_was_interrupted(api: OllamaApi, registry: OciRegistry) -> None:
    registry.trouble.pause = 0.002

    def interrupt(done: int, total: int | None, unit: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.pull(TAG, interrupt)
    assert threading.active_count() < 20
    assert api.version() == "0.33.0"
