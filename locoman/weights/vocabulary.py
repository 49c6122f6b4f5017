"""The list of tokens that GGUF holds: texts, kinds and scores by id, and the merges, from either kind of tokenizer.

Follows llama.cpp's conversion (conversion/base.py). A SentencePiece vocabulary found in a tokenizer.json alone gets its
scores from the merges: llama.cpp merges by score, Hugging Face by rank.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gguf.constants import TokenType

from locoman.errors import InvalidFile, Unsupported
from locoman.weights.sentencepiece import PieceType, SentencePieceModel
from locoman.weights.tokenizer_files import AddedToken, BpeModel

MAX_TOKENS = 1 << 22
MAX_MERGED_CHARACTERS = 512
BLANK = "\N{LOWER ONE EIGHTH BLOCK}"
"""What SentencePiece writes for a blank."""

_MERGE_SPACE = "Ġ"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_LOOKS_SPECIAL = re.compile(r"<\|.*\|>|<｜.*｜>|<unused.*>|<pad>|<mask>|<2mass>|\[@BOS@\]", re.DOTALL)
_PADDING_SCORE, _ADDED_SCORE = -10_000.0, -1000.0
_ASCII = 128
_KINDS = {
    PieceType.NORMAL: TokenType.NORMAL,
    PieceType.UNKNOWN: TokenType.UNKNOWN,
    PieceType.CONTROL: TokenType.CONTROL,
    PieceType.USER_DEFINED: TokenType.USER_DEFINED,
    PieceType.UNUSED: TokenType.UNUSED,
    PieceType.BYTE: TokenType.BYTE,
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`tokens`, `kinds` (gguf's TokenType) and `scores` by id; byte-level vocabularies have merges instead of scores."""

    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    scores: tuple[float, ...] = ()
    merges: tuple[str, ...] = ()


@dataclass(slots=True)
class _Listing:
    """Ids from 0 to `size` - 1, filled one by one; what stays free becomes unused padding."""

    size: int
    path: Path
    tokens: list[str | None] = field(init=False)
    kinds: list[int] = field(init=False)
    scores: list[float] = field(init=False)

    def __post_init__(self) -> None:
        if self.size > MAX_TOKENS:
            raise InvalidFile(self.path, f"a vocabulary of {self.size} tokens")
        self.tokens = [None] * self.size
        self.kinds = [int(TokenType.UNUSED)] * self.size
        self.scores = [_PADDING_SCORE] * self.size

    def put(self, number: int, text: str, kind: TokenType, score: float = 0.0) -> None:
        if not 0 <= number < self.size or self.tokens[number] is not None or not text:
            raise InvalidFile(self.path, f"the token {text[:40]!r} cannot have the id {number}")
        self.tokens[number], self.kinds[number], self.scores[number] = text, int(kind), score

    def add(self, added: Iterable[AddedToken]) -> None:
        """Puts added tokens over what the model's own vocabulary says of their ids.

        One whose id the model has no row for can never be used, and is left out.
        """
        numbers = {text: number for number, text in enumerate(self.tokens) if text is not None}
        for token in added:
            if token.id >= self.size:
                continue
            if numbers.get(token.content, token.id) != token.id or not token.content:
                raise InvalidFile(self.path, f"the token {token.content[:40]!r} cannot have the id {token.id}")
            numbers[token.content] = token.id
            control = token.special or _LOOKS_SPECIAL.fullmatch(token.content)
            self.tokens[token.id] = token.content if control else token.content.replace(BLANK, " ")
            self.kinds[token.id] = int(TokenType.CONTROL if control else TokenType.USER_DEFINED)
            self.scores[token.id] = _ADDED_SCORE

    def texts(self) -> tuple[str, ...]:
        """All tokens; llama.cpp ends the process when two are alike."""
        texts = tuple(f"[PAD{number}]" if text is None else text for number, text in enumerate(self.tokens))
        if len(set(texts)) != len(texts):
            raise InvalidFile(self.path, "two tokens of the vocabulary are alike")
        return texts


def byte_level_vocabulary(model: BpeModel, added: Iterable[AddedToken], size: int, path: Path) -> Vocabulary:
    """Of a byte-level tokenizer.json, filled up to `size` ids. Raises InvalidFile."""
    listing = _Listing(size, path)
    for text, number in model.vocab.items():
        listing.put(number, text, TokenType.NORMAL)
    listing.add(added)
    merges: list[str] = []
    for left, right in model.pairs():
        if left not in model.vocab or right not in model.vocab or left + right not in model.vocab:
            raise InvalidFile(path, f"the merge of {left[:40]!r} and {right[:40]!r} is not in the vocabulary")
        merges.append(f"{left.replace(' ', _MERGE_SPACE)} {right.replace(' ', _MERGE_SPACE)}")
    return Vocabulary(listing.texts(), tuple(listing.kinds), merges=tuple(merges))


