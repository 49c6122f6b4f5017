"""What is installed, what Ollama has, and how the two differ."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.catalog.shelf import Shelf
from locoman.errors import InvalidFile, LocomanError, OllamaUnavailable
from locoman.ollama.api import OllamaApi
from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry
from locoman.workflows.collection import base_file
from locoman.workflows.ollama_state import Difference, look


@dataclass(frozen=True, slots=True)
class Status:
    """One look at it all.

    `base` is "" where none is installed while models of locoman's are still there. `problem` says why Ollama could not be
    compared, "" if it was; `models` are locoman's tags there.
    """

    base: str
    adapters: tuple[str, ...]
    url: str
    version: str
    strategy: str
    problem: str
    models: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs. An Ollama that does not answer is no difference while nothing of ours is in it."""
        return not self.differences


def status_of(home: Home, shelf: Shelf, api: OllamaApi) -> Status:
    """Raises NothingInstalled, InvalidFile (what is installed cannot be read)."""
    registry = load_registry(home.registry)
    if not registry.base and registry.ollama.models:
        return _models_alone(registry, api)
    base = registry.current()
    version, problem = "", ""
    differences = _on_disk(home, registry)
    try:
        state = look(home, shelf, registry, api, registry.ollama.strategy)
        version = state.able.version
        differences += state.differences()
    except OllamaUnavailable as error:
        problem = str(error)
        if registry.ollama.models:
            differences += (Difference("unreachable", api.url, problem, error.remedy),)
    except LocomanError as error:
        problem = str(error)
        differences += (Difference("unreadable", api.url, problem, "locoman doctor"),)
    return Status(
        base.name,
        tuple(str(adapter.ref) for adapter in registry.active_of(base)),
        api.url,
        version,
        registry.ollama.strategy,
        problem,
        tuple(model.tag for model in registry.ollama.models),
        differences,
    )


def _models_alone(registry: Registry, api: OllamaApi) -> Status:
    """Models whose base is gone, because Ollama did not answer when it was removed, or an installation was cut."""
    version, problem = "", ""
    try:
        version = api.version()
    except LocomanError as error:
        problem = str(error)
    tags = tuple(model.tag for model in registry.ollama.models)
    sentence = "{} was made in Ollama by locoman, and its base is not installed."
    differences = tuple(Difference("left over", tag, sentence.format(tag), "locoman remove --all") for tag in tags)
    return Status("", (), api.url, version, registry.ollama.strategy, problem, tags, differences)


def _on_disk(home: Home, registry: Registry) -> tuple[Difference, ...]:
    """Files that the registry names and that are gone or of another size."""
    base = registry.current()
    found = []
    path = base_file(home, base)
    fix = f"locoman install --base {base.name}"
    if base.origin != "ollama" and (not path.is_file() or path.stat().st_size != base.bytes):
        found.append(
            Difference("file", base.name, str(InvalidFile(path, "the base's file is missing or damaged")), fix)
        )
    for adapter in registry.active_of(base):
        if adapter.gguf and not (home.root / adapter.gguf).is_file():
            problem = InvalidFile(home.root / adapter.gguf, f"the weights of {adapter.ref} are missing")
            found.append(Difference("file", str(adapter.ref), str(problem), fix))
    return tuple(found)
