"""What a tokenizer.json does to a text before and after its model: as far as llama.cpp does the same, else refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from locoman.errors import Unsupported
from locoman.weights.tokenizer_files import AddedToken, TokenizerFiles
from locoman.weights.vocabulary import BLANK

_KEEPS_BLANKS = {"<unk>", "<s>", "<|endoftext|>"}
_PHI3_TOKENS = {*_KEEPS_BLANKS, "</s>"}
"""llama.cpp swallows the blanks behind all special tokens but the first set, for models with a name like Phi-3's."""


def check_normalizer(files: TokenizerFiles) -> None:
    """Raises Unsupported for a normalizer that changes texts in other ways than NFC."""
    for step in _steps(files.document.normalizer if files.document else None, "normalizers"):
        if step.get("type") != "NFC":
            raise Unsupported(files.path, f"a normalizer with the step {str(step)[:200]} (known: NFC)")


def check_blanks(files: TokenizerFiles) -> bool:
    """Whether a blank is put before each text. Raises Unsupported unless all else is to write blanks as SentencePiece does."""
    document = files.document
    if document is None:
        raise ValueError("there is no tokenizer.json")
    replaced = prefixed = False
    for step in _steps(document.normalizer, "normalizers"):
        match step:
            case {"type": "Prepend", "prepend": str(text)} if text == BLANK:
                prefixed = True
            case {"type": "Replace", "pattern": {"String": " "}, "content": str(text)} if text == BLANK:
                replaced = True
            case _:
                raise Unsupported(files.path, f"a normalizer with the step {str(step)[:200]}")
    for step in _steps(document.pre_tokenizer, "pretokenizers"):
        match step:
            case {"type": "Metaspace", "replacement": str(text), "split": False} if text == BLANK:
                replaced = True
                _refuse_always(step, files.path)
            case {"type": "Split", "pattern": {"String": " "}} if replaced:
                continue  # there are no blanks left to split at
            case _:
                raise Unsupported(files.path, f"a pre-tokenizer with the step {str(step)[:200]}")
    if not replaced:
        raise Unsupported(files.path, "a tokenizer with byte fallback that does not write blanks as SentencePiece does")
    return prefixed


def _refuse_always(metaspace: Mapping[str, Any], path: Path) -> None:
    """Raises Unsupported unless blanks are put before no text ("never"), or before the first of a prompt ("first").

    "always" (what is meant where nothing is said) spares texts that begin with a blank; llama.cpp would give them two.
    "first" counts as "never": see `tokenizer`.
    """
    scheme = metaspace.get("prepend_scheme", "never" if metaspace.get("add_prefix_space") is False else "always")
    if scheme not in ("first", "never"):
        raise Unsupported(
            path,
            f"a Metaspace with prepend_scheme {str(scheme)[:40]!r}, which llama.cpp would do otherwise before blanks (known: "
            "first and never; a tokenizer that was saved by transformers with legacy=False has one of them)",
        )


def _steps(tree: Mapping[str, Any] | None, inner: str) -> list[Mapping[str, Any]]:
    steps: Any = tree.get(inner) if tree and tree.get("type") == "Sequence" else [tree] if tree else []
    return [step if isinstance(step, dict) else {"type": step} for step in steps] if isinstance(steps, list) else [{}]


def added_around(files: TokenizerFiles, special: dict[str, int], ids: Mapping[str, int]) -> dict[str, bool]:
    """Which special tokens go around a prompt: what the post-processor does, else what tokenizer_config.json says.

    A token that the post-processor puts in front is the "bos" token, whatever else is called so.
    """
    around: dict[str, bool] = {}
    for step in _steps(files.document.post_processor if files.document else None, "processors"):
        match step:
            case {"type": "ByteLevel"}:
                around |= {role: around.get(role, False) for role in ("bos", "eos")}
            case {"type": "TemplateProcessing", "single": list(single)}:
                before, after = _around_text(single, files.path)
                around = {"bos": bool(before), "eos": bool(after)}
                for role, text in (("bos", before), ("eos", after)):
                    if text:
                        _use(role, text, special, ids, files.path)
            case _:
                kind = str(step.get("type"))[:40]
                raise Unsupported(
                    files.path, f"a post-processor of type {kind} (known: ByteLevel and TemplateProcessing)"
                )
    for role in ("bos", "eos"):
        flag = files.settings.get(f"add_{role}_token")
        if isinstance(flag, bool):
            around.setdefault(role, flag)
    return around


def _around_text(template: list[Any], path: Path) -> tuple[str, str]:
    """The special tokens before and behind the text in a template: one each at most."""
    found: tuple[list[str], list[str]] = ([], [])
    behind = False
    for entry in template:
        match entry:
            case {"Sequence": _} if not behind:
                behind = True
            case {"SpecialToken": {"id": str(text)}}:
                found[behind].append(text)
            case _:
                raise Unsupported(path, f"a post-processor with the step {str(entry)[:200]}")
    before, after = found
    if len(before) > 1 or len(after) > 1 or not behind:
        raise Unsupported(path, f"a post-processor that puts {before + after!r:.200} around a text")
    return "".join(before), "".join(after)


def _use(role: str, text: str, special: dict[str, int], ids: Mapping[str, int], path: Path) -> None:
    if text not in ids:
        raise Unsupported(path, f"the post-processor uses {text[:40]!r}, which is not in the vocabulary")
    if role == "eos" and special.get(role, ids[text]) != ids[text]:
        raise Unsupported(path, f"the post-processor puts {text[:40]!r} behind a text, which is not the eos token")
    special[role] = ids[text]


def strips_blanks(used: Sequence[AddedToken], path: Path) -> bool:
    """Whether special tokens swallow the blanks behind them. Raises Unsupported where llama.cpp could not do the same."""
    for token in used:
        if token.lstrip or token.single_word:
            raise Unsupported(path, f"the token {token.content[:40]!r} swallows blanks or stands alone only")
    if not any(token.rstrip for token in used):
        return False
    as_phi3 = all(token.rstrip != (token.content in _KEEPS_BLANKS) for token in used)
    if not as_phi3 or not {token.content for token in used} >= _PHI3_TOKENS:
        stripping = next(token.content for token in used if token.rstrip)
        raise Unsupported(path, f"the token {stripping[:40]!r} swallows the blanks behind it, unlike those of Phi-3")
    return True
