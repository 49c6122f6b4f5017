"""A completed draft as a source of one package, which is written when it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from locoman.catalog.manifest import LORA_GGUF, Case, Manifest, RoutingLine
from locoman.contracts import Listing
from locoman.documents import toml_of
from locoman.progress import Progress
from locoman.store.atomic import mapped
from locoman.workflows.importing.draft import Draft
from locoman.workflows.importing.peft import CONFIG


class DraftSource:
    """A package that is made of something else; `draft.notes` say what of it is not taken over."""

    name = ""

    def __init__(self, draft: Draft, manifest: Manifest) -> None:
        self.draft = draft
        self.manifest = manifest

    def listings(self) -> Sequence[Listing]:
        """See `contracts.Source`."""
        size = sum(path.stat().st_size for path in self._weight_files())
        manifest = self.manifest
        return (
            Listing(
                manifest.ref, manifest.base.ref, manifest.domain, manifest.kind, manifest.description,
                manifest.licence, 0, size, self.name, "",
            ),
        )  # fmt: skip

    def fetch(self, listing: Listing, progress: Progress) -> None:
        """See `contracts.Source`: it is here."""

    def unpack(self, listing: Listing, folder: Path) -> None:
        """See `contracts.Source`. Raises StoreError."""
        with mapped(folder):
            folder.mkdir(parents=True)
            (folder / "adapter.toml").write_text(toml_of(self.manifest), encoding="utf-8")
            _write_lines(folder / "routing.jsonl", (RoutingLine(text, True) for text in self.draft.examples))
            if self.manifest.gate.minimum_cases:
                _write_lines(folder / self.manifest.gate.suite, self.draft.cases)
            if self.draft.training:
                _write_lines(folder / "train.jsonl", self.draft.training)
            for path in self._weight_files():
                target = folder / "weights" / self.manifest.base.name / self._target_name(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)

    def forget(self, listing: Listing) -> None:
        """See `contracts.Source`: nothing was fetched."""

    def _weight_files(self) -> list[Path]:
        weights = self.draft.weights
        if weights is None:
            return []
        if not weights.is_dir():
            return [weights]
        files = [weights / CONFIG, *sorted(weights.glob("adapter_model*"))]
        return [path for path in files if path.is_file()]

    def _target_name(self, path: Path) -> str:
        return path.name if self.draft.weights is not None and self.draft.weights.is_dir() else LORA_GGUF


def _write_lines(path: Path, lines: Iterable[Case | RoutingLine]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
