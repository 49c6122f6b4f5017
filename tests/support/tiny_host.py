"""A host on tiny random models, as a program: `python tiny_host.py SETTING.json`.

What it serves is in the JSON file, read again whenever it changes, so that tests can change a lineup under a running host.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from locoman.contracts import Decision, Lineup, Message, Sampling, ServedAdapter, ServedBase
from locoman.engines.host.options import HostOptions
from locoman.errors import NothingInstalled, UnknownName

GREEDY = Sampling(max_tokens=12, temperature=0.0)


@dataclass(frozen=True)
class Setting:
    """All that the program needs. `keywords` decide for "auto": the first word found in the question names the adapter."""

    run_dir: str
    base: dict[str, Any] | None
    others: list[dict[str, Any]] = field(default_factory=list)
    keywords: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Replaces the file in one step: the host may be reading it."""
        staged = path.with_suffix(".new")
        staged.write_text(json.dumps(asdict(self)))
        staged.replace(path)
        return path


def tiny_base(folder: Path, adapters: Sequence[str] = ("alpha", "beta"), context: int = 512) -> ServedBase:
    """A random base with strong random adapters, written into `folder`."""
    from support.tiny_gguf import CHAT_TEMPLATE, TinyShape, write_tiny_base, write_tiny_lora

    folder.mkdir(parents=True, exist_ok=True)
    shape = TinyShape(context=max(context, 512))
    loras = tuple(
        ServedAdapter(name, "1.0.0", write_tiny_lora(folder / f"{name}.gguf", shape, seed=100 + number))
        for number, name in enumerate(adapters)
    )
    gguf = write_tiny_base(folder / "base.gguf", shape)
    return ServedBase("tiny", gguf, CHAT_TEMPLATE, ("<|im_end|>",), context, GREEDY, loras)


def as_json(base: ServedBase) -> dict[str, Any]:
    """`base` as it stands in a Setting."""
    document: dict[str, Any] = msgspec.to_builtins(replace(base), enc_hook=str)
    return document


class SettingSource:
    """A LineupSource on a Setting's file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str | None], Lineup] = {}

    def current(self, base: str | None = None) -> Lineup:
        key = self._path.read_text(), base
        if key not in self._known:
            self._known = {key: self._read(*key)}
        return self._known[key]

    def _read(self, text: str, base: str | None) -> Lineup:
        setting = Setting(**json.loads(text))
        if setting.base is None:
            raise NothingInstalled
        bases = {each["name"]: each for each in (setting.base, *setting.others)}
        name = setting.base["name"] if base is None else base
        if name not in bases:
            raise UnknownName("base", name, tuple(bases))
        served = msgspec.convert(bases[name], ServedBase, dec_hook=lambda kind, value: kind(value))
        return Lineup(served, KeywordDecider(setting.keywords), tuple(other for other in bases if other != name))


class KeywordDecider:
    """A Decider that looks for words."""

    def __init__(self, keywords: dict[str, str]) -> None:
        self._keywords = keywords

    def decide(self, question: str, history: Sequence[Message] = ()) -> Decision:
        for word, adapter in self._keywords.items():
            if word in question:
                return Decision(adapter, 0.9, "keywords", route_ms=0.5)
        return Decision(None, 0.4, "none", route_ms=0.5)


def main(path: Path) -> None:
    from locoman.engines.host.server import serve

    setting = Setting(**json.loads(path.read_text()))
    options = msgspec.convert(setting.options, HostOptions, dec_hook=lambda kind, value: kind(value))
    serve(SettingSource(path), Path(setting.run_dir), options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
