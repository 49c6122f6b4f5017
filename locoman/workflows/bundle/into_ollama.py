"""A bundle's base as a model in Ollama: Ollama's file is the base's place from then on, and no second copy is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import structs

from locoman.catalog.spec import BaseSpec
from locoman.errors import InvalidFile, LocomanError, MissingPrerequisite
from locoman.ollama.address import is_loopback
from locoman.ollama.api import OllamaApi
from locoman.ollama.base_file import BaseFile, Unreadable, locate_base
from locoman.ollama.strategies import making
from locoman.ollama.strategies.strategy import Work
from locoman.ollama.tag import OllamaTag
from locoman.progress import Stages
from locoman.store.registry import InstalledBase, OllamaModel, OllamaRecord, Registry
from locoman.store.transaction import Transaction
from locoman.weights.fingerprint import Fingerprint, compare, fingerprint_of_gguf
from locoman.workflows.ollama_models import Holdings
from locoman.workflows.ollama_record import commit_ollama, finished, intention
from locoman.workflows.ollama_wanted import base_of_ours, dress_for

_LOOKED_AT = 3
"""So many models show whether Ollama's files can be read from here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Ollama a base goes: `tag` its name there.

    `action`: it is made, or made anew in place of a damaged one of ours, or that very base is there and is used.
    `second_copy`: why LOCOMAN_HOME keeps a file of its own beside it; "" where Ollama's can be read.
    """

    tag: OllamaTag
    version: str
    action: Literal["make", "make anew", "use"]
    second_copy: str = ""


def plan_place(api: OllamaApi, registry: Registry, spec: BaseSpec, fingerprint: str) -> Place:
    """What it takes to have the base of that `fingerprint` in Ollama as <base>:latest.

    Raises OllamaUnavailable, OllamaRefused, NoOllamaTemplate, InvalidName, MissingPrerequisite (the name is taken).
    """
    dress_for(spec)
    tag, version = OllamaTag.parse(spec.ref.name), api.version()
    there = Holdings.of(api).manifest(str(tag))
    if not there:
        return Place(tag, version, "make", _closed(api))
    record = registry.ollama.find(str(tag))
    ours = record is not None and (not record.recipe or record.manifest == there)
    found = locate_base(api, str(tag))
    if isinstance(found, Unreadable) and ours:
        damaged = found.why == "damaged"
        return Place(tag, version, "make anew" if damaged else "use", "" if damaged else found.sentence)
    if isinstance(found, BaseFile) and _is_model(found.path, fingerprint):
        return Place(tag, version, "use")
    raise MissingPrerequisite(
        f"There is a model {tag} in Ollama already, and it is not this base.",
        f"ollama cp {tag} another-name, ollama rm {tag}, then the same command again",
    )


def file_in_place(api: OllamaApi, place: Place) -> Path | None:
    """Ollama's file of a base that is to be used as it is; None where it cannot be read, or is yet to be made."""
    found = locate_base(api, str(place.tag)) if place.action == "use" else None
    return found.path if isinstance(found, BaseFile) else None


def bring_into_ollama(
    tx: Transaction, api: OllamaApi, place: Place, spec: BaseSpec, base: InstalledBase, extract: Callable[[], Path],
    stages: Stages,
) -> tuple[InstalledBase, OllamaRecord]:  # fmt: skip
    """The base with its file in Ollama, and the record of it; not committed.

    `base` has its digest and size in the bundle, and `extract` gives its file, also a second time. Raises LocomanError; then
    Ollama has what it had.
    """
    tag = str(place.tag)
    if place.action == "use":
        found = locate_base(api, tag, verify=True, progress=stages(f"Base {base.name}: reading Ollama's file"))
        return _settled(tx, place, base, found, extract), _completed(tx, api, place, spec, base)
    if place.action == "make anew":
        _take_away(tx, api, base.name)
    draft = OllamaModel(tag, base.name, "", "created")
    with intention(tx, api, draft, None, ""):
        try:
            source = extract()
            wanted = base_of_ours(base.name, source, base.sha256, base.bytes, dress_for(spec))
            work = Work(api, tx.staging, stages)
            copy = making.copy_base(work, wanted)
            if not place.second_copy:
                source.unlink()
            made = making.make_base(work, wanted, copy)
            found = locate_base(api, tag, verify=True, progress=stages(f"Base {base.name}: reading Ollama's file"))
            settled = _settled(tx, place, base, found, extract)
            whole = finished(tx, api, draft, wanted.recipe(), made)
        except LocomanError:
            with suppress(LocomanError):
                making.remove_model(api, tag)
            raise
    return settled, tx.registry.ollama.with_model(whole)


def _settled(
    tx: Transaction, place: Place, base: InstalledBase, found: BaseFile | Unreadable, extract: Callable[[], Path]
) -> InstalledBase:
    """On Ollama's file where it can be read; else on a file of our own, the second copy."""
    if isinstance(found, BaseFile):
        if not _is_model(found.path, base.fingerprint):
            raise InvalidFile(found.path, f"it is not {base.name}")
        return structs.replace(
            base, gguf=str(found.path), origin="ollama", sha256=found.sha256, bytes=found.size, tag=str(place.tag)
        )
    if found.why == "damaged":
        raise MissingPrerequisite(found.sentence, "the same command again, which makes it anew")
    own = tx.home.bases / base.name / f"{base.sha256[:16]}.gguf"
    return structs.replace(base, gguf=tx.publish(extract(), own), origin="bundle", tag="")


def _completed(tx: Transaction, api: OllamaApi, place: Place, spec: BaseSpec, base: InstalledBase) -> OllamaRecord:
    """The record, where an installation was killed before it could finish it; of what is not ours there is none."""
    ollama = tx.registry.ollama
    record = ollama.find(str(place.tag))
    if record is None or record.recipe:
        return ollama
    wanted = base_of_ours(base.name, tx.home.root, base.sha256, base.bytes, dress_for(spec))
    manifest = Holdings.of(api).manifest(record.tag)
    return ollama.with_model(structs.replace(record, recipe=wanted.recipe(), manifest=manifest))


def _take_away(tx: Transaction, api: OllamaApi, base: str) -> None:
    """Deletes what holds on to the damaged file: the models of ours for this base. The next sync makes those of adapters."""
    holdings = Holdings.of(api)
    for model in sorted(tx.registry.ollama.models, key=lambda model: not model.adapter):
        there = holdings.manifest(model.tag)
        ours = there == model.manifest or not (model.adapter or model.recipe)
        if model.base == base and there and ours:
            making.remove_model(api, model.tag)
            commit_ollama(tx, tx.registry.ollama.without(model.tag))


def _closed(api: OllamaApi) -> str:
    """Why Ollama's files cannot be read from here, as far as the models that are in it show; "" when they can."""
    if not is_loopback(api.url):
        return f"Ollama runs on another machine ({api.url}), so its files cannot be read here."
    for model in api.tags()[:_LOOKED_AT]:
        found = locate_base(api, model.name)
        if isinstance(found, BaseFile):
            return ""
        if found.why in ("forbidden", "absent"):
            return found.sentence
    return ""


def _is_model(path: Path, fingerprint: str) -> bool:
    try:
        return compare(Fingerprint.parse(fingerprint), fingerprint_of_gguf(path)).same_model
    except InvalidFile:
        return False
