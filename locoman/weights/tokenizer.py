"""Turns a Hugging Face byte-level BPE tokenizer into the metadata that llama.cpp reads.

Follows llama.cpp's conversion (conversion/base.py, gguf-py/gguf/vocab.py), except that the pre-tokenizer is found by
its regular expression, not by a hash of token ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from gguf.constants import TokenType

from locoman.documents import read_text, read_toml
from locoman.errors import InvalidFile, Unsupported
from locoman.weights import gguf_values
from locoman.weights.files import parse_json, read_json
from locoman.weights.gguf_values import Packed

MAX_TOKENIZER_BYTES = 64 << 20
MAX_CONFIG_BYTES = 8 << 20
MAX_TEMPLATE_BYTES = 1 << 20
MAX_TOKENS = 1 << 22
_MERGE_SPACE = "Ġ"
_ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "sep": "seperator", "pad": "padding", "mask": "mask"}
"""Special tokens of tokenizer_config.json and what GGUF calls them (its spelling)."""


class _AddedToken(msgspec.Struct, frozen=True):
    id: int
    content: str
    special: bool = False


class _Kind(msgspec.Struct, frozen=True):
    type: str | None = None


class _Bpe(msgspec.Struct, frozen=True):
    vocab: dict[str, int]
    merges: list[str | tuple[str, str]]
    ignore_merges: bool = False
    byte_fallback: bool = False


class _Document(msgspec.Struct, frozen=True):
    model: msgspec.Raw
    added_tokens: list[_AddedToken] = []
    pre_tokenizer: dict[str, Any] | None = None
    post_processor: dict[str, Any] | None = None


class _PreTokenizer(msgspec.Struct, frozen=True):
    name: str
    patterns: tuple[str, ...]
    ignore_merges: bool


class _PreTokenizers(msgspec.Struct, frozen=True):
    pretokenizers: tuple[_PreTokenizer, ...]


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A tokenizer as GGUF holds it: `tokens` in the order of their ids, `kinds` from gguf's TokenType."""

    pretokenizer: str
    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    special: Mapping[str, int]
    """Role of GGUF ("eos", "padding", ...) -> token id."""
    added: Mapping[str, bool]
    """"bos" and "eos" -> whether it is put around every prompt, where the files say so."""
    chat_template: str | None

    def metadata(self) -> dict[str, Packed]:
        """The GGUF entries under "tokenizer."."""
        entries = {
            "tokenizer.ggml.model": gguf_values.text("gpt2"),
            "tokenizer.ggml.pre": gguf_values.text(self.pretokenizer),
            "tokenizer.ggml.tokens": gguf_values.texts(self.tokens),
            "tokenizer.ggml.token_type": gguf_values.i32s(self.kinds),
            "tokenizer.ggml.merges": gguf_values.texts(self.merges),
        }
        for role, number in self.special.items():
            entries[f"tokenizer.ggml.{role}_token_id"] = gguf_values.u32(number)
        for role, flag in self.added.items():
            entries[f"tokenizer.ggml.add_{role}_token"] = gguf_values.boolean(flag)
        if self.chat_template:
            entries["tokenizer.chat_template"] = gguf_values.text(self.chat_template)
        return entries


def read_tokenizer(folder: Path, config: Mapping[str, Any], vocabulary: int) -> Tokenizer:
    """The tokenizer in `folder`, filled up to `vocabulary` ids; `config` is the model's config.json.

    Raises InvalidFile, Unsupported (not byte-level BPE, or a pre-tokenizer that llama.cpp does not know), StoreError.
    """
    path = folder / "tokenizer.json"
    document = read_json(path, _Document, MAX_TOKENIZER_BYTES)
    kind = parse_json(document.model, path, _Kind).type
    if kind not in ("BPE", None):
        raise Unsupported(path, f"a tokenizer of type {str(kind)[:40]} (known: byte-level BPE)")
    model = parse_json(document.model, path, _Bpe)
    if model.byte_fallback:
        raise Unsupported(path, "a BPE tokenizer with byte fallback (known: byte-level BPE)")
    pretokenizer = _find_pretokenizer(document.pre_tokenizer, path)
    if model.ignore_merges != pretokenizer.ignore_merges:
        raise Unsupported(path, f"ignore_merges differs from what llama.cpp does for {pretokenizer.name}")
    tokens, kinds = _list_tokens(model.vocab, document.added_tokens, vocabulary, path)
    settings_path = folder / "tokenizer_config.json"
    settings = read_json(settings_path, dict[str, Any], MAX_CONFIG_BYTES) if settings_path.exists() else {}
    return Tokenizer(
        pretokenizer.name,
        tokens,
        kinds,
        _list_merges(model, path),
        _special_ids(settings, config, document.added_tokens, vocabulary, settings_path),
        _added_around(document.post_processor, settings, path),
        read_chat_template(folder, settings),
    )


