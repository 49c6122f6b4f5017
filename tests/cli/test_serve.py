"""`locoman serve` as a person runs it: another process, in the foreground."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from support.command import Shell
from support.kills import finish, locoman

from locoman.store.home import Home

HELLO = {"model": "words", "messages": [{"role": "user", "content": "Reverse the word planet."}]}
posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


@contextmanager
def serving(home: Home, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A `serve --json` on a free port, and what it printed when it was ready."""
    process = locoman(home.root, "serve", "--port", "0", "--json", *arguments)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()
        yield process, json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def get(url: str, path: str, key: str = "", **headers: str) -> httpx.Response:
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return httpx.get(url + path, headers=headers, trust_env=False, timeout=30)


def test_both_dialects_are_served_without_a_key_on_this_machine(own: Home) -> None:
    with serving(own) as (_, document):
        url = document["url"]
        assert document == {"url": url, "openai": f"{url}/v1", "ollama": url, "key": None}
        names = [model["id"] for model in get(url, "/v1/models").json()["data"]]
        assert names == ["auto", "base", "arithmetic", "dates", "units", "words"]
        assert [model["name"] for model in get(url, "/api/tags").json()["models"]] == [
            f"{name}:latest" for name in names
        ]
        answer = httpx.post(f"{url}/v1/chat/completions", json=HELLO, trust_env=False, timeout=60).json()
        assert answer["locoman"]["served"]["adapter"] == "words"
        assert get(url, "/api/tags", host="evil.example").status_code == 403


def test_ask_uses_it_and_a_second_one_refuses(own: Home, shell: Shell) -> None:
    with serving(own) as (_, document):
        answer = shell("ask", "--json", "--model", "words", "Reverse the word planet.").document
        assert answer["adapter"] == "words"
        residency = shell("ps", "--json").document
        assert (residency["address"], residency["idle_until"]) == (document["url"], None)
        assert residency["load"]["requests"] == 1
        second = shell("serve", "--port", "0")
        assert second.code == 1
        assert f"served already, at {document['url']}" in second.err


def test_it_takes_the_place_of_the_host_in_the_background(own: Home, shell: Shell) -> None:
    finish(locoman(own.root, "ask", "--model", "words", "Reverse the word planet."))
    before = shell("ps", "--json").document["address"]
    with serving(own) as (_, document):
        assert shell("ps", "--json").document["address"] == document["url"] != before


def test_a_key_is_asked_for_where_one_is_given(own: Home) -> None:
    with serving(own, "--key", "my-own-key") as (_, document):
        assert document["key"] is None
        assert get(document["url"], "/api/tags").status_code == 401
        assert get(document["url"], "/api/tags", "wrong").status_code == 401
        assert get(document["url"], "/api/tags", "my-own-key").status_code == 200


def test_on_every_address_it_makes_a_key_and_shows_it(own: Home) -> None:
    with serving(own, "--host", "0.0.0.0", "--new-key", "--name", "ai.school.example") as (_, document):
        url, key = document["url"], document["key"]
        assert url.startswith("http://127.0.0.1:")
        assert get(url, "/v1/models").status_code == 401
        for host in ("127.0.0.1", "192.168.7.7:1234", "ai.school.example"):
            assert get(url, "/v1/models", key, host=host).status_code == 200
        assert get(url, "/v1/models", key, host="evil.example").status_code == 403
        assert finish(locoman(own.root, "ask", "--model", "words", "Reverse the word planet."))[0]


def test_beyond_this_machine_it_does_not_start_without_a_key(own: Home, shell: Shell) -> None:
    result = shell("serve", "--host", "0.0.0.0")
    assert result.code == 4
    assert "a key is needed" in result.err
    assert "locoman serve --host 0.0.0.0 --new-key" in result.err


def test_settings_stand_in_for_flags(own: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCOMAN_SERVE_HOST", "0.0.0.0")
    assert shell("serve").code == 4
    monkeypatch.setenv("LOCOMAN_SERVE_KEY", "short")
    result = shell("serve")
    assert result.code == 2
    assert "at least 16" in result.err


def test_with_nothing_installed_it_says_so(shell: Shell) -> None:
    result = shell("serve")
    assert result.code == 4
    assert "locoman install" in result.err


def test_a_taken_port_is_told(own: Home, shell: Shell) -> None:
    with serving(own) as (_, document):
        port = httpx.URL(document["url"]).port
        other = Home(own.root.parent / "other")
        finish(locoman(other.root, "install", "--base", "loco-tiny", "--yes", "--no-check"))
        result = shell("serve", "--port", str(port), "--home", str(other.root))
        assert result.code == 1
        assert "taken" in result.err


@posix_only
def test_the_log_tells_who_asked_for_what_but_not_what_was_said(own: Home) -> None:
    process = locoman(own.root, "serve", "--port", "0")
    assert process.stdout is not None
    url = ""
    while not url:
        found = re.search(r"OLLAMA_HOST=(\S+)", process.stdout.readline())
        url = found[1] if found else ""
    secret = {**HELLO, "messages": [{"role": "user", "content": "Reverse the word zanzibar."}]}
    assert httpx.post(f"{url}/v1/chat/completions", json=secret, trust_env=False, timeout=60).status_code == 200
    get(url, "/api/nothing%0Aforged%20line?question=zanzibar")
    get(url, "/api/version", host="evil.example")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert "zanzibar" not in log
    assert "rabiznaz" not in log
    lines = log.splitlines()
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 127\.0\.0\.1 [A-Z]+ /\S*.* \d{3} \d+ ms \d+ bytes")
    assert all(form.fullmatch(line) for line in lines), log
    assert "POST /v1/chat/completions 200" in lines[0]
    assert "GET /api/nothing?forged line 404" in lines[1]
    assert "GET /api/version 403" in lines[2]
    assert len(lines) == 3
