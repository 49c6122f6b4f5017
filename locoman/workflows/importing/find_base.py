"""Which installed base an adapter from elsewhere belongs to: by the weights it names where they are here, else by its word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import LocomanError, MissingPrerequisite, OllamaRefused, OllamaUnavailable, UnknownName, WrongBase
from locoman.names import BaseRef, nearest
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, load_registry
from locoman.workflows.importing.draft import Draft


@dataclass(frozen=True, slots=True)
class BaseFinder:
    """Looks among the installed bases, the specs and, for a tag, into Ollama."""

    home: Home
    shelf: Shelf
    ollama_url: str

    def find(self, draft: Draft, chosen: BaseRef | None) -> InstalledBase | None:
        """The base; None where nothing tells it. `chosen` is what whoever adds it says.

        Raises WrongBase (the weights it stands on, or its own word, are another base's than `chosen`),
        MissingPrerequisite (the base is known and not installed), UnknownName.
        """
        told = self._by_weights(draft) or self._by_name(draft.base.name)
        if chosen is not None and told is not None and told != chosen.name:
            raise WrongBase(draft.where, chosen.name, f"it was made for {told}")
        name = told or (chosen.name if chosen else None)
        if name is None:
            return None
        installed = load_registry(self.home.registry).find_base(name)
        if installed is not None:
            return installed
        specs = [spec.ref.name for spec in self.shelf.specs()]
        if name not in specs:
            raise UnknownName("base", name, nearest(name, specs))
        raise MissingPrerequisite(f"Its base, {name}, is not installed.", f"locoman install --base {name}")

    def _by_weights(self, draft: Draft) -> str | None:
        """The base whose weights are those that the draft names, where they can be read here. Raises WrongBase."""
        path = draft.base.gguf or self._ollama_file(draft.base.name)
        if path is None or not path.is_file():
            return None
        from locoman.weights.fingerprint import Fingerprint, compare, fingerprint_of_gguf

        found = fingerprint_of_gguf(path)
        for name, known in self._fingerprints():
            if compare(Fingerprint.parse(known), found).same_model:
                return name
        bases = ", ".join(dict.fromkeys(name for name, _ in self._fingerprints())) or "none is installed"
        raise WrongBase(draft.where, bases, f"the model that it stands on, {draft.base.name or path.name}, is another")

    def _fingerprints(self) -> Iterator[tuple[str, str]]:
        for base in load_registry(self.home.registry).bases:
            yield base.name, base.fingerprint
        for spec in self.shelf.specs():
            if spec.spec.fingerprint:
                yield spec.ref.name, spec.spec.fingerprint

    def _by_name(self, name: str) -> str | None:
        """The base that a repository, a tag or a path means by what the specs say."""
        return next((spec.ref.name for spec in self.shelf.specs() if _means(name, spec)), None) if name else None

    def _ollama_file(self, tag: str) -> Path | None:
        """The file of a model in Ollama that no spec knows, where an Ollama answers and it can be read."""
        if not tag or "/" in tag.removeprefix("hf.co/") or self._by_name(tag) is not None:
            return None
        from locoman.ollama.api import OllamaApi
        from locoman.ollama.base_file import BaseFile, locate_base

        try:
            with OllamaApi(self.ollama_url) as api:
                found = locate_base(api, tag)
        except (OllamaUnavailable, OllamaRefused):
            return None
        except LocomanError:  # no name that a model could have in Ollama
            return None
        return found.path if isinstance(found, BaseFile) else None


def _means(name: str, spec: BaseSpec) -> bool:
    """Whether `name` is the spec's name, the repository of its source or of its GGUF, or its tag in Ollama."""
    from locoman.ollama.tag import OllamaTag

    known = {spec.ref.name, spec.spec.source.repository.lower()}
    known |= {spec.spec.gguf.repository.lower()} if spec.spec.gguf else set()
    plain = name.strip().removeprefix("https://huggingface.co/").rstrip("/").lower()
    if plain in known or PurePosixPath(plain.replace("\\", "/")).name == spec.ref.name:
        return True
    try:
        return spec.spec.ollama is not None and OllamaTag.parse(name) == OllamaTag.parse(spec.spec.ollama.tag)
    except LocomanError:
        return False
