"""A base that Ollama keeps in memory as well: on a small laptop one copy too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from locoman.errors import OllamaRefused, OllamaUnavailable
from locoman.sizes import megabytes
from locoman.store.registry import Registry

REMEDY = "locoman stop --ollama"


@dataclass(frozen=True, slots=True)
class Held:
    """The model `tag` of Ollama, in memory with `bytes`, has the weights of the installed base `base`."""

    tag: str
    base: str
    bytes: int

    def __str__(self) -> str:
        return f"Ollama holds {self.base} in memory too ({self.tag}, {megabytes(self.bytes)}); {REMEDY} frees it."


def held_by_ollama(url: str, registry: Registry) -> tuple[Held, ...]:
    """What the Ollama of this machine holds of the installed bases; nothing where none answers."""
    from locoman.ollama.address import is_loopback
    from locoman.ollama.api import OllamaApi
    from locoman.ollama.base_file import weights_of

    names = {base.sha256: base.name for base in registry.bases}
    if not names or not is_loopback(url):
        return ()
    found: list[Held] = []
    try:
        with OllamaApi(url, read_seconds=2.0) as api:
            for model in api.loaded():
                weights, _ = weights_of(api.show(model.name).modelfile)
                found += [Held(model.name, names[sha256], model.size) for sha256 in weights if sha256 in names]
    except (OllamaUnavailable, OllamaRefused):
        return ()
    return tuple(found)


def let_go(url: str, held: Sequence[Held]) -> None:
    """Makes Ollama free that memory; its models stay installed. Raises OllamaUnavailable, OllamaRefused."""
    from locoman.ollama.api import OllamaApi

    with OllamaApi(url) as api:
        for model in held:
            api.unload(model.tag)
