"""What the strategies have in common: files handed over once, models made of them, read back, and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from locoman.errors import MissingPrerequisite, OllamaRefused
from locoman.ollama.api import NewModel, OllamaApi
from locoman.ollama.base_file import weights_of
from locoman.ollama.strategies.strategy import Made, Work
from locoman.ollama.wanted import Dress, WantedAdapter, WantedBase, dress_of
from locoman.store.digests import sha256_of
from locoman.store.registry import OllamaFile, OllamaModel
from locoman.weights.gguf_model import GgufModel
from locoman.weights.lora_gguf import open_lora_gguf
from locoman.weights.merge import plan_merge
from locoman.weights.model_plan import ModelPlan, as_llama_copies, plan_copy, write_model


def hand_over(work: Work, title: str, path: Path, sha256: str | None = None) -> Made:
    """Gives Ollama the file unless it has it; the digest is that of the file's content."""
    sha256 = sha256_of(path) if sha256 is None else sha256
    sent = work.api.put_blob(path, sha256, work.stages(f"{title}: to Ollama"))
    file = OllamaFile(sha256, path.stat().st_size)
    return Made((file,), sent, int(sent > 0))


def make_on_base(work: Work, base: WantedBase, adapter: WantedAdapter, files: dict[str, str]) -> None:
    """Makes a model of the base in Ollama with the LoRA in `files`, if any, and the adapter's system message."""
    model = NewModel(str(adapter.tag), source=str(base.tag), adapters=files, system=adapter.system)
    work.api.create(model, work.stages(f"{adapter.ref}: made in Ollama"))


def make_whole(work: Work, base: WantedBase, adapter: WantedAdapter, files: dict[str, str]) -> None:
    """Makes a model of the whole weights in `files`, dressed as the base is."""
    dress = base.dress or dress_of(work.api.show(str(base.tag)))
    if adapter.system:
        dress = replace(dress, system=adapter.system)
    work.api.create(dressed(str(adapter.tag), dress, files), work.stages(f"{adapter.ref}: made in Ollama"))


def copy_base(work: Work, base: WantedBase) -> Path:
    """Writes the base's file into the work folder in the form that Ollama keeps as it is. Raises InvalidFile, StoreError."""
    path = work.folder / f"{base.name}.gguf"
    with GgufModel.open(base.gguf) as model:
        write_model(as_llama_copies(plan_copy(model)), path, work.stages(f"{base.name}: copied"))
    return path


def make_base(work: Work, base: WantedBase, copy: Path) -> Made:
    """Makes the base in Ollama of what `copy_base` wrote, which is gone as soon as Ollama has it."""
    if base.dress is None:
        raise ValueError("a base of Ollama's own is pulled")
    made = hand_over(work, base.name, copy)
    copy.unlink()
    files = {copy.name: f"sha256:{made.files[0].sha256}"}
    work.api.create(dressed(str(base.tag), base.dress, files), work.stages(f"{base.tag}: made in Ollama"))
    return made


def is_made_of(api: OllamaApi, base: WantedBase, copy: Path) -> bool:
    """Whether the model under the base's tag is what `make_base` would make of this file."""
    shown = api.show(str(base.tag))
    same = base.dress is not None and (shown.template, shown.system) == (base.dress.template, base.dress.system)
    return same and weights_of(shown.modelfile) == ((sha256_of(copy),), ())


def dressed(tag: str, dress: Dress, files: dict[str, str]) -> NewModel:
    """The model `tag` of the weights in `files`."""
    return NewModel(
        tag, files=files, template=dress.template, system=dress.system, license=dress.license,
        parameters=dict(dress.parameters), renderer=dress.renderer, parser=dress.parser,
    )  # fmt: skip


@contextmanager
def merged(base: WantedBase, adapter: WantedAdapter) -> Iterator[ModelPlan]:
    """The merged model, to be written inside the block, in the form that Ollama keeps as it is."""
    if adapter.gguf is None:
        raise ValueError(f"{adapter.ref} has no weights")
    with GgufModel.open(base.gguf) as model, open_lora_gguf(adapter.gguf) as lora:
        yield as_llama_copies(plan_merge(model, lora, f"{adapter.ref} sha256:{adapter.sha256[:16]}"))


def wrong_on_base(api: OllamaApi, base: WantedBase, adapter: WantedAdapter) -> str:
    """See `Strategy.verify`, for a model that stands on the base in Ollama."""
    shown = api.show(str(adapter.tag))
    weights, loras = weights_of(shown.modelfile)
    if weights != weights_of(api.show(str(base.tag)).modelfile)[0]:
        return f"does not stand on {base.tag}"
    if loras != ((adapter.sha256,) if adapter.gguf else ()):
        return "has another adapter in it"
    return "" if not adapter.system or shown.system == adapter.system else "has another system message"


def wrong_whole(api: OllamaApi, base: WantedBase, adapter: WantedAdapter, model: OllamaModel) -> str:
    """See `Strategy.verify`, for a model of whole weights; a prompt-only adapter stands on the base."""
    if adapter.gguf is None:
        return wrong_on_base(api, base, adapter)
    shown = api.show(str(adapter.tag))
    weights, loras = weights_of(shown.modelfile)
    if not weights or loras or not set(weights) <= {file.sha256 for file in model.files}:
        return "has other weights"
    return "" if not adapter.system or shown.system == adapter.system else "has another system message"


def remove_model(api: OllamaApi, tag: str) -> None:
    """Deletes the model, if it is there."""
    try:
        api.delete(tag)
    except OllamaRefused as error:
        if error.status != 404:
            raise


def refused_adapters(error: OllamaRefused) -> bool:
    """Whether Ollama said that it takes no adapters any more."""
    return error.status == 400 and "adapters are no longer supported" in error.message.lower()


def no_adapters(version: str) -> MissingPrerequisite:
    """What is said in place of Ollama's refusal."""
    return MissingPrerequisite(
        f"Ollama {version} takes no adapters (only up to 0.34.0 did).",
        "locoman sync   (chooses what this Ollama can do)",
    )
