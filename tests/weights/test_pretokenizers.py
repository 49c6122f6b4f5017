from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import checkpoints, tokenizer_kinds

from locoman.errors import UnknownName, Unsupported
from locoman.weights.pretokenizers import check_pretokenizer, find_pretokenizer, known_pretokenizers
from locoman.weights.tokenizer import read_tokenizer

PATH = Path("tokenizer.json")
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
GPT2 = BYTE_LEVEL | {"use_regex": True}


def split(pattern: str, **changes: Any) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False, **changes}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


@pytest.mark.parametrize("known", [entry for entry in known_pretokenizers() if entry.patterns], ids=lambda e: e.name)
def test_every_known_one_is_found_by_its_patterns(known: Any) -> None:
    tree = sequence(*(split(pattern) for pattern in known.patterns), BYTE_LEVEL)
    assert find_pretokenizer(tree, known.ignore_merges, PATH) == known.name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("qwen2", "qwen"),
        ("llama-bpe", "llama-3"),
        ("smollm", "smollm"),
        ("gpt-2", "gpt-2"),
        ("tekken", "mistral-nemo"),
    ],
)
def test_the_families_are_found_as_they_are_published(name: str, kind: str) -> None:
    document = tokenizer_kinds.KINDS[kind].document
    assert find_pretokenizer(document["pre_tokenizer"], document.get("ignore_merges", False), PATH) == name


def test_steps_with_patterns_of_their_own_count_as_those() -> None:
    falcon = sequence(
        {"type": "Punctuation", "behavior": "Contiguous"},
        GPT2,
        {"type": "Digits", "individual_digits": False},
        split("[0-9][0-9][0-9]"),
    )
    assert find_pretokenizer(falcon, False, PATH) == "falcon"
    contractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    other_form = checkpoints.QWEN2_REGEX.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", contractions).replace("\\r", "\r")
    assert find_pretokenizer(sequence(split(other_form), BYTE_LEVEL), False, PATH) == "qwen2"
    kept = split(checkpoints.QWEN2_REGEX, behavior="Removed", invert=True)
    assert find_pretokenizer(sequence(kept, BYTE_LEVEL), False, PATH) == "qwen2"


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (sequence(split(r"\p{N}{1,4}"), BYTE_LEVEL), r"p\{N\}\{1,4\}"),
        (sequence(split("a|b", behavior="Removed", invert=True), BYTE_LEVEL), "Removed"),
        (sequence(split(checkpoints.QWEN2_REGEX)), "llama.cpp knows"),
        (BYTE_LEVEL, "llama.cpp knows"),
        (BYTE_LEVEL | {"add_prefix_space": True}, "add_prefix_space"),
        (sequence(), "llama.cpp knows"),
    ],
)
def test_others_are_refused_with_their_patterns(tree: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        find_pretokenizer(tree, False, PATH)


def test_a_name_can_be_asked_for_where_none_is_found(tmp_path: Path) -> None:
    document = checkpoints.tokenizer_document()
    document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "unheard of"
    checkpoints.write_json(tmp_path / "tokenizer.json", document)
    for name in ("qwen2", "megrez", "kimi-k2"):
        assert read_tokenizer(tmp_path, {}, checkpoints.VOCABULARY, pre=name).pretokenizer == name
    with pytest.raises(UnknownName, match="qwen2"):
        read_tokenizer(tmp_path, {}, checkpoints.VOCABULARY, pre="qwen22")


def test_names_are_known_once() -> None:
    names = [name for entry in known_pretokenizers() for name in {entry.name, *entry.aliases}]
    assert {name for name in names if names.count(name) > 1} == {"bloom", "falcon"}  # each published in two forms
    assert check_pretokenizer("llama-v3") == "llama-v3"
