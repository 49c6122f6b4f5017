"""Finds llama.cpp's name for the way a byte-level tokenizer.json cuts text, by its regular expressions."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from locoman.documents import read_toml
from locoman.errors import UnknownName, Unsupported

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What the step ByteLevel cuts by when it is asked to (tokenizers, pre_tokenizers/byte_level.rs)."""

_PUNCTUATION = r"[\p{P}\$\+<=>\^~\|`]+"
_CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_COVERING = "|\\s+"
"""A pattern that ends so leaves nothing over, so that keeping the matches alone is the same as splitting by them."""


class PreTokenizer(msgspec.Struct, frozen=True):
    """A name of llama.cpp's, other names that cut the same way, and the patterns of tokenizer.json that mean it."""

    name: str
    aliases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    ignore_merges: bool = False


class _PreTokenizers(msgspec.Struct, frozen=True):
    pretokenizers: tuple[PreTokenizer, ...]


@cache
def known_pretokenizers() -> tuple[PreTokenizer, ...]:
    """The table of this package."""
    return read_toml(Path(__file__).with_name("pretokenizers.toml"), _PreTokenizers).pretokenizers


def check_pretokenizer(name: str) -> str:
    """`name`, when llama.cpp knows it. Raises UnknownName."""
    names = [known for entry in known_pretokenizers() for known in (entry.name, *entry.aliases)]
    if name not in names:
        raise UnknownName("pre-tokenizer", name, get_close_matches(name, names, 3))
    return name


def find_pretokenizer(tree: Mapping[str, Any] | None, ignore_merges: bool, path: Path) -> str:
    """llama.cpp's name for the "pre_tokenizer" of the tokenizer.json at `path`.

    `ignore_merges` is that of the tokenizer's model. Raises Unsupported, which names the patterns that nobody knows.
    """
    steps = tree.get("pretokenizers") if tree and tree.get("type") == "Sequence" else [tree]
    steps = steps if isinstance(steps, list) else [steps]
    found = [_pattern_of(step, path) for step in steps]
    patterns = tuple(_common_form(pattern) for pattern in found if pattern is not None)
    last = steps[-1] if steps else None
    if isinstance(last, dict) and (last.get("type") == "ByteLevel" or _is_byte_level_before_digits(steps)):
        matches = [entry for entry in known_pretokenizers() if patterns and entry.patterns == patterns]
        for entry in matches:
            if entry.ignore_merges == ignore_merges:
                return entry.name
        if matches:
            raise Unsupported(path, f"ignore_merges differs from what llama.cpp does for {matches[0].name}")
    raise Unsupported(path, f"the pre-tokenizer is not one that llama.cpp knows; it splits by {list(patterns)!r:.400}")


def _is_byte_level_before_digits(steps: list[Any]) -> bool:
    """Falcon cuts digits after ByteLevel, which leaves digits as they are."""
    return any(isinstance(step, dict) and step.get("type") == "ByteLevel" for step in steps)


def _pattern_of(step: Any, path: Path) -> str | None:
    """The pattern that a step splits by; None for one that does not split."""
    match step:
        case {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Isolated", "invert": False}:
            return regex
        case {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Removed", "invert": True} if (
            regex.endswith(_COVERING)
        ):
            return regex
        case {"type": "Digits", "individual_digits": bool(single)}:
            return r"\p{N}" if single else r"\p{N}+"
        case {"type": "Punctuation", "behavior": "Contiguous"}:
            return _PUNCTUATION
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}:
            return None
        case {"type": "ByteLevel", "add_prefix_space": False}:
            return _GPT2
    raise Unsupported(path, f"a pre-tokenizer with the step {str(step)[:200]}")


def _common_form(pattern: str) -> str:
    """Different ways to write the same pattern are one."""
    return pattern.replace("\r", "\\r").replace("\n", "\\n").replace(*_CONTRACTIONS)
