from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf.constants import TokenType
from support import checkpoints

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.tokenizer import Tokenizer, read_tokenizer

Change = Callable[[dict[str, Any]], object]


def read(folder: Path, change: Change = lambda document: None, **settings: Any) -> Tokenizer:
    document = checkpoints.tokenizer_document()
    change(document)
    checkpoints.write_json(folder / "tokenizer.json", document)
    checkpoints.write_json(folder / "tokenizer_config.json", settings)
    return read_tokenizer(folder, {"eos_token_id": 265}, checkpoints.VOCABULARY)


def test_tokens_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    tokenizer = read(tmp_path)
    assert tokenizer.pretokenizer == "qwen2"
    assert tokenizer.tokens[:3] == ("!", '"', "#")
    assert tokenizer.tokens[262:266] == ("the", *checkpoints.SPECIAL)
    assert tokenizer.tokens[266] == "[PAD266]"
    assert tokenizer.kinds[262:267] == (
        TokenType.NORMAL,
        TokenType.CONTROL,
        TokenType.CONTROL,
        TokenType.CONTROL,
        TokenType.UNUSED,
    )
    assert tokenizer.merges[-1] == "th e"


def test_merges_may_be_texts(tmp_path: Path) -> None:
    def as_texts(document: dict[str, Any]) -> None:
        document["model"]["merges"] = [" ".join(merge) for merge in document["model"]["merges"]]

    assert read(tmp_path, as_texts).merges == read(tmp_path).merges


def test_added_tokens_that_are_not_special_are_user_defined(tmp_path: Path) -> None:
    tokenizer = read(tmp_path, lambda d: d["added_tokens"].append({"id": 266, "content": "<think>", "special": False}))
    assert tokenizer.kinds[266] == TokenType.USER_DEFINED


def test_special_ids_come_from_the_settings_first_and_then_from_the_config(tmp_path: Path) -> None:
    assert read(tmp_path).special == {"eos": 265}
    settings = {"eos_token": "<|endoftext|>", "pad_token": {"content": "<|im_start|>"}, "bos_token": None}
    assert read(tmp_path, **settings).special == {"eos": 263, "padding": 264}


def test_a_prompt_gets_no_extra_tokens_by_default(tmp_path: Path) -> None:
    assert read(tmp_path, add_bos_token=True).added == {"bos": False, "eos": False}  # the post-processor's word
    assert read(tmp_path, lambda d: d.update(post_processor=None), add_bos_token=True).added == {"bos": True}


def test_the_chat_template_is_found_in_each_of_its_places(tmp_path: Path) -> None:
    assert read(tmp_path).chat_template is None
    assert read(tmp_path, chat_template="A").chat_template == "A"
    named = [{"name": "tools", "template": "T"}, {"name": "default", "template": "D"}]
    assert read(tmp_path, chat_template=named).chat_template == "D"
    (tmp_path / "chat_template.jinja").write_text("J")
    assert read(tmp_path, chat_template="A").chat_template == "J"
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(InvalidFile, match="chat_template"):
        read(tmp_path, chat_template=3)


def test_an_unknown_pretokenizer_is_refused_by_its_regular_expression(tmp_path: Path) -> None:
    def other(document: dict[str, Any]) -> None:
        document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\p{N}{1,4}|[^\s]+"

    with pytest.raises(Unsupported, match=r"p\{N\}\{1,4\}"):
        read(tmp_path, other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["model"].update(type="Unigram"), "Unigram"),
        (lambda d: d["model"].update(byte_fallback=True), "NFC"),  # read as SentencePiece
        (lambda d: d["model"].update(ignore_merges=True), "ignore_merges"),
        (lambda d: d["pre_tokenizer"]["pretokenizers"].pop(), "llama.cpp knows"),
        (lambda d: d["pre_tokenizer"]["pretokenizers"].append({"type": "Whitespace"}), "Whitespace"),
        (lambda d: d.update(pre_tokenizer=None), "None"),
        (lambda d: d.update(pre_tokenizer={"type": "Sequence", "pretokenizers": 7}), "7"),
        (lambda d: d.update(post_processor={"type": "BertProcessing"}), "BertProcessing"),
    ],
)
def test_what_llama_cpp_could_not_do_is_refused_by_name(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        read(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["model"]["vocab"].update(x=-1), "cannot have the id -1"),
        (lambda d: d["model"]["vocab"].update({"zz": 272}), "cannot have the id 272"),
        (lambda d: d["model"]["vocab"].update({"zz": 5}), "cannot have the id 5"),
        (lambda d: d["added_tokens"].append({"id": 270, "content": "the"}), "cannot have the id 270"),
        (lambda d: d["model"]["merges"].append(["q", "x"]), "not in the vocabulary"),
        (lambda d: d["model"]["merges"].append(["q"]), "broken JSON"),
        (lambda d: d["model"]["vocab"].update({"zz": "1"}), "broken JSON"),
        (lambda d: d.pop("model"), "broken JSON"),
    ],
)
def test_a_broken_tokenizer_is_refused(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        read(tmp_path, change)


def test_a_special_id_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(InvalidFile, match="not in the vocabulary"):
        read_tokenizer(tmp_path, {"eos_token_id": 999}, checkpoints.VOCABULARY)


def test_an_oversized_or_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model":' + "[" * 200_000)
    with pytest.raises(InvalidFile, match="broken JSON"):
        read_tokenizer(tmp_path, {}, 10)
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(InvalidFile, match="larger than 64 MiB"):
        read_tokenizer(tmp_path, {}, 10)


def test_a_vocabulary_that_no_model_has_is_refused(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(InvalidFile, match="a vocabulary of"):
        read_tokenizer(tmp_path, {}, 1 << 24)


def test_the_settings_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(checkpoints.tokenizer_document()))
    assert read_tokenizer(tmp_path, {}, checkpoints.VOCABULARY).special == {}
