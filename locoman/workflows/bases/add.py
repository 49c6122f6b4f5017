"""Makes a spec of a model, so that it can be compared, tried out and installed: from a folder or a repository on the hub."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from locoman.catalog.hub_checkpoint import find_hub_checkpoint
from locoman.catalog.licences import find_licence, licence_name
from locoman.catalog.spec import (
    BaseSpec,
    CheckpointSource,
    GgufSource,
    OllamaSource,
    Runtime,
    Spec,
    Template,
    read_spec,
)
from locoman.documents import toml_of
from locoman.errors import CheckFailed, Incomplete, NotEnoughDisk, UsageError
from locoman.evaluation.selection.detect import Signal, by_probe, decide
from locoman.names import BaseRef
from locoman.store.atomic import mapped, publish, write_atomic
from locoman.weights.fingerprint import fingerprint_of_checkpoint
from locoman.workflows.bases.read_model import ModelFacts, read_facts
from locoman.workflows.bases.trial import Bench, clear, open_trial
from locoman.workflows.fetch_checkpoint import fetch_checkpoint

DEFAULT_CONTEXT = 4096
SMALL, TINY = 500_000_000, 50_000_000
"""Parameters below which 4 bits (8 bits) would cost answers and save little."""
TEMPLATE_FILE = "chat_template.jinja"
PROBE_LIMIT = 2_000_000_000
"""Bytes of a checkpoint up to which the probe is run without being asked for: converting it takes seconds."""


@dataclass(frozen=True, slots=True)
class AddOptions:
    """What is not to be found out, or shall be otherwise; "", 0 and None leave it to the files."""

    name: str = ""
    licence: str = ""
    quantization: str = ""
    context: int = 0
    revision: str = "main"
    ollama: str = ""
    gguf: str = ""
    bare: bool = False
    probe: bool | None = None


@dataclass(frozen=True, slots=True)
class AddPlan:
    """A spec that can be written. `folder` has the checkpoint's files, without weights where they stay on the hub.

    `unknown` says what nobody told; `bytes` are copied.
    """

    spec: Spec
    folder: Path
    template: str
    signals: tuple[Signal, ...]
    unknown: tuple[str, ...]
    bytes: int
    probe: bool


def plan_add(bench: Bench, text: str, options: AddOptions) -> AddPlan:
    """Reads what `text` means: a checkpoint folder, else OWNER/NAME on the hub (whose small files are fetched).

    Raises UsageError, Incomplete (no licence), InvalidFile, Unsupported, CheckFailed (a bare base), MissingPrerequisite.
    """
    folder, source = _source(bench, text, options)
    name = _name(options.name or (source.repository or folder.resolve().name).rpartition("/")[2])
    if name in {spec.ref.name for spec in bench.shelf.specs()}:
        raise UsageError(f"There is a base called {name} already; --name gives this one another name.")
    facts = read_facts(folder)
    if not facts.template.strip():
        raise CheckFailed(
            f"{name} is a bare base and no instruct model: it has no chat template. Its instruct variant is needed."
        )
    licence = licence_name(options.licence or facts.licence)
    if not licence:
        raise Incomplete("a model", text, (("--licence NAME", "its licence"),), "locoman base add")
    local = not source.repository
    spec = _spec(name, folder, replace_folder(source, name), facts, licence, options)
    copied = sum(path.stat().st_size for path in _files(folder)) if local else 0
    small = local and copied <= PROBE_LIMIT
    plan = AddPlan(
        spec, folder, facts.template, facts.signals, tuple(_unknown(spec, bench)), copied,
        probe=small if options.probe is None else options.probe,
    )  # fmt: skip
    return plan if plan.probe else _judged(plan, options)


def add_base(bench: Bench, plan: AddPlan, options: AddOptions) -> tuple[BaseSpec, AddPlan]:
    """Puts the checkpoint into its place, tries it where that was planned, then writes the spec: the commit.

    Raises CheckFailed (a bare base), NotEnoughDisk, StoreError, EngineError; then nothing is left.
    """
    place = bench.home.modelfiles / plan.spec.name
    free = shutil.disk_usage(next(each for each in place.parents if each.exists())).free
    if plan.bytes > free:
        raise NotEnoughDisk(plan.bytes, free, place.parent)
    staging = bench.home.evals / "bases" / f"adding-{plan.spec.name}"
    clear(staging)  # of an addition that was killed
    try:
        folder = staging / plan.spec.name
        _stage(plan, folder)
        write_atomic(staging / f"{plan.spec.name}.toml", document(plan.spec))
        if plan.probe:
            signal = _probed(bench, read_spec(staging / f"{plan.spec.name}.toml"), staging / "room")
            plan = _judged(replace(plan, signals=(*plan.signals, signal)), options)
        clear(place)  # without a spec it belongs to nobody: an addition was killed before it wrote one
        publish(folder, place)
        path = bench.home.modelfiles / f"{plan.spec.name}.toml"
        write_atomic(path, document(plan.spec))
        return read_spec(path), plan
    finally:
        clear(staging)


def document(spec: Spec) -> bytes:
    """The spec as a file."""
    return b"# Written by locoman base add.\n" + toml_of(spec).encode()


def replace_folder(source: CheckpointSource, name: str) -> CheckpointSource:
    """A folder is kept beside the spec, under the base's name."""
    return source if source.repository else CheckpointSource(folder=name)


