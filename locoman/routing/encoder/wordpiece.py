"""WordPiece as BERT's uncased models use it: what Hugging Face's `tokenizers` makes of BertNormalizer, BertPreTokenizer
and WordPiece, without special tokens in the text ("[SEP]" is brackets and a word there, so that no question can write one).

That library is fast and well kept, but brings a client of the model hub with it; a question takes this one some 50 us.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

from locoman.errors import InvalidFile

MAX_TOKENS = 128  # with [CLS] and [SEP], as the model was trained
MAX_WORD = 100  # a longer word is unknown

_CHINESE = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF),
            (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))  # fmt: skip
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class WordPiece:
    """Turns text into token numbers. Made from the lines of vocab.txt."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Raises ValueError when a special token is missing."""
        self._number = {token: number for number, token in enumerate(vocabulary)}
        self._cls, self._sep, self._unknown = (self._number.get(name, -1) for name in ("[CLS]", "[SEP]", "[UNK]"))
        if min(self._cls, self._sep, self._unknown) < 0:
            raise ValueError("a vocabulary without [CLS], [SEP] or [UNK]")
        self._pieces = functools.lru_cache(maxsize=4096)(self._split)

    def encode(self, text: str) -> list[int]:
        """[CLS], the text's tokens, [SEP]; at most MAX_TOKENS, cut at the end."""
        numbers = [self._cls]
        for word in words(text):
            numbers += self._pieces(word)
            if len(numbers) >= MAX_TOKENS:
                break
        return [*numbers[: MAX_TOKENS - 1], self._sep]

    def _split(self, word: str) -> tuple[int, ...]:
        """The longest known piece, then the longest known continuation, and so on; unknown if that ends nowhere."""
        if len(word) > MAX_WORD:
            return (self._unknown,)
        found, start, mark = [], 0, ""
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._number.get(mark + word[start:end])
                if number is not None:
                    break
            else:
                return (self._unknown,)
            found.append(number)
            start, mark = end, "##"
        return tuple(found)


def words(text: str) -> list[str]:
    """Lower-case words without accents; every punctuation mark and every Chinese character is a word of its own."""
    folded = unicodedata.normalize("NFD", "".join(_cleaned(character) for character in text))
    spaced = "".join(_spaced(character) for character in folded)
    return spaced.split()


@functools.lru_cache(maxsize=4096)
def _cleaned(character: str) -> str:
    """Control characters vanish; every kind of blank becomes a space, and Chinese characters stand alone."""
    if character in "\t\n\r" or character.isspace():
        return " "
    if character in "\0\ufffd" or unicodedata.category(character)[0] == "C":
        return ""
    chinese = any(first <= ord(character) <= last for first, last in _CHINESE)
    return f" {character} " if chinese else character


@functools.lru_cache(maxsize=4096)
def _spaced(character: str) -> str:
    """Accents vanish, letters become small, punctuation stands alone."""
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    if character in _ASCII_PUNCTUATION or category[0] == "P":
        return f" {character} "
    return "".join(map(str.lower, character))


def read_vocabulary(text: str, path: object) -> WordPiece:
    """The tokenizer of a vocab.txt. Raises InvalidFile."""
    try:
        return WordPiece(text.split("\n"))
    except ValueError as error:
        raise InvalidFile(path, str(error)) from error  # type: ignore[arg-type]