def sentencepiece_vocabulary(
    pieces: SentencePieceModel, model: BpeModel | None, added: Collection[AddedToken], size: int, path: Path
) -> Vocabulary:
    """Of a tokenizer.model, with which the tokenizer.json (`model`) beside it must agree. Raises InvalidFile, Unsupported."""
    listing = _Listing(size, path)
    overruled = {token.id for token in added}
    for number, piece in enumerate(pieces.pieces[:size]):
        missing = number if piece.type is PieceType.BYTE else None  # Gemma's tokenizer.json has a tab for <0x09>
        if model and number not in overruled and model.vocab.get(piece.text, missing) != number:
            raise InvalidFile(path, f"tokenizer.model and tokenizer.json disagree on {piece.text[:40]!r}")
        kind = _KINDS[piece.type]
        if kind is TokenType.USER_DEFINED and model:  # tokenizer.json lists those that count
            kind = TokenType.NORMAL
        text = piece.text.replace(BLANK, " ") if kind is TokenType.USER_DEFINED else piece.text
        listing.put(number, text, kind, piece.score)
    listing.add(added)
    return _with_scores(listing)


def merged_vocabulary(model: BpeModel, added: Collection[AddedToken], size: int, path: Path) -> Vocabulary:
    """Of a tokenizer.json that was made from a SentencePiece model. Raises InvalidFile, Unsupported."""
    listing = _Listing(size, path)
    scores = _scores_from_merges(model, {token.content for token in added}, path)
    for text, number in model.vocab.items():
        kind = TokenType.BYTE if _BYTE.fullmatch(text) else TokenType.NORMAL
        if text == model.unk_token:
            kind = TokenType.UNKNOWN
        listing.put(number, text, kind, scores.get(text, 0.0))
    listing.add(added)
    return _with_scores(listing)


def _with_scores(listing: _Listing) -> Vocabulary:
    """Raises Unsupported when a byte has no token: llama.cpp gives up on a text that holds one."""
    tokens = {*listing.tokens}
    if not all(f"<0x{byte:02X}>" in tokens or (byte < _ASCII and chr(byte) in tokens) for byte in range(256)):
        raise Unsupported(listing.path, "a SentencePiece vocabulary without a token for each byte")
    return Vocabulary(listing.texts(), tuple(listing.kinds), tuple(listing.scores))


def _scores_from_merges(model: BpeModel, added: Container[str], path: Path) -> dict[str, float]:
    """A score for each merged token: less the rank of its first merge.

    llama.cpp merges any two neighbours whose text is a token, so all ways to put a token together must be listed; not so
    for `added` tokens, which are found before.
    """
    ranks: dict[str, int] = {}
    ways: dict[str, int] = {}
    for rank, (left, right) in enumerate(model.pairs()):
        text = left + right
        if left not in model.vocab or right not in model.vocab or text not in model.vocab:
            raise InvalidFile(path, f"the merge of {left[:40]!r} and {right[:40]!r} is not in the vocabulary")
        ranks.setdefault(text, rank)
        ways[text] = ways.get(text, 0) + 1
    for text in model.vocab:
        if len(text) > MAX_MERGED_CHARACTERS:
            raise Unsupported(path, f"a token of {len(text)} characters")
        possible = sum(text[:cut] in model.vocab and text[cut:] in model.vocab for cut in range(1, len(text)))
        if possible != ways.get(text, 0) and text not in added:
            raise Unsupported(path, f"the merges of {text[:40]!r} are not those of a SentencePiece model")
    return {text: float(-rank) for text, rank in ranks.items()}


def special_ids(
    roles: Mapping[str, str],
    settings: Mapping[str, Any],
    config: Mapping[str, Any],
    ids: Mapping[str, int],
    size: int,
    path: Path,
) -> dict[str, int]:
    """Role of GGUF -> token id: the token that tokenizer_config.json names (by `ids`), else the id in config.json."""
    special: dict[str, int] = {}
    for name, role in roles.items():
        entry = settings.get(f"{name}_token")
        text = entry.get("content") if isinstance(entry, dict) else entry
        number = ids.get(text) if isinstance(text, str) else None
        if number is None:
            number = config.get(f"{name}_token_id")
        if isinstance(number, int) and not isinstance(number, bool):
            if not 0 <= number < size:
                raise InvalidFile(path, f"the {name} token has the id {number}, which is not in the vocabulary")
            special[role] = number
    return special
