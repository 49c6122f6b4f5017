"""Names of models in Ollama."""

from __future__ import annotations

import pytest

from locoman.errors import InvalidName
from locoman.ollama.tag import OllamaTag


@pytest.mark.parametrize(
    ("text", "shortest", "manifest"),
    [
        ("tiny", "tiny:latest", "registry.ollama.ai/library/tiny/latest"),
        (
            "qwen3:4b-instruct-2507-q4_K_M",
            "qwen3:4b-instruct-2507-q4_K_M",
            "registry.ollama.ai/library/qwen3/4b-instruct-2507-q4_K_M",
        ),
        ("library/tiny", "tiny:latest", "registry.ollama.ai/library/tiny/latest"),
        ("school/tiny:1", "school/tiny:1", "registry.ollama.ai/school/tiny/1"),
        ("registry.ollama.ai/library/tiny:1", "tiny:1", "registry.ollama.ai/library/tiny/1"),
        ("https://registry.ollama.ai/library/tiny:1", "tiny:1", "registry.ollama.ai/library/tiny/1"),
        ("127.0.0.1:5000/library/tiny", "127.0.0.1:5000/library/tiny:latest", "127.0.0.1:5000/library/tiny/latest"),
        (" tiny ", "tiny:latest", "registry.ollama.ai/library/tiny/latest"),
    ],
)
def test_a_name_has_one_shortest_form_and_one_manifest(text: str, shortest: str, manifest: str) -> None:
    tag = OllamaTag.parse(text)
    assert str(tag) == shortest
    assert str(tag.manifest) == manifest
    assert OllamaTag.parse(shortest) == tag


@pytest.mark.parametrize(
    "text",
    ["", ":", "a:", "/a", "a//b", "a/b/c/d", "..", "../x:y", "a:../b", "a b", "é", "-a", "a" * 81, "a.b/c", "a\0"],
)
def test_what_ollama_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        OllamaTag.parse(text)
