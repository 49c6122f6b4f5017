"""Turns a Hugging Face tokenizer (byte-level BPE or SentencePiece) into the metadata that llama.cpp reads.

What llama.cpp would do otherwise than transformers is refused by name, with three exceptions that change few texts. It
does not normalize Unicode (NFC). For the kind "tekken" it does not count combining marks as parts of a word. And where a
tokenizer.json asks for a blank before the first text of a prompt only (Metaspace, "first"), it gets none, which is right
for chats: they begin with a special token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.errors import Unsupported
from locoman.weights import gguf_values
from locoman.weights.architecture import TokenizerKind
from locoman.weights.gguf_values import Packed
from locoman.weights.pretokenizers import check_pretokenizer, find_pretokenizer
from locoman.weights.sentencepiece import read_sentencepiece
from locoman.weights.tokenizer_files import (
    AddedToken,
    BpeModel,
    TokenizerFiles,
    open_tokenizer_files,
    read_chat_template,
)
from locoman.weights.tokenizer_pipeline import added_around, check_blanks, check_normalizer, strips_blanks
from locoman.weights.vocabulary import (
    Vocabulary,
    byte_level_vocabulary,
    merged_vocabulary,
    sentencepiece_vocabulary,
    special_ids,
)

_ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "sep": "seperator", "pad": "padding", "mask": "mask"}
"""Special tokens of tokenizer_config.json and what GGUF calls them (its spelling)."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A tokenizer as GGUF holds it: `tokens` in the order of their ids, `kinds` from gguf's TokenType."""

    kind: TokenizerKind
    pretokenizer: str
    vocabulary: Vocabulary
    special: Mapping[str, int]
    """Role of GGUF ("eos", "padding", ...) -> token id."""
    added: Mapping[str, bool]
    """"bos" and "eos" -> whether it is put around every prompt, where the files say so."""
    chat_template: str | None
    space_prefix: bool | None = None
    """Whether a blank is put before each text between special tokens; None for byte-level BPE, which never does."""
    strips_blanks: bool = False
    """Whether special tokens swallow the blanks behind them, as in Phi-3; llama.cpp goes by the model's name."""

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.vocabulary.tokens

    @property
    def kinds(self) -> tuple[int, ...]:
        return self.vocabulary.kinds

    @property
    def merges(self) -> tuple[str, ...]:
        return self.vocabulary.merges

    def metadata(self) -> dict[str, Packed]:
        """The GGUF entries under "tokenizer."."""
        entries = {
            "tokenizer.ggml.model": gguf_values.text("gpt2" if self.kind == "byte-level-bpe" else "llama"),
            "tokenizer.ggml.pre": gguf_values.text(self.pretokenizer),
            "tokenizer.ggml.tokens": gguf_values.texts(self.tokens),
        }
        if self.kind == "sentencepiece":
            entries["tokenizer.ggml.scores"] = gguf_values.f32s(self.vocabulary.scores)
        entries["tokenizer.ggml.token_type"] = gguf_values.i32s(self.kinds)
        if self.kind == "byte-level-bpe":
            entries["tokenizer.ggml.merges"] = gguf_values.texts(self.merges)
        for role, number in self.special.items():
            entries[f"tokenizer.ggml.{role}_token_id"] = gguf_values.u32(number)
        for role, flag in self.added.items():
            entries[f"tokenizer.ggml.add_{role}_token"] = gguf_values.boolean(flag)
        if self.space_prefix is not None:
            entries["tokenizer.ggml.add_space_prefix"] = gguf_values.boolean(self.space_prefix)
        if self.chat_template:
            entries["tokenizer.chat_template"] = gguf_values.text(self.chat_template)
        return entries

    def model_name(self, name: str) -> str:
        """`name`, changed where llama.cpp would take a wrong word in it for an order to swallow blanks, or miss it."""
        says_phi3 = any(word in name.lower() for word in ("phi-3", "phi3"))
        if self.strips_blanks and not says_phi3:
            return f"Phi-3 {name}"
        if says_phi3 and not self.strips_blanks:
            return name.lower().replace("phi-3", "phi 3").replace("phi3", "phi 3")
        return name


def read_tokenizer(
    folder: Path,
    config: Mapping[str, Any],
    vocabulary: int,
    kinds: Sequence[TokenizerKind] = ("byte-level-bpe", "sentencepiece"),
    pre: str | None = None,
) -> Tokenizer:
    """The tokenizer in `folder`, filled up to `vocabulary` ids; `config` is the model's config.json.

    `kinds` are those that the architecture may have; `pre` is llama.cpp's name of the pre-tokenizer, where the one that
    tokenizer.json describes is not to be looked for. Raises InvalidFile, Unsupported (another kind of tokenizer, or a
    pre-tokenizer that llama.cpp does not know), UnknownName (`pre`), StoreError.
    """
    if pre is not None:
        check_pretokenizer(pre)
    files = open_tokenizer_files(folder)
    if files.document and (kind := files.model_type()) != "BPE":
        raise Unsupported(files.path, f"a tokenizer of type {kind[:40]} (known: BPE)")
    model = files.model()
    found: TokenizerKind = "sentencepiece" if model is None or model.byte_fallback else "byte-level-bpe"
    if found not in kinds:
        raise Unsupported(files.path, f"a {found} tokenizer, which this architecture never has")
    added = files.added_tokens()
    space_prefix = None
    if model is not None and found == "byte-level-bpe":
        check_normalizer(files)
        document = files.document
        name = pre or find_pretokenizer(document.pre_tokenizer if document else None, model.ignore_merges, files.path)
        tokens = byte_level_vocabulary(model, added, vocabulary, files.path)
    else:
        name = pre or "default"
        tokens, space_prefix = _read_sentencepiece(files, model, added, vocabulary)
    ids = {text: number for number, text in enumerate(tokens.tokens)}
    named = {token.content: token.id for token in added} if files.document else ids
    special = special_ids(_ROLES, files.settings, config, named, vocabulary, files.settings_path)
    return Tokenizer(
        found,
        name,
        tokens,
        special,
        added_around(files, special, ids),
        read_chat_template(folder, files.settings),
        space_prefix,
        strips_blanks([token for token in added if token.id < vocabulary], files.path),
    )


def _read_sentencepiece(
    files: TokenizerFiles, model: BpeModel | None, added: list[AddedToken], size: int
) -> tuple[Vocabulary, bool]:
    """The vocabulary, and whether a blank is put before texts."""
    if model and model.ignore_merges:
        raise Unsupported(files.path, "ignore_merges, which llama.cpp does not know for SentencePiece")
    space_prefix = check_blanks(files) if model else None
    if files.sentencepiece is None:
        if model is None:
            raise ValueError("neither tokenizer.json nor tokenizer.model")
        return merged_vocabulary(model, added, size, files.path), bool(space_prefix)
    pieces = read_sentencepiece(files.sentencepiece)
    if space_prefix is None:
        space_prefix = pieces.space_prefix
    return sentencepiece_vocabulary(pieces, model, added, size, files.sentencepiece), space_prefix
