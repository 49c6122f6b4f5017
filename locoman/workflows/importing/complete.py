"""Makes a package of a draft: what whoever adds it says goes first, what is missing is named, the base is compared."""

from __future__ import annotations

from pathlib import Path

from locoman.catalog.manifest import BaseRequirement, Gate, Manifest, PromptSettings, RoutingSettings
from locoman.catalog.shelf import Shelf
from locoman.errors import Incomplete, WrongBase
from locoman.names import AdapterRef, check_name
from locoman.scoring import find_scorer
from locoman.store.home import Home
from locoman.store.registry import InstalledBase
from locoman.workflows.collection import base_file
from locoman.workflows.importing.draft import Draft, ImportOptions
from locoman.workflows.importing.find_base import BaseFinder
from locoman.workflows.importing.source import DraftSource

FIRST_VERSION = "1.0.0"
UNKNOWN_LICENCE = "unknown"
LEAST_CASES = 10
"""Fewer questions than these are no evaluation set."""


def complete(draft: Draft, options: ImportOptions, home: Home, shelf: Shelf, ollama_url: str) -> DraftSource:
    """The draft as a source of one package.

    Raises Incomplete (name, domain or base is not known), WrongBase (its tensors or its FROM belong to another base),
    MissingPrerequisite (its base is not installed), InvalidFile, Unsupported.
    """
    finder = BaseFinder(home, shelf, ollama_url)
    name = options.ref.name if options.ref else draft.name
    domain = options.domain or draft.domain
    base = finder.find(draft, options.base)
    missing = [("--name NAME", "its name")] * (not name)
    missing += [("--domain DOMAIN", "its domain")] * (not domain)
    missing += [("--base BASE", "its base")] * (base is None)
    if missing or base is None:
        raise Incomplete(draft.what, draft.where, missing)
    if draft.weights is not None:
        _check_weights(draft.weights, base_file(home, base), name, base.name)
    manifest = _manifest(draft, options, AdapterRef.parse(name), check_name(domain, "a domain"), base)
    return DraftSource(draft, manifest)


def _check_weights(weights: Path, base: Path, name: str, base_name: str) -> None:
    """Returns when every tensor of the adapter has its place in the base."""
    from locoman.weights.lora import check_lora_gguf, plan_lora

    try:
        if weights.is_dir():
            plan_lora(weights, base)
        else:
            check_lora_gguf(weights, base)
    except WrongBase as error:
        raise WrongBase(name, base_name, error.detail) from error


def _manifest(draft: Draft, options: ImportOptions, ref: AdapterRef, domain: str, base: InstalledBase) -> Manifest:
    version = str(options.ref.version) if options.ref and options.ref.version else draft.version or FIRST_VERSION
    evaluated = len(draft.cases) >= LEAST_CASES
    return Manifest(
        format=1,
        name=ref.name,
        version=version,
        domain=domain,
        description=options.description or draft.description or f"Taken over from {draft.what}.",
        licence=options.licence or draft.licence or UNKNOWN_LICENCE,
        authors=draft.authors,
        kind="lora" if draft.weights is not None else "prompt",
        base=BaseRequirement(base.name, base.fingerprint),
        prompt=PromptSettings(draft.system),
        routing=RoutingSettings(draft.keywords),
        gate=Gate(scorer=_scorer(draft), minimum_cases=len(draft.cases) if evaluated else 0),
    )


def _scorer(draft: Draft) -> str:
    """ "numeric" where every answer is a number, else "contains": how somebody else's set was scored is not known."""
    numeric = find_scorer("numeric")
    numbers = draft.cases and all(numeric.score(case.answer, case.target).value == 1.0 for case in draft.cases)
    return "numeric" if numbers else "contains"
