"""The files beside a checkpoint that describe its tokenizer, read as they are: tokenizer.json and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from locoman.documents import read_text
from locoman.errors import InvalidFile
from locoman.weights.files import parse_json, read_json

MAX_TOKENIZER_BYTES = 64 << 20
MAX_CONFIG_BYTES = 8 << 20
MAX_TEMPLATE_BYTES = 1 << 20

_Id = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]


class AddedToken(msgspec.Struct, frozen=True):
    """A token matched in the text before anything else; `lstrip` and `rstrip` swallow the blanks around it."""

    id: _Id
    content: str
    special: bool = False
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


class BpeModel(msgspec.Struct, frozen=True):
    """The "model" of a tokenizer.json of type BPE."""

    vocab: dict[str, int]
    merges: list[str | tuple[str, str]]
    unk_token: str | None = None
    ignore_merges: bool = False
    byte_fallback: bool = False

    def pairs(self) -> list[tuple[str, str]]:
        """The merges as pairs; older files write them with a blank between."""
        split = (merge.partition(" ") if isinstance(merge, str) else (merge[0], "", merge[1]) for merge in self.merges)
        return [(left, right) for left, _, right in split]


class TokenizerJson(msgspec.Struct, frozen=True):
    """A tokenizer.json, its model still unread."""

    model: msgspec.Raw
    added_tokens: list[AddedToken] = []
    normalizer: dict[str, Any] | None = None
    pre_tokenizer: dict[str, Any] | None = None
    post_processor: dict[str, Any] | None = None


class _Kind(msgspec.Struct, frozen=True):
    type: str | None = None


class _Decoded(msgspec.Struct, frozen=True):
    content: str
    special: bool = False
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """What a folder says of its tokenizer. `document` is its tokenizer.json, `sentencepiece` its tokenizer.model, if any."""

    folder: Path
    document: TokenizerJson | None
    sentencepiece: Path | None
    settings: Mapping[str, Any]
    """tokenizer_config.json, or nothing."""

    @property
    def path(self) -> Path:
        """The file that errors name."""
        return self.folder / ("tokenizer.json" if self.document or not self.sentencepiece else "tokenizer.model")

    @property
    def settings_path(self) -> Path:
        return self.folder / "tokenizer_config.json"

    def model_type(self) -> str:
        """The type of the model in tokenizer.json ("" without one)."""
        return parse_json(self.document.model, self.path, _Kind).type or "BPE" if self.document else ""

    def model(self) -> BpeModel | None:
        """The model in tokenizer.json, which must be of type BPE. Raises InvalidFile."""
        return parse_json(self.document.model, self.path, BpeModel) if self.document else None

    def added_tokens(self) -> list[AddedToken]:
        """From tokenizer.json, else tokenizer_config.json, else added_tokens.json. Raises InvalidFile, StoreError."""
        if self.document:
            return self.document.added_tokens
        decoder = self.settings.get("added_tokens_decoder")
        if decoder is not None:
            described = parse_json(msgspec.json.encode(decoder), self.settings_path, dict[_Id, _Decoded])
            return [AddedToken(number, **msgspec.structs.asdict(token)) for number, token in described.items()]
        path = self.folder / "added_tokens.json"
        if not path.exists():
            return []
        return [AddedToken(number, text) for text, number in read_json(path, dict[str, _Id], MAX_CONFIG_BYTES).items()]


def open_tokenizer_files(folder: Path) -> TokenizerFiles:
    """Raises InvalidFile (no tokenizer, or a broken one), StoreError."""
    path, sentencepiece, settings = (
        folder / name for name in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")
    )
    has_sentencepiece = sentencepiece.exists()
    document = None
    if path.exists() or not has_sentencepiece:
        document = read_json(path, TokenizerJson, MAX_TOKENIZER_BYTES)
    return TokenizerFiles(
        folder,
        document,
        sentencepiece if has_sentencepiece else None,
        read_json(settings, dict[str, Any], MAX_CONFIG_BYTES) if settings.exists() else {},
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
