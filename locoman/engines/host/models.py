"""The models that clients find: "auto", "base" and every adapter; and what is known of the file behind them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from locoman.contracts import Lineup, ServedAdapter, ServedBase
from locoman.engines.host.lineup import chosen_adapter
from locoman.names import ModelName
from locoman.weights.gguf import GgufFile


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A name under which a client can ask; `adapter` None for "auto" and "base"."""

    name: str
    base: ServedBase
    adapter: ServedAdapter | None

    @property
    def files(self) -> tuple[Path, ...]:
        """The GGUF of the base and that of the adapter, if it has one."""
        own = self.adapter.gguf if self.adapter is not None else None
        return (self.base.gguf,) if own is None else (self.base.gguf, own)

    @property
    def digest(self) -> str:
        """64 hex digits that change with what answers: names, versions, prompt settings, the files' sizes and times."""
        adapter = self.adapter
        settings = [adapter.version, adapter.scale, adapter.system, adapter.repeat_question] if adapter else []
        stats = [_stat(path) for path in self.files]
        identity = [self.name, self.base.name, self.base.chat_template, settings, stats]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    @property
    def bytes(self) -> int:
        """Of the files; a base counts for each of its models, as Ollama counts shared layers."""
        return sum(_stat(path)[0] for path in self.files)

    @property
    def modified(self) -> datetime:
        """When the youngest of the files was written."""
        return datetime.fromtimestamp(max(_stat(path)[1] for path in self.files) / 1e9, UTC)


def served_models(lineups: Sequence[Lineup]) -> tuple[ServedModel, ...]:
    """All models in the order in which clients list them; those of the first lineup by their own names, those of the others
    by "base/name", and also by their own names where they answer beside the first."""
    found: list[ServedModel] = []
    for number, base in enumerate(lineup.base for lineup in lineups):
        prefix = f"{base.name}/" if number else ""
        found += [ServedModel(prefix + name, base, None) for name in ("auto", "base")]
        found += [ServedModel(prefix + adapter.name, base, adapter) for adapter in base.adapters]
    elsewhere = lineups[0].elsewhere if lineups else {}
    found += [
        replace(m, name=m.adapter.name) for m in found if m.adapter and elsewhere.get(m.adapter.name) == m.base.name
    ]
    return tuple(found)


def find_model(lineup: Lineup, name: ModelName) -> ServedModel:
    """The model that `name` means. Raises UnknownName with the nearest names."""
    adapter = chosen_adapter(lineup.base, name)
    return ServedModel(name.kind if adapter is None else adapter.name, lineup.base, adapter)


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """What the header of a base's GGUF says. `quantization` like "Q4_K_M", "" where it is not known."""

    architecture: str
    parameters: int
    quantization: str
    metadata: dict[str, str | int | float | bool]


class FactsReader:
    """Reads headers, and each only once as long as the file stays what it is."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, tuple[int, int]], BaseFacts] = {}

    def facts(self, path: Path) -> BaseFacts:
        """Takes a moment for a large vocabulary. Raises InvalidFile, Unsupported, StoreError."""
        key = (path, _stat(path))
        if key not in self._known:
            self._known = {known: facts for known, facts in self._known.items() if known[0] != path}
            self._known[key] = _read(path)
        return self._known[key]


def _read(path: Path) -> BaseFacts:
    from gguf.constants import LlamaFileType

    with GgufFile.open(path) as file:
        names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}
        kind = file.metadata.get("general.file_type")
        short = {key: value for key, value in file.metadata.items() if isinstance(value, str | int | float | bool)}
        return BaseFacts(
            architecture=file.text("general.architecture", ""),
            parameters=sum(tensor.rows * tensor.shape[-1] for tensor in file.tensors.values()),
            quantization=names.get(kind, "") if isinstance(kind, int) else "",
            metadata={key: value for key, value in short.items() if key != "tokenizer.chat_template"},
        )


def _stat(path: Path) -> tuple[int, int]:
    """Size and modification time; zeros for a file that is gone, which the next question will tell in full."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)
