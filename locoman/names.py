"""The names that travel through locoman: parsed once at the edge, frozen, and `str()` prints back what was typed.

base name       qwen3-4b-instruct
adapter         arithmetic          arithmetic@1.2.0
model           auto   base   arithmetic   loco-tiny/auto   loco-tiny/arithmetic@1.2.0
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from locoman.errors import InvalidName

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]|[a-z0-9]")
_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})
_MODEL_WORDS = frozenset({"auto", "base"})


def check_name(text: str, kind: str) -> str:
    """`text`, if it can name a `kind` ("a base", "an adapter") on every file system; else InvalidName."""
    if not _NAME.fullmatch(text):
        raise InvalidName(kind, text, "use 1 to 64 of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends")
    if ".." in text or is_device(text):
        raise InvalidName(kind, text, "a file system could not hold it")
    if text in _MODEL_WORDS:
        raise InvalidName(kind, text, "the word has a meaning of its own")
    return text


def is_device(part: str) -> bool:
    """Whether Windows takes a file of that name for a device, in every folder."""
    return part.split(".")[0].rstrip(" ").lower() in _DEVICES


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the `known` names that look like `name`, best first."""
    return tuple(difflib.get_close_matches(name.lower(), sorted(set(known)), n=3, cutoff=0.5))


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A semantic version of three numbers."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Reads "1.2.3"; raises InvalidName."""
        match = _VERSION.fullmatch(text)
        if not match:
            raise InvalidName("a version", text, "use three numbers such as 1.2.0")
        return cls(*(int(part) for part in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True, order=True)
class BaseRef:
    """The name of a base model."""

    name: str

    @classmethod
    def parse(cls, text: str) -> BaseRef:
        """Raises InvalidName."""
        return cls(check_name(text, "a base"))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """The name of an adapter; `version` None means the active one."""

    name: str
    version: Version | None = None

    @classmethod
    def parse(cls, text: str) -> AdapterRef:
        """Reads "name" or "name@1.2.3"; raises InvalidName."""
        name, at, version = text.partition("@")
        return cls(check_name(name, "an adapter"), Version.parse(version) if at else None)

    @property
    def number(self) -> Version:
        """The version, to be compared with others; 0.0.0 where none is named."""
        return self.version or Version(0, 0, 0)

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class ModelName:
    """What a client may ask for: the router's choice, the plain base, or one adapter; optionally on a named base.

    `base` None means the base in use. `adapter` is set exactly when `kind` is "adapter".
    """

    kind: Literal["auto", "base", "adapter"]
    adapter: AdapterRef | None = None
    base: BaseRef | None = None

    @classmethod
    def parse(cls, text: str) -> ModelName:
        """Reads "[base/]auto", "[base/]base" or "[base/]adapter[@version]"; raises InvalidName."""
        prefix, slash, rest = text.rpartition("/")
        base = BaseRef.parse(prefix) if slash else None
        if rest == "auto":
            return cls("auto", None, base)
        if rest == "base":
            return cls("base", None, base)
        return cls("adapter", AdapterRef.parse(rest), base)

    def __str__(self) -> str:
        target = str(self.adapter) if self.kind == "adapter" else self.kind
        return target if self.base is None else f"{self.base}/{target}"


AUTO = ModelName("auto")
BASE = ModelName("base")
