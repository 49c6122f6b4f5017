"""Small tokenizers of each kind that the families use, with the families' own pre-tokenizers, normalizers and templates.

Their vocabularies were trained once (tests/support/make_goldens.py) on texts of this repository and the samples below:
one byte-level vocabulary whose merges cross every border that a pre-tokenizer could cut at, and two SentencePiece models.
"""

from __future__ import annotations

import json
import random
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import checkpoints, families

GOLDEN = Path(__file__).parents[1] / "golden" / "tokenizers"
STRINGS = 2000
BLANK = "▁"

LLAMA3 = QWEN2 = checkpoints.QWEN2_REGEX
LLAMA3 = LLAMA3.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SAMPLES = (
    "The quick brown fox jumps over the lazy dog, doesn't it? I'M sure WE'LL see 12 345 678 of them.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Größe, Straße, Übermut!",
    "Voix ambiguë d'un cœur qui préfère les jattes de kiwis. L'été, ça va être génial à Noël.",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; ¿añoraba a su querido cachorro?",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Привет, мир!",
    "我想在苹果工作。今天天气很好，我们去公园散步吧！你好，世界。",
    "いろはにほへと ちりぬるを。東京は日本の首都です。カタカナもあります。",
    "다람쥐 헌 쳇바퀴에 타고파. 안녕하세요, 세계!",
    "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ. مرحبا بالعالم",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश। नमस्ते दुनिया",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า สวัสดีชาวโลก",
    "😀 😃 😄 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🚀🚀🚀 ✅ ❤️ ½ ² ³ Ⅷ ①",
    "def f(x):\n\treturn x ** 2  # square\n\n\nfor i in range(10):\n    print(f'{i:03d}', f(i))\r\n",
    'https://example.org/a/b?c=d&e=f#g  <tag attr="v">text</tag> {"key": [1, 2.5, -3e-7, null]}',
    "   leading, trailing   \t\t tabs \n\n\n\n lines                and many blanks    ",
    "'''''' ``````\"\"\"\"......!!!!!!?????? ------====== $100 €50 50% a_b-c/d\\e ~^|`",
)


