"""Criticises a package: names all that is missing or wrong, with file and line. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import LORA_GGUF, AdapterPackage, Manifest, read_package
from locoman.catalog.shelf import Shelf
from locoman.documents import MAX_TOML_BYTES, line_of_key, read_text
from locoman.errors import InvalidFile, LocomanError, UnknownName
from locoman.store.home import Home
from locoman.store.new_archive import files_of
from locoman.store.registry import InstalledBase, Registry, load_registry
from locoman.workflows.authoring.data import TODO, check_data
from locoman.workflows.authoring.finding import Finding, Findings
from locoman.workflows.collection import base_file

MANIFEST, README = "adapter.toml", "README.md"
_NAMED = {MANIFEST, README, "train.jsonl", "eval.jsonl", "routing.jsonl"}
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
_MAX_README_BYTES = 1 << 20
_UNKNOWN_LICENCES = ("", "unknown", "none", "other")


@dataclass(frozen=True, slots=True)
class Criticism:
    """What was found in a folder; `package` None where its adapter.toml cannot be read."""

    folder: Path
    package: AdapterPackage | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the package from being whole."""
        return tuple(finding for finding in self.findings if finding.level == "error")


def check_package(folder: Path, home: Home, shelf: Shelf) -> Criticism:
    """Reads all of the package in `folder`. Raises StoreError (it cannot be read), InvalidFile (the registry)."""
    findings = Findings()
    try:
        package = read_package(folder)
    except InvalidFile as error:
        findings.error(MANIFEST, error.detail, error.line)
        return Criticism(folder, None, tuple(findings.found))
    text = read_text(folder / MANIFEST, MAX_TOML_BYTES)
    _check_manifest(package.manifest, text, findings)
    _check_files(package, findings)
    check_data(package, findings)
    registry = load_registry(home.registry)
    _check_base(package, home, shelf, registry, text, findings)
    _check_neighbours(package.manifest, _others(package, home, shelf, registry), text, findings)
    return Criticism(folder, package, tuple(findings.found))


def _check_manifest(manifest: Manifest, text: str, findings: Findings) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if f'"{TODO}' in line.partition("#")[0]:
            findings.error(MANIFEST, "still the template's text; put your own in its place", number)
    if manifest.licence.strip().lower() in _UNKNOWN_LICENCES:
        findings.error(
            MANIFEST, "say under which licence it may be used, e.g. Apache-2.0", line_of_key(text, "licence")
        )
    if not any(author.strip() for author in manifest.authors):
        findings.error(MANIFEST, "say who made it", line_of_key(text, "authors"))
    if manifest.training is None and manifest.kind == "lora":
        findings.warning(MANIFEST, "no [training]: nobody can train it again when the base changes")


def _check_files(package: AdapterPackage, findings: Findings) -> None:
    for name, path in files_of(package.folder):
        if path.suffix.lower() in _PICKLES:
            findings.error(name, "a pickle, which could run anything; weights must be safetensors or GGUF")
        elif name.startswith("weights/") and not name.startswith(f"weights/{package.manifest.base.name}/"):
            findings.warning(name, "weights of another base; they are packed along")
        elif name not in _NAMED | {package.manifest.gate.suite} and not name.startswith(("weights/", "LICENSE")):
            findings.warning(name, "no part of a package; it is packed along")
    try:
        readme = read_text(package.folder / README, _MAX_README_BYTES)
    except InvalidFile as error:
        findings.error(README, error.detail)
        return
    places = [n for n, line in enumerate(readme.splitlines(), start=1) if line.startswith(TODO)]
    findings.lines("error", README, [(line, "still the template's text") for line in places])
    if len(readme.strip()) < 200:
        findings.warning(README, "hardly says anything; tell what it does, from which data, and how well")


def _check_base(
    package: AdapterPackage, home: Home, shelf: Shelf, registry: Registry, text: str, findings: Findings
) -> None:
    manifest = package.manifest
    try:
        spec = shelf.spec(manifest.base.ref)
    except UnknownName as error:
        findings.error(MANIFEST, f"[base] {str(error).rstrip('.')}", line_of_key(text, "base"))
        return
    if manifest.kind == "prompt":
        findings.warning(MANIFEST, "prompt-only: it has no weights yet", line_of_key(text, "kind"))
        return
    base = registry.find_base(manifest.base.name)
    known = base.fingerprint if base is not None else spec.spec.fingerprint
    if not known:
        findings.warning(MANIFEST, f"{manifest.base.name} is not installed here, so nothing was compared with it")
    else:
        _compare(manifest, known, text, findings)
    weights = package.weights
    if weights is None or not weights.is_dir():
        findings.error(f"weights/{manifest.base.name}", "there are no weights yet")
    elif base is not None:
        _check_weights(weights, base_file(home, base), base, findings)


def _compare(manifest: Manifest, known: str, text: str, findings: Findings) -> None:
    from locoman.weights.fingerprint import Fingerprint, compare

    line = line_of_key(text, "fingerprint")
    try:
        same = compare(Fingerprint.parse(manifest.base.fingerprint), Fingerprint.parse(known)).same_model
    except LocomanError as error:
        findings.error(MANIFEST, str(error).rstrip("."), line)
        return
    if not same:
        findings.error(MANIFEST, f"the fingerprint is that of another model than {manifest.base.name}", line)


def _check_weights(weights: Path, base: Path, installed: InstalledBase, findings: Findings) -> None:
    from locoman.weights.lora import check_lora_gguf, plan_lora

    try:
        if (weights / "adapter_config.json").is_file():
            plan_lora(weights, base)
        else:
            check_lora_gguf(weights / LORA_GGUF, base)
    except LocomanError as error:
        findings.error(f"weights/{installed.name}", str(error).rstrip("."))


def _others(package: AdapterPackage, home: Home, shelf: Shelf, registry: Registry) -> Iterator[Manifest]:
    """The other adapters for the same base that ship or are installed; broken ones are not this package's fault."""
    found = {other.manifest.name: other.manifest for other in shelf.packages(package.manifest.base.ref)}
    for adapter in registry.adapters_of(package.manifest.base.name):
        try:
            manifest = read_package(home.root / adapter.package).manifest
        except InvalidFile:
            continue
        found[manifest.name] = manifest
    return (manifest for name, manifest in sorted(found.items()) if name != package.manifest.name)


def _check_neighbours(manifest: Manifest, others: Iterator[Manifest], text: str, findings: Findings) -> None:
    mine = {keyword.casefold(): keyword for keyword in manifest.routing.keywords}
    for other in others:
        for claimed in sorted(mine.keys() & {keyword.casefold() for keyword in other.routing.keywords}):
            findings.error(
                MANIFEST,
                f"the keyword {mine[claimed]!r} belongs to {other.name} already",
                line_of_key(text, "keywords"),
            )
        if other.domain == manifest.domain:
            findings.warning(
                MANIFEST, f"the domain {other.domain} is that of {other.name}; only one of them answers at a time",
                line_of_key(text, "domain"),
            )  # fmt: skip
