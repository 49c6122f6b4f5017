"""Merged, in shards by kind of matrix: from Ollama 0.35.0 on, which keeps each shard once. Costs the base once more, and for
each adapter the matrices that it touches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from locoman.ollama.api import OllamaApi
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.strategies import making
from locoman.ollama.strategies.strategy import Made, Work
from locoman.ollama.wanted import PlannedFile, WantedAdapter, WantedBase
from locoman.store.registry import OllamaFile, OllamaModel, StrategyName
from locoman.weights.model_plan import ModelPlan, PlannedTensor, planned_paths, shards_of, write_shard

Shard = Sequence[PlannedTensor]


class SplitStrategy:
    """See `Strategy`. A prompt-only adapter stands on the base's own blob and costs nothing."""

    name: StrategyName = "split"

    def unable(self, able: Capabilities) -> str:
        """See `Strategy`."""
        if able.split_gguf:
            return ""
        return (
            f"Ollama {able.version} keeps no shards apart (from 0.35.0 on it does), so split models would save nothing."
        )

    def plan(self, base: WantedBase, adapter: WantedAdapter, records: Sequence[OllamaModel]) -> tuple[PlannedFile, ...]:
        """See `Strategy`."""
        if adapter.gguf is None:
            return ()
        with making.merged(base, adapter) as plan:
            shards = shards_of(plan)
            known = _shared(base, records, shards)
            return tuple(
                PlannedFile(
                    known[number].sha256 if number in known else _key(base, adapter, number, shard),
                    sum(tensor.bytes for tensor in shard) if shard else plan.metadata_bytes,
                )
                for number, shard in enumerate(shards)
            )

    def apply(self, work: Work, base: WantedBase, adapter: WantedAdapter) -> Made:
        """See `Strategy`."""
        if adapter.gguf is None:
            making.make_on_base(work, base, adapter, {})
            return Made()
        target = work.folder / f"{adapter.ref.name}.gguf"
        with making.merged(base, adapter) as plan:
            shards = shards_of(plan)
            known = _shared(base, work.records, shards)
            made = [_brought(work, plan, number, target, known.get(number), adapter) for number in range(len(shards))]
            names = [path.name for path in planned_paths(plan, target, split=True)]
        files = tuple(
            OllamaFile(part.files[0].sha256, part.files[0].bytes, base.sha256 if _untouched(shard) else "")
            for part, shard in zip(made, shards, strict=True)
        )
        named = {name: f"sha256:{file.sha256}" for name, file in zip(names, files, strict=True)}
        making.make_whole(work, base, adapter, named)
        return Made(files, sum(part.sent for part in made), sum(part.uploads for part in made))

    def verify(self, api: OllamaApi, base: WantedBase, adapter: WantedAdapter, model: OllamaModel) -> str:
        """See `Strategy`."""
        return making.wrong_whole(api, base, adapter, model)

    def remove(self, api: OllamaApi, model: OllamaModel) -> None:
        """See `Strategy`."""
        making.remove_model(api, model.tag)


def _brought(
    work: Work, plan: ModelPlan, number: int, target: Path, known: OllamaFile | None, adapter: WantedAdapter
) -> Made:
    """The shard in Ollama. One that another model brought before is not even written here."""
    if known is not None and work.api.has_blob(known.sha256):
        return Made((known,))
    title = f"{adapter.ref}: shard {number + 1}"
    path = write_shard(plan, number, target, work.stages(title))
    try:
        return making.hand_over(work, title, path)
    finally:
        path.unlink(missing_ok=True)


def _shared(base: WantedBase, records: Sequence[OllamaModel], shards: Sequence[Shard]) -> dict[int, OllamaFile]:
    """The shards that no adapter touches, as another split model of this base brought them to Ollama, by number."""
    before = [record.files for record in records if record.strategy == "split" and len(record.files) == len(shards)]
    return {
        number: files[number]
        for files in before
        for number, shard in enumerate(shards)
        if _untouched(shard) and files[number].copied_from == base.sha256
    }


def _untouched(shard: Shard) -> bool:
    return bool(shard) and all(tensor.copied for tensor in shard)


def _key(base: WantedBase, adapter: WantedAdapter, number: int, shard: Shard) -> str:
    """A name for a shard whose digest is not known yet: the same for all that will be the same."""
    return f"{base.sha256 if _untouched(shard) else adapter.tag} shard {number}"
