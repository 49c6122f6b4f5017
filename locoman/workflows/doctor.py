"""Examines an installation from the folder up to a real answer; each check says what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from locoman.catalog.shelf import Shelf
from locoman.contracts import Engine, Message, Request, Sampling
from locoman.errors import CheckFailed, InvalidFile, LocomanError, NotEnoughMemory, NothingInstalled, OllamaUnavailable
from locoman.names import BASE, BaseRef
from locoman.sizes import megabytes
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry
from locoman.workflows.ask import whole_answer
from locoman.workflows.collection import active_packages, base_file, router_file
from locoman.workflows.held import held_by_ollama
from locoman.workflows.install import machine_memory

REINSTALL = "locoman install"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `fix` is what to type when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def examine(home: Home, shelf: Shelf, ollama_url: str, engine: Callable[[], Engine], *, deep: bool) -> Iterator[Check]:
    """The checks, cheapest first. A check that fails is a value, never an exception."""
    yield _attempt("home", lambda: _home(home), "set LOCOMAN_HOME to a folder of yours")
    yield _attempt("ollama", lambda: _ollama(ollama_url), "")
    try:
        registry = load_registry(home.registry)
        registry.current()
    except NothingInstalled as error:
        yield Check("registry", False, str(error), REINSTALL)
        return
    except LocomanError as error:
        yield Check("registry", False, str(error), f"move {home.registry} away, then {REINSTALL}")
        return
    yield Check("registry", True, f"{len(registry.bases)} base(s), {len(registry.adapters)} adapter(s)")
    reinstall = f"{REINSTALL} --base {registry.base}"
    yield _attempt("base", lambda: _base(home, shelf, registry, deep), reinstall)
    yield _attempt("adapters", lambda: _adapters(home, registry, deep), reinstall)
    yield _in_ollama(home, shelf, ollama_url)
    from locoman.workflows.router.checkup import check_feedback, check_router, check_wishes

    yield _attempt("router", lambda: check_router(home, registry, deep=deep), "locoman router fit")
    yield _attempt("routing", lambda: check_wishes(home, registry), "")
    yield _attempt("feedback", lambda: check_feedback(home, registry), f"mend {home.feedback}, or move it away")
    yield _attempt("claims", lambda: _claims(home, registry), "locoman router show")
    yield _attempt("engine", lambda: _engine(engine()), "locoman stop, then ask again")
    yield Check("memory", True, _memory(ollama_url, registry))


def _attempt(name: str, check: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, True, check())
    except LocomanError as error:
        return Check(name, False, str(error), getattr(error, "remedy", "") or fix)


def _home(home: Home) -> str:
    from locoman.store.atomic import mapped

    with mapped(home.root):
        home.root.mkdir(parents=True, exist_ok=True)
        probe = home.root / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    kept = sum(path.stat().st_size for path in home.downloads.rglob("*") if path.is_file())
    unfinished = f"; {megabytes(kept)} in {home.downloads} go on when they are asked for again" if kept else ""
    return f"{home.root} can be written{unfinished}"


def _ollama(url: str) -> str:
    """Ollama is welcome, not needed: its absence is told, not failed."""
    from locoman.ollama.api import OllamaApi

    try:
        with OllamaApi(url) as api:
            return f"Ollama {api.version()} answers at {url}"
    except OllamaUnavailable:
        return f"no Ollama at {url}; the embedded engine is used"


def _in_ollama(home: Home, shelf: Shelf, url: str) -> Check:
    """Whether Ollama has of locoman's models what the registry says."""
    from locoman.ollama.api import OllamaApi
    from locoman.workflows.status import status_of

    try:
        with OllamaApi(url) as api:
            status = status_of(home, shelf, api)
    except LocomanError as error:
        return Check("models", False, str(error), "locoman status")
    if status.differences:
        more = f" ({len(status.differences) - 1} more)" if len(status.differences) > 1 else ""
        return Check("models", False, status.differences[0].sentence + more, status.differences[0].fix)
    return Check("models", True, f"{len(status.models)} of locoman's in Ollama, as they should be")


def _base(home: Home, shelf: Shelf, registry: Registry, deep: bool) -> str:
    base = registry.current()
    need = shelf.spec(BaseRef(base.name)).spec.runtime.memory_bytes
    total = machine_memory()
    if need > total:
        raise NotEnoughMemory(base.name, need, total)
    path = base_file(home, base)
    if not path.is_file() or path.stat().st_size != base.bytes:
        raise InvalidFile(path, f"the file of {base.name} is missing or has another size than when it was installed")
    if deep and sha256_of(path) != base.sha256:
        raise InvalidFile(path, f"the file of {base.name} is damaged: its digest has changed")
    return f"{base.name}, {megabytes(base.bytes)}, {base.origin}"


def _adapters(home: Home, registry: Registry, deep: bool) -> str:
    base = registry.current()
    packages = active_packages(home, registry, base)
    for adapter in registry.adapters_of(base.name):
        if not (home.root / adapter.package / "adapter.toml").is_file():
            raise InvalidFile(home.root / adapter.package, f"the package of {adapter.ref} is missing")
        if not adapter.gguf:
            continue
        path = home.root / adapter.gguf
        if not path.is_file():
            raise InvalidFile(path, f"the weights of {adapter.ref} are missing")
        if deep and sha256_of(path) != adapter.sha256:
            raise InvalidFile(path, f"the weights of {adapter.ref} are damaged: their digest has changed")
    names = [p.manifest.name + (" (prompt-only)" if p.manifest.kind == "prompt" else "") for p in packages]
    return ", ".join(names) or "none"


def _claims(home: Home, registry: Registry) -> str:
    """An adapter with the questions of others takes them away, by mistake or on purpose."""
    from locoman.routing.conflicts import serious
    from locoman.routing.storage import load_model
    from locoman.workflows.collection import answering_packages
    from locoman.workflows.router.lessons import gather

    base = registry.current()
    learnt = load_model(router_file(home, base)).learnt
    powerless = [keyword.sentence for keyword in gather(home, answering_packages(home, registry, base)).powerless]
    if learnt is None:
        return " ".join(["no adapter has examples.", *powerless]).removesuffix(".")
    if greedy := serious(learnt.conflicts):
        raise CheckFailed(" ".join([f"Adapters claim the same questions: {'; '.join(map(str, greedy))}.", *powerless]))
    lesser = f"{learnt.lexical.owners.starts[-2]} examples, {len(learnt.conflicts)} lesser conflict(s)."
    return " ".join([lesser, *powerless]).removesuffix(".")


def _engine(engine: Engine) -> str:
    request = Request((Message("user", "Hello!"),), BASE, Sampling(max_tokens=8, temperature=0.0))
    answer = whole_answer(engine.chat(request))
    residency = engine.resident()
    base = next((base for base in residency.bases if base.name == answer.served.base), None) if residency else None
    way = f", run by {base.launcher}" if base and base.launcher else ""
    refused = "".join(f"; not by {reason.rstrip('.')}" for reason in base.refused) if base else ""
    return f"answers in {answer.timing.total_ms:.0f} ms ({answer.served.engine}{way}{refused})"


def _memory(url: str, registry: Registry) -> str:
    """A second copy in Ollama is told, not failed."""
    return " ".join(str(held) for held in held_by_ollama(url, registry)) or "no base is in memory twice"