@dataclass(frozen=True)
class Kind:
    """A tokenizer: tokenizer.json (less vocabulary), its vocabulary, tokens added behind it, settings."""

    name: str
    document: dict[str, Any]
    vocabulary: str = "bytes"
    added: tuple[dict[str, Any], ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    starts_special: bool = False
    """Texts begin with a special token, as chats do."""
    combining_marks: bool = True
    """Texts hold combining marks; llama.cpp does not count them as parts of a word for this kind."""

    @property
    def sentencepiece(self) -> bool:
        return self.vocabulary != "bytes"

    def model(self) -> dict[str, Any]:
        """The "model" of tokenizer.json."""
        model: dict[str, Any] = json.loads((GOLDEN / f"{self.vocabulary}.json").read_text(encoding="utf-8"))
        if self.vocabulary == "bytes":
            symbols = checkpoints.byte_symbols() + ["".join(pair) for pair in model["merges"]]
            model["vocab"] = {token: number for number, token in enumerate(dict.fromkeys(symbols))}
        else:
            model |= {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
        ignore = {"ignore_merges": self.document.get("ignore_merges", False)}
        return {"type": "BPE", **ignore, **model}

    def tokenizer_json(self) -> dict[str, Any]:
        model = self.model()
        numbers, free = model["vocab"], len(model["vocab"])
        added = []
        for place, token in enumerate(token for token in self.added if token["content"] not in numbers):
            added.append({"id": free + place, **token})
        added += [{"id": numbers[token["content"]], **token} for token in self.added if token["content"] in numbers]
        plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        document = {key: value for key, value in self.document.items() if key != "ignore_merges"}
        added_tokens = [plain | token for token in sorted(added, key=lambda token: int(token["id"]))]
        return {"version": "1.0", "added_tokens": added_tokens, "decoder": None, **document, "model": model}

    def size(self) -> int:
        document = self.tokenizer_json()
        return 1 + max([*document["model"]["vocab"].values(), *(token["id"] for token in document["added_tokens"])])

    def write(self, folder: Path, *, with_json: bool = True, with_model: bool = True) -> None:
        """Writes the tokenizer's files over those of a checkpoint."""
        for name in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json"):
            (folder / name).unlink(missing_ok=True)
        settings = dict(self.settings)
        document = self.tokenizer_json()
        if with_json:
            checkpoints.write_json(folder / "tokenizer.json", document)
        else:
            settings["added_tokens_decoder"] = {
                str(token["id"]): {key: value for key, value in token.items() if key != "id"}
                for token in document["added_tokens"]
            }
        if with_model and self.sentencepiece:
            (folder / "tokenizer.model").write_bytes((GOLDEN / f"{self.vocabulary}.model").read_bytes())
        checkpoints.write_json(folder / "tokenizer_config.json", settings)


def _split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def _byte_level(*, regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": regex}


def _sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def _in_front(token: str, number: int) -> dict[str, Any]:
    special, text = {"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    pair = {"Sequence": {"id": "B", "type_id": 1}}
    tokens = {token: {"id": token, "ids": [number], "tokens": [token]}}
    single = [special, text]
    return {"type": "TemplateProcessing", "single": single, "pair": [*single, pair], "special_tokens": tokens}


def _special(*texts: str, **changes: Any) -> tuple[dict[str, Any], ...]:
    return tuple({"content": text, **changes} for text in texts)


_CHAT = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_PLAIN: dict[str, Any] = {"normalizer": None, "post_processor": _byte_level(regex=True)}
_DIGITS = {"type": "Digits", "individual_digits": True}
_TO_BLANK = {"type": "Replace", "pattern": {"String": " "}, "content": BLANK}
_PREPEND = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": BLANK}, _TO_BLANK]}
_LLAMA_ADDED = _special("<unk>", "<s>", "</s>")
_METASPACE = {"type": "Metaspace", "replacement": BLANK, "prepend_scheme": "first", "split": False}
_GEMMA_ADDED = (
    *_special("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
    *_special("\n\n", "\n\n\n", BLANK * 2, BLANK * 3, "<table>", special=False),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "qwen",
            {
                **_PLAIN,
                "normalizer": {"type": "NFC"},
                "pre_tokenizer": _sequence(_split(QWEN2), _byte_level(regex=False)),
            },
            added=(*_special(*_CHAT), *_special("<think>", "</think>", special=False)),
            settings={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        ),
        Kind(
            "llama-3",
            {
                "normalizer": None,
                "pre_tokenizer": _sequence(_split(LLAMA3), _byte_level(regex=False)),
                "post_processor": {
                    "type": "Sequence",
                    "processors": [_byte_level(regex=True), _in_front("<|begin_of_text|>", 600)],
                },
                "ignore_merges": True,
            },
            added=_special("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>"),
            settings={"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
        ),
        Kind(
            "smollm",
            {**_PLAIN, "pre_tokenizer": _sequence(_DIGITS, _byte_level(regex=True)), "post_processor": None},
            added=_special(*_CHAT),
            settings={"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "add_bos_token": False},
        ),
        Kind(
            "gpt-2",
            {**_PLAIN, "pre_tokenizer": _byte_level(regex=True)},
            added=_special("<|endoftext|>"),
            settings={"eos_token": "<|endoftext|>"},
        ),
        Kind(
            "mistral-nemo",
            {
                **_PLAIN,
                "pre_tokenizer": _sequence(_split(TEKKEN), _byte_level(regex=False)),
                "post_processor": _in_front("<s>", 600),
                "ignore_merges": True,
            },
            added=_special("<s>", "</s>", "[INST]", "[/INST]"),
            settings={"bos_token": "<s>", "eos_token": "</s>"},
            combining_marks=False,
        ),
        Kind(
            "llama-2",
            {"normalizer": _PREPEND, "pre_tokenizer": None, "post_processor": _in_front("<s>", 1)},
            "llama",
            added=_LLAMA_ADDED,
            settings={"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True},
        ),
        Kind(
            "mistral",
            {"normalizer": None, "pre_tokenizer": _METASPACE, "post_processor": _in_front("<s>", 1)},
            "llama",
            added=(*_LLAMA_ADDED, *_special("[INST]", "[/INST]")),
            settings={"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True},
            starts_special=True,
        ),
        Kind(
            "phi-3",
            {"normalizer": _PREPEND, "pre_tokenizer": None, "post_processor": None},
            "llama",
            added=(
                *_special("<unk>", "<s>", "<|endoftext|>"),
                *_special("</s>", special=False, rstrip=True),
                *_special("<|user|>", "<|assistant|>", "<|end|>", rstrip=True),
            ),
            settings={"bos_token": "<s>", "eos_token": "<|endoftext|>", "add_bos_token": False},
        ),
        Kind(
            "gemma",
            {
                "normalizer": _TO_BLANK,
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"String": " "},
                    "behavior": "MergedWithPrevious",
                    "invert": False,
                },
                "post_processor": _in_front("<bos>", 2),
            },
            "gemma",
            added=_GEMMA_ADDED,
            settings={"bos_token": "<bos>", "eos_token": "<eos>", "add_bos_token": True},
        ),
    )
}


def strings(kind: Kind) -> list[str]:
    """2,000 texts: words of many languages, digits, blanks, emoji, code, special tokens; in Unicode's form NFC."""
    draw = random.Random(f"strings of {kind.name}")
    samples = [sample for sample in SAMPLES if kind.combining_marks or not _has_marks(sample)]
    words = [word for sample in samples for word in sample.split(" ") if word]
    special = [token["content"].replace(BLANK, " ") for token in kind.added]
    blanks = ("", " ", " ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n ", "      ")
    texts = list(samples) + special + ["", " ", "a", "\n"]
    while len(texts) < STRINGS:
        parts = []
        for _ in range(draw.randint(1, 12)):
            choice = draw.random()
            if choice < 0.55:
                part = draw.choice(words)
            elif choice < 0.65:
                part = str(draw.randrange(10 ** draw.randint(1, 9)))
            elif choice < 0.75:
                part = draw.choice(special)
            elif choice < 0.85:
                part = draw.choice(draw.choice(samples)) * draw.randint(1, 4)
            else:
                part = draw.choice(
                    ("'s", "'RE", "'ll", "I'Ve", "can't", "ﬁ", "ÅÄÖ", "x=1;", "...", "’s", "CamelCaseWord")
                )
            parts += [part, draw.choice(blanks)]
        texts.append("".join(parts))
    texts = [unicodedata.normalize("NFC", text) for text in texts[:STRINGS]]
    return [special[0] + text for text in texts] if kind.starts_special else texts


def _has_marks(text: str) -> bool:
    return any(unicodedata.category(character).startswith("M") for character in unicodedata.normalize("NFC", text))


def checksum(ids: Sequence[int]) -> int:
    return zlib.crc32(b"".join(number.to_bytes(4, "little") for number in ids))


def write_checkpoint(kind: Kind, folder: Path, **parts: bool) -> Path:
    """A tiny model with this tokenizer and one id to spare, for llama.cpp to load; returns `folder`."""
    family = families.FAMILIES["mistral" if kind.sentencepiece else "llama"]
    small = {"vocab_size": kind.size() + 1, "num_hidden_layers": 1, "bos_token_id": None, "eos_token_id": None}
    if not parts.get("with_json", True):
        small |= {"bos_token_id": 1, "eos_token_id": 2}
    shrunk = families.Family(f"with-{kind.name}", {**family.config, **small}, family.tokenizer, family.modules)
    families.write_checkpoint(shrunk, folder)
    kind.write(folder, **parts)
    return folder


def ask_transformers(kind: Kind, folder: Path, texts: Sequence[str]) -> list[list[int]]:
    """The ids that the judge gives, with the special tokens that it puts around."""
    import transformers

    kind.write(folder)
    path = str(folder / "tokenizer.json")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=path, clean_up_tokenization_spaces=False)
    return [list(tokenizer(text)["input_ids"]) for text in texts]
