from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf.constants import TokenType
from support import checkpoints, families, tokenizer_kinds
from support.families import Piece, sentencepiece_model, sentencepiece_pieces

from locoman.errors import InvalidFile, LocomanError, Unsupported
from locoman.weights import gguf_values
from locoman.weights.sentencepiece import PieceType, read_sentencepiece
from locoman.weights.tokenizer import Tokenizer, read_tokenizer

CONFIG = {"bos_token_id": 1, "eos_token_id": 2}


def write(path: Path, pieces: list[Piece] | None = None, **changes: Any) -> Path:
    path.write_bytes(sentencepiece_model(pieces or sentencepiece_pieces(), **{"prefix": True} | changes))
    return path


def test_pieces_are_read_with_scores_and_types(tmp_path: Path) -> None:
    model = read_sentencepiece(write(tmp_path / "tokenizer.model"))
    assert model.space_prefix
    assert model.pieces[0].type is PieceType.UNKNOWN
    assert model.pieces[1].text == "<s>"
    assert model.pieces[3].type is PieceType.BYTE
    assert (model.pieces[260].text, model.pieces[260].score) == ("he", -1.0)
    assert not read_sentencepiece(write(tmp_path / "tokenizer.model", prefix=False)).space_prefix


def test_a_model_that_sentencepiece_trained_is_read() -> None:
    path = tokenizer_kinds.GOLDEN / "gemma.model"
    vocab = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["vocab"]
    model = read_sentencepiece(path)
    assert {piece.text: number for number, piece in enumerate(model.pieces)} == vocab
    assert not model.space_prefix
    assert model.pieces[vocab["<table>"]].type is PieceType.USER_DEFINED
    assert model.pieces[vocab["<start_of_turn>"]].type is PieceType.CONTROL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": 1}, "type unigram"),
        ({"model_type": 99}, r"type \?"),
        ({"extra": b"\x12\x03abc"}, "normalizes characters"),
        ({"extra": b"\x20\x01"}, "removes repeated blanks"),
    ],
)
def test_models_that_llama_cpp_cannot_do_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        read_sentencepiece(write(tmp_path / "tokenizer.model", **changes))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\x05abc", "ends inside a field"),
        (b"\x0a" + b"\xff" * 12, "a number does not end"),
        (b"\x0b", "wire type 3"),
        (b"\x08\x01", "a number where bytes belong"),
        (b"\x0a\x03\x0a\x01\xff", "not UTF-8"),
        (b"\x0a\x02\x18\x09", "unknown type"),
        (b"\x0a\x05\x15\x00\x00\xc0\x7f", "no finite number"),
        (b"\x0a\x00" * 300_001, "more than 300000 pieces"),
        (b"", "empty"),
    ],
)
def test_forged_models_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "tokenizer.model").write_bytes(data)
    with pytest.raises(InvalidFile, match=words):
        read_sentencepiece(tmp_path / "tokenizer.model")


def read(folder: Path, kind: str = "llama-2", *, with_model: bool = False, change: Any = None) -> Tokenizer:
    chosen = tokenizer_kinds.KINDS[kind]
    chosen.write(folder, with_model=with_model)
    if change is not None:
        document = copy.deepcopy(chosen.tokenizer_json())
        change(document)
        checkpoints.write_json(folder / "tokenizer.json", document)
    return read_tokenizer(folder, CONFIG, chosen.size() + 2)