def _source(bench: Bench, text: str, options: AddOptions) -> tuple[Path, CheckpointSource]:
    path = Path(text)
    if path.exists() or "\\" in text or text.startswith((".", "/", "~")):
        return path.expanduser(), CheckpointSource(folder=".")
    found = find_hub_checkpoint(text, options.revision)
    told = replace(found, files=tuple(f for f in found.files if not f.name.endswith(".safetensors")))
    folder = fetch_checkpoint(bench.home, told, bench.stages)
    return folder, CheckpointSource(repository=found.repository, revision=found.commit)


def _name(text: str) -> str:
    """A name made of what is there. Raises InvalidName."""
    return BaseRef.parse(re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("._-") or text).name


def _spec(
    name: str, folder: Path, source: CheckpointSource, facts: ModelFacts, licence: str, options: AddOptions
) -> Spec:
    count = facts.parameters
    quantization = (options.quantization or ("F16" if count < TINY else "Q8_0" if count < SMALL else "Q4_K_M")).upper()
    context = min(options.context or DEFAULT_CONTEXT, facts.longest_context)
    size = _size(folder, source, quantization, count)
    return Spec(
        format=1,
        name=name,
        title=(source.repository or folder.resolve().name),
        architecture=facts.model.architecture.name,
        parameter_count=count,
        licence=licence,
        status="candidate",
        academic_year="",
        kind=decide(facts.signals),
        fingerprint="" if source.repository else str(fingerprint_of_checkpoint(folder)),
        source=source,
        runtime=Runtime(context, size, facts.memory(size, context), quantization=quantization),
        template=Template(f"{name}/{TEMPLATE_FILE}", facts.ends),
        ollama=OllamaSource(options.ollama) if options.ollama else None,
        gguf=_gguf(options.gguf) if options.gguf else None,
        parameters=structs.replace(facts.sampling, max_tokens=max(1, min(facts.sampling.max_tokens, context // 4))),
    )


def _size(folder: Path, source: CheckpointSource, quantization: str, parameters: int) -> int:
    """Bytes of the GGUF: planned where the weights are here, else by the mix's usual bits. Raises UsageError."""
    from locoman.weights.convert import plan_conversion
    from locoman.weights.mixes import find_mix

    find_mix(quantization)
    if not source.repository:
        return plan_conversion(folder, quantization).bytes
    bits = {"F32": 32.0, "F16": 16.0, "BF16": 16.0}.get(quantization)
    digits = re.match(r"Q(\d)", quantization)
    return round(parameters * (bits or (float(digits[1]) + 1.0 if digits else 16.0)) / 8)


def _gguf(text: str) -> GgufSource:
    """OWNER/NAME:FILE. Raises UsageError."""
    repository, colon, file = text.partition(":")
    if not colon or not file.endswith(".gguf") or repository.count("/") != 1:
        raise UsageError(f"{text[:80]!r} names no GGUF; write OWNER/NAME:FILE.gguf.")
    return GgufSource(repository, file)


def _unknown(spec: Spec, bench: Bench) -> Iterator[str]:
    """What a person should look up and write into the spec or among the candidates."""
    if find_licence(spec.licence) is None:
        yield f"what the licence {spec.licence} permits"
    if spec.name not in {candidate.name for candidate in bench.shelf.candidates()}:
        yield "languages, release and what others measured (candidates.toml)"
    if spec.source.repository and not (spec.gguf or spec.ollama):
        yield "a ready GGUF (--gguf) or a tag in Ollama (--ollama); it is converted here"
    if not spec.kind:
        yield "whether it is an instruct model (--probe tries it)"


def _judged(plan: AddPlan, options: AddOptions) -> AddPlan:
    """The plan with the kind that all signals tell. Raises CheckFailed for a bare base that was not asked for."""
    kind = decide(plan.signals)
    if kind == "base" and not options.bare:
        reasons = "; ".join(signal.detail for signal in plan.signals if signal.says == "base")
        raise CheckFailed(
            f"{plan.spec.name} is a bare base and no instruct model: {reasons}. Its instruct variant is needed; "
            f"--bare takes it as a candidate that can never be the standard."
        )
    return replace(plan, spec=structs.replace(plan.spec, kind=kind))


def _files(folder: Path) -> Iterator[Path]:
    """What belongs to a checkpoint; no folders, links or hidden files."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield path


def _stage(plan: AddPlan, folder: Path) -> None:
    """The checkpoint's files, as links to the same bytes where the disk is the same; of the hub's the template alone."""
    with mapped(folder):
        folder.mkdir(parents=True)
        for path in _files(plan.folder) if plan.spec.source.folder else ():
            try:
                os.link(path, folder / path.name)
            except OSError:
                shutil.copyfile(path, folder / path.name)
        if not (folder / TEMPLATE_FILE).exists():
            (folder / TEMPLATE_FILE).write_text(plan.template, encoding="utf-8")


def _probed(bench: Bench, spec: BaseSpec, room: Path) -> Signal:
    with open_trial(bench, spec, room) as trial:
        return by_probe(trial.engine, bench.stages(f"{spec.ref}: does it answer and stop?"))