def read_chat_template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    """The jinja chat template: chat_template.jinja, else the one in tokenizer_config.json (`settings`), else None."""
    path = folder / "chat_template.jinja"
    if path.exists():
        return read_text(path, MAX_TEMPLATE_BYTES)
    template = settings.get("chat_template")
    if isinstance(template, list):  # named templates; the one for plain chat is called "default"
        named = [entry for entry in template if isinstance(entry, dict) and entry.get("name") == "default"]
        template = named[0].get("template") if named else None
    if template is not None and not isinstance(template, str):
        raise InvalidFile(folder / "tokenizer_config.json", "chat_template must be a text")
    return template


@cache
def _known_pretokenizers() -> tuple[_PreTokenizer, ...]:
    return read_toml(Path(__file__).with_name("pretokenizers.toml"), _PreTokenizers).pretokenizers


def _find_pretokenizer(tree: Mapping[str, Any] | None, path: Path) -> _PreTokenizer:
    steps = tree.get("pretokenizers") if tree and tree.get("type") == "Sequence" else [tree]
    patterns: list[str] = []
    byte_level = False
    for step in steps if isinstance(steps, list) else [steps]:
        match step:
            case {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Isolated", "invert": False}:
                patterns.append(regex)
            case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}:
                byte_level = True
            case _:
                raise Unsupported(path, f"a pre-tokenizer with the step {str(step)[:200]}")
    for known in _known_pretokenizers():
        if byte_level and tuple(patterns) == known.patterns:
            return known
    raise Unsupported(path, f"the pre-tokenizer is not one that llama.cpp knows; it splits by {patterns!r:.400}")


def _list_tokens(
    vocab: Mapping[str, int], added: list[_AddedToken], vocabulary: int, path: Path
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Texts and kinds of the ids 0 to `vocabulary` - 1; ids without a token become unused padding."""
    if vocabulary > MAX_TOKENS:
        raise InvalidFile(path, f"a vocabulary of {vocabulary} tokens")
    tokens: list[str | None] = [None] * vocabulary
    kinds = [int(TokenType.UNUSED)] * vocabulary
    numbered = [(text, number, TokenType.NORMAL) for text, number in vocab.items()]
    numbered += [(token.content, token.id, _kind_of(token)) for token in added]
    ids: dict[str, int] = {}
    for text, number, kind in numbered:
        free = 0 <= number < vocabulary and tokens[number] in (None, text) and ids.get(text, number) == number
        if not free:
            raise InvalidFile(path, f"the token {text[:40]!r} cannot have the id {number}")
        ids[text] = number
        tokens[number], kinds[number] = text, int(kind)
    return tuple(f"[PAD{number}]" if text is None else text for number, text in enumerate(tokens)), tuple(kinds)


def _kind_of(token: _AddedToken) -> TokenType:
    looks_special = token.content.startswith("<|") and token.content.endswith("|>")
    return TokenType.CONTROL if token.special or looks_special else TokenType.USER_DEFINED


def _list_merges(model: _Bpe, path: Path) -> tuple[str, ...]:
    merges: list[str] = []
    for merge in model.merges:
        left, _, right = merge.partition(" ") if isinstance(merge, str) else (merge[0], "", merge[1])
        if left not in model.vocab or right not in model.vocab or left + right not in model.vocab:
            raise InvalidFile(path, f"the merge of {left[:40]!r} and {right[:40]!r} is not in the vocabulary")
        merges.append(f"{left.replace(' ', _MERGE_SPACE)} {right.replace(' ', _MERGE_SPACE)}")
    return tuple(merges)


def _special_ids(
    settings: Mapping[str, Any], config: Mapping[str, Any], added: list[_AddedToken], vocabulary: int, path: Path
) -> dict[str, int]:
    ids = {token.content: token.id for token in added}
    special: dict[str, int] = {}
    for name, role in _ROLES.items():
        entry = settings.get(f"{name}_token")
        text = entry.get("content") if isinstance(entry, dict) else entry
        number = ids.get(text) if isinstance(text, str) else None
        if number is None:
            number = config.get(f"{name}_token_id")
        if isinstance(number, int) and not isinstance(number, bool):
            if not 0 <= number < vocabulary:
                raise InvalidFile(path, f"the {name} token has the id {number}, which is not in the vocabulary")
            special[role] = number
    return special


def _added_around(post_processor: Mapping[str, Any] | None, settings: Mapping[str, Any], path: Path) -> dict[str, bool]:
    """Which special tokens go around a prompt: what the post-processor does, else what tokenizer_config.json says."""
    around: dict[str, bool] = {}
    if post_processor is not None:
        if (kind := post_processor.get("type")) != "ByteLevel":
            raise Unsupported(path, f"a post-processor of type {str(kind)[:40]} (known: ByteLevel)")
        around = {"bos": False, "eos": False}
    for role in ("bos", "eos"):
        flag = settings.get(f"add_{role}_token")
        if isinstance(flag, bool):
            around.setdefault(role, flag)
    return around
