"""OLLAMA_HOST is read as Ollama reads it."""

from __future__ import annotations

import pytest

from locoman.errors import UsageError
from locoman.ollama.address import is_loopback, resolve_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ("localhost", "http://localhost:11434"),
        ("lab-7.school.example:8080", "http://lab-7.school.example:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("host:", "http://host:11434"),
        ("host:port", "http://host:11434"),
        ("host:70000", "http://host:11434"),
        ("host:-1", "http://host:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("::", "http://[::1]:11434"),
        ("[::]:1234", "http://[::1]:1234"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[fe80::2]:99", "http://[fe80::2]:99"),
        ("http://host", "http://host:80"),
        ("https://host", "https://host:443"),
        ("https://host:8443/", "https://host:8443"),
        ("https://host/ollama/", "https://host:443/ollama"),
        ("http://", "http://127.0.0.1:80"),
        ('"127.0.0.1:5"', "http://127.0.0.1:5"),
        (" 'host:5' ", "http://host:5"),
        ("under_score", "http://under_score:11434"),
    ],
)
def test_every_form_that_ollama_takes_leads_to_a_url(text: str | None, url: str) -> None:
    assert resolve_url(text) == url


@pytest.mark.parametrize("url", [None, "[::1]:7", "https://host/ollama", "0.0.0.0"])
def test_a_resolved_url_resolves_to_itself(url: str | None) -> None:
    assert resolve_url(resolve_url(url)) == resolve_url(url)


@pytest.mark.parametrize(
    "text", ["ftp://host", "a b", "http://a..b", "[12", "x" * 300, "a" * 64, "1:2:3", "hö.st", "user@host", "a?b#c"]
)
def test_what_cannot_be_an_address_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        resolve_url(text)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://127.8.9.1:1", True),
        ("http://localhost:11434", True),
        ("http://[::1]:1", True),
        ("http://192.168.1.2:1", False),
        ("http://localhost.example:1", False),
        ("http://127.0.0.1.example:1", False),
    ],
)
def test_loopback_is_told_from_other_machines(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