def test_a_vocabulary_is_the_same_from_each_of_its_files(tmp_path: Path) -> None:
    both, alone = read(tmp_path, with_model=True), read(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    tokenizer_kinds.KINDS["llama-2"].write(tmp_path, with_json=False)
    model = read_tokenizer(tmp_path, CONFIG, len(both.tokens))
    assert both.tokens == alone.tokens == model.tokens
    assert both.kinds == alone.kinds == model.kinds
    assert both.vocabulary.scores == model.vocabulary.scores
    assert both.special == model.special == {"bos": 1, "eos": 2}
    assert both.space_prefix and alone.space_prefix and model.space_prefix
    assert both.tokens[-1] == f"[PAD{len(both.tokens) - 1}]"
    assert both.kinds[-1] == TokenType.UNUSED


def test_user_defined_blanks_are_written_as_blanks(tmp_path: Path) -> None:
    tokenizer = read(tmp_path, "gemma", with_model=True)
    number = tokenizer.tokens.index("  ")
    assert tokenizer.kinds[number] == TokenType.USER_DEFINED
    assert tokenizer.space_prefix is False
    assert tokenizer.added == {"bos": True, "eos": False}


@pytest.mark.parametrize("with_model", [False, True])
def test_a_byte_may_stand_for_itself_as_the_tab_does_in_gemma(tmp_path: Path, with_model: bool) -> None:
    def rename(document: dict[str, Any]) -> None:
        vocab = document["model"]["vocab"]
        vocab["\v"] = vocab.pop("<0x0B>")

    assert read(tmp_path, "gemma", with_model=with_model, change=rename).tokens


def test_added_tokens_come_from_the_old_file_where_there_is_no_other(tmp_path: Path) -> None:
    write(tmp_path / "tokenizer.model")
    checkpoints.write_json(tmp_path / "added_tokens.json", {"<extra>": 300, "<beyond>": 999})
    tokenizer = read_tokenizer(tmp_path, CONFIG, 310)
    assert tokenizer.tokens[300] == "<extra>"
    assert tokenizer.kinds[300] == TokenType.USER_DEFINED
    assert "<beyond>" not in tokenizer.tokens


def test_blanks_behind_special_tokens_are_swallowed_by_the_name_of_phi_3(tmp_path: Path) -> None:
    phi, llama = read(tmp_path, "phi-3"), read(tmp_path, "llama-2")
    assert phi.model_name("mine") == "Phi-3 mine"
    assert phi.model_name("my-Phi-3-mini") == "my-Phi-3-mini"
    assert llama.model_name("mine") == "mine"
    assert llama.model_name("my-Phi-3-mini") == "my-phi 3-mini"


Change = Callable[[dict[str, Any]], object]


def metaspace(*scheme: object, **changes: object) -> dict[str, object]:
    """Metaspace with this prepend_scheme; without one where none is given."""
    step = {"type": "Metaspace", "replacement": "▁", "split": False, **changes}
    return step | {"prepend_scheme": scheme[0]} if scheme else step


@pytest.mark.parametrize("step", [metaspace("first"), metaspace("never"), metaspace(add_prefix_space=False)])
def test_a_blank_before_the_first_text_alone_is_left_out_as_chats_never_have_one(
    tmp_path: Path, step: dict[str, object]
) -> None:
    tokenizer = read(tmp_path, change=lambda d: d.update(normalizer=None, pre_tokenizer=step))
    assert tokenizer.space_prefix is False
    assert tokenizer.metadata()["tokenizer.ggml.add_space_prefix"] == gguf_values.boolean(False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["model"]["vocab"].pop("<0xC3>"), "without a token for each byte"),
        (lambda d: d["model"].update(ignore_merges=True), "ignore_merges"),
        (lambda d: d["model"]["merges"].pop(40), "not those of a SentencePiece model"),
        (lambda d: d.update(normalizer={"type": "NFKC"}), "a normalizer with the step .*NFKC"),
        (lambda d: d.update(normalizer=None), "does not write blanks"),
        (lambda d: d.update(pre_tokenizer={"type": "Whitespace"}), "a pre-tokenizer with the step .*Whitespace"),
        (lambda d: d.update(pre_tokenizer=tokenizer_kinds._METASPACE | {"split": True}), "Metaspace"),
        (lambda d: d.update(pre_tokenizer=metaspace("always")), "prepend_scheme 'always'.*known: first and never"),
        (lambda d: d.update(pre_tokenizer=metaspace()), "prepend_scheme 'always'"),  # what saying nothing means
        (lambda d: d.update(pre_tokenizer=metaspace([])), "prepend_scheme"),
        (lambda d: d["post_processor"]["single"].insert(0, {"SpecialToken": {"id": "</s>"}}), "around a text"),
        (lambda d: d["post_processor"]["single"].append({"SpecialToken": {"id": "<unk>"}}), "not the eos token"),
        (lambda d: d["post_processor"]["single"].append({"Sequence": {"id": "B"}}), "a post-processor with the step"),
        (lambda d: d["post_processor"]["single"][0]["SpecialToken"].update(id="<x>"), "not in the vocabulary"),
        (lambda d: d["added_tokens"][0].update(lstrip=True), "'<unk>' swallows blanks"),
        (lambda d: d["added_tokens"][2].update(rstrip=True), "'</s>' swallows the blanks behind it"),
    ],
)
def test_what_llama_cpp_could_not_do_is_refused_by_name(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        read(tmp_path, change=change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["model"]["merges"].append(["q", "zz"]), "not in the vocabulary"),
        (lambda d: d["model"]["vocab"].update({"[PAD701]": 5000}), "cannot have the id 5000"),
        (lambda d: d["added_tokens"].append({"id": 5, "content": "▁the"}), "cannot have the id 5"),
        (lambda d: d["added_tokens"].append({"id": -5, "content": "x"}), "broken JSON"),
        (lambda d: d["added_tokens"].append({"id": 700, "content": "[PAD701]"}), "are alike"),
    ],
)
def test_a_broken_tokenizer_is_refused(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        read(tmp_path, change=change)


def test_files_that_disagree_are_refused(tmp_path: Path) -> None:
    read(tmp_path, with_model=True)
    write(tmp_path / "tokenizer.model")
    with pytest.raises(LocomanError, match="disagree"):
        read_tokenizer(tmp_path, CONFIG, 702)


def test_an_architecture_takes_its_own_kinds_of_tokenizers_only(tmp_path: Path) -> None:
    family = families.FAMILIES["mistral"]
    families.write_checkpoint(family, tmp_path)
    with pytest.raises(Unsupported, match="a sentencepiece tokenizer, which this architecture never has"):
        read_tokenizer(tmp_path, CONFIG, families.VOCABULARY, ("byte-level-bpe",))
