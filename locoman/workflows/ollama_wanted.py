"""What an installed base and its active adapters are to be in Ollama."""

from __future__ import annotations

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
    """The base: Ollama's own under the tag of its spec, or one to be made of our file as <base>:latest.

    Without `dressed` it cannot be made or compared, and no template is looked for. Raises NoOllamaTemplate, InvalidFile.
    """
    path = base_file(home, base)
    if base.origin == "ollama" and spec.spec.ollama is not None:
        return WantedBase(base.name, OllamaTag.parse(spec.spec.ollama.tag), path, base.sha256, base.bytes)
    return WantedBase(
        base.name, OllamaTag.parse(base.name), path, base.sha256, base.bytes, _dress(spec) if dressed else Dress()
    )


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


def _dress(spec: BaseSpec) -> Dress:
    """Raises NoOllamaTemplate, InvalidFile."""
    family = choose_template(spec.chat_template(), what=f"the base {spec.ref}")
    parameters = parameter_values(base_parameters(spec, family.stop))
    return Dress(template=family.template, license=spec.spec.licence, parameters=tuple(sorted(parameters.items())))
