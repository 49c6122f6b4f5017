"""What an installed base and its active adapters are to be in Ollama."""

from __future__ import annotations

from pathlib import Path

from locoman.catalog.manifest import AdapterPackage
from locoman.catalog.spec import BaseSpec
from locoman.ollama.base_modelfile import base_parameters
from locoman.ollama.choose_template import choose_template
from locoman.ollama.modelfile.parameters import parameter_values
from locoman.ollama.tag import OllamaTag
from locoman.ollama.wanted import Dress, WantedAdapter, WantedBase, adapter_tag
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry
from locoman.workflows.collection import active_packages, base_file


def wanted_base(home: Home, base: InstalledBase, spec: BaseSpec, *, dressed: bool = True) -> WantedBase:
    """The base: Ollama's own, or one to be made of our file as <base>:latest.

    Without `dressed` it cannot be made or compared, and no template is looked for. Raises NoOllamaTemplate, InvalidFile.
    """
    path, tag = base_file(home, base), tag_in_ollama(base, spec)
    if tag is not None:
        return WantedBase(base.name, tag, path, base.sha256, base.bytes)
    return base_of_ours(base.name, path, base.sha256, base.bytes, dress_for(spec) if dressed else Dress())


def tag_in_ollama(base: InstalledBase, spec: BaseSpec) -> OllamaTag | None:
    """The model in Ollama whose file the base is; None for a file of our own. Raises InvalidName."""
    named = base.tag or (spec.spec.ollama.tag if spec.spec.ollama is not None else "")
    return OllamaTag.parse(named) if base.origin == "ollama" and named else None


def base_of_ours(name: str, gguf: Path, sha256: str, size: int, dress: Dress) -> WantedBase:
    """A base that is made in Ollama of a file of ours, as <base>:latest."""
    return WantedBase(name, OllamaTag.parse(name), gguf, sha256, size, dress)


def wanted_adapters(home: Home, registry: Registry, base: InstalledBase) -> tuple[WantedAdapter, ...]:
    """The adapters that answer on the base, sorted by name. Raises InvalidFile, InvalidName (too long a name)."""
    packages = active_packages(home, registry, base)
    return tuple(
        _adapter(home, base, adapter, package)
        for adapter, package in zip(registry.active_of(base), packages, strict=True)
    )


def _adapter(home: Home, base: InstalledBase, adapter: InstalledAdapter, package: AdapterPackage) -> WantedAdapter:
    gguf = home.root / adapter.gguf if adapter.gguf else None
    size = gguf.stat().st_size if gguf is not None and gguf.is_file() else 0
    tag = adapter_tag(base.name, adapter.ref)
    return WantedAdapter(adapter.ref, tag, gguf, adapter.sha256, size, package.manifest.prompt.system)


def dress_for(spec: BaseSpec) -> Dress:
    """What stands around the weights of a base that is made in Ollama. Raises NoOllamaTemplate, InvalidFile."""
    family = choose_template(spec.chat_template(), what=f"the base {spec.ref}")
    parameters = parameter_values(base_parameters(spec, family.stop))
    return Dress(template=family.template, license=spec.spec.licence, parameters=tuple(sorted(parameters.items())))
