"""The composition root: builds the objects of one LOCOMAN_HOME from its settings, and is the only place that picks
implementations. Everything is built on first use, so that a command imports only what it needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from locoman.errors import UsageError
from locoman.settings import Settings, Value, load_settings
from locoman.store.home import Home

if TYPE_CHECKING:
    from datetime import date

    from locoman.catalog.shelf import Shelf
    from locoman.contracts import Decider, Engine, Residency, Scorer, Source
    from locoman.engines.host.audience import Audience
    from locoman.engines.host.options import HostOptions
    from locoman.engines.local import LocalEngine
    from locoman.evaluation.suite import ScorerChoice
    from locoman.migration.calendar import Calendar
    from locoman.ollama.api import OllamaApi
    from locoman.progress import Stages
    from locoman.routing.cascade import Router
    from locoman.store.registry import Registry
    from locoman.workflows.bases.trial import Bench
    from locoman.workflows.evaluation_plan import EngineFacts
    from locoman.workflows.held import Held
    from locoman.workflows.lineup import RegistryLineup
    from locoman.workflows.provide.provider import Provider
    from locoman.workflows.provide.ready import ReadyBases
    from locoman.workflows.serve import ServePlan


class App:
    """Everything a command may ask for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = Home(settings.home)
        self._open = ExitStack()

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes what the engines hold: connections, loaded models. A host lives on."""
        self._open.close()

    @classmethod
    def load(cls, home: Path | None = None, flags: Mapping[str, Value] | None = None) -> App:
        """The app for --home, else LOCOMAN_HOME, else the default. Raises InvalidFile, UsageError."""
        return cls(load_settings(home, os.environ, flags))

    @cached_property
    def shelf(self) -> Shelf:
        """What could be installed: what ships, with this machine's own specs over it."""
        from locoman.catalog.shelf import Shelf, shipped

        folders = (shipped("modelfiles"), self.home.modelfiles), (shipped("adapters"),)
        return Shelf(*folders, lambda: self.registry().succession)

    def sources(self, chosen: Sequence[str] = ()) -> tuple[Source, ...]:
        """Where adapters come from: what ships, catalog.sources, and wherever an installed one came from; or `chosen` alone.

        Raises UsageError for one that is none; of the registry's, one that is gone (a stick, a folder) is left out.
        """
        from locoman.catalog.sources import SHIPPED, open_source

        if chosen:
            return tuple(open_source(text, self.home.downloads) for text in chosen)
        named = [text.strip() for text in self.settings.text("catalog.sources").split(";") if text.strip()]
        recorded = [adapter.source for adapter in self.registry().adapters if adapter.source]
        found = []
        for text in dict.fromkeys((SHIPPED, *named, *recorded)):
            try:
                found.append(open_source(text, self.home.downloads))
            except UsageError:
                if text in named:
                    raise
        return tuple(found)

    def registry(self) -> Registry:
        """What is installed now. Raises InvalidFile."""
        from locoman.store.registry import load_registry

        return load_registry(self.home.registry)

    @property
    def calendar(self) -> Calendar:
        """When semesters begin. Raises UsageError."""
        from locoman.migration.calendar import Calendar

        return Calendar.parse(self.settings.text("calendar.spring"), self.settings.text("calendar.autumn"))

    @property
    def today(self) -> date:
        """The day by this machine's clock."""
        from datetime import date

        return date.today()

    def lineup(self) -> RegistryLineup:
        """What a host of this home serves."""
        from locoman.workflows.lineup import RegistryLineup

        arbiter = self._local_engine if self.settings.text("engine.kind") == "host" else None
        return RegistryLineup(self.home, self.shelf, _log, arbiter)

    @cached_property
    def ollama_url(self) -> str:
        """Where Ollama should answer."""
        from locoman.ollama.address import resolve_url

        return resolve_url(self.settings.text("ollama.url") or os.environ.get("OLLAMA_HOST"))

    def ollama(self) -> OllamaApi:
        """A client of Ollama; nothing is asked yet."""
        from locoman.ollama.api import OllamaApi

        return self._open.enter_context(OllamaApi(self.ollama_url))

    def providers(self) -> tuple[Provider, ...]:
        """Ways to bring a base here, best first."""
        from locoman.workflows.provide.checkpoint import CheckpointProvider
        from locoman.workflows.provide.hub import HubProvider
        from locoman.workflows.provide.hub_checkpoint import HubCheckpointProvider
        from locoman.workflows.provide.ollama import OllamaProvider

        return (
            CheckpointProvider(),
            OllamaProvider(self.ollama_url),
            HubProvider(self.home.downloads),
            HubCheckpointProvider(self.home),
        )

    @property
    def ready_bases(self) -> ReadyBases:
        """Files of bases that Ollama has already."""
        from locoman.workflows.provide.ready import ReadyBases

        return ReadyBases(self.ollama_url)

    def router(self, say: Callable[[str], None] = lambda sentence: None) -> Router:
        """The router of the base in use; `say` hears what somebody should know of it. Raises NothingInstalled, InvalidFile."""
        from locoman.workflows.router.encoder_session import begin

        begin(self.home)  # while what deciding needs is imported
        from locoman.workflows.router.ready import open_router

        return open_router(self.home, self.registry().current(), say, self.engine)

    def deciding(self, say: Callable[[str], None] = lambda sentence: None) -> Decider:
        """Who says which adapter answers: the host, if one runs, so that the encoder is in memory once; else `router`."""
        if self.settings.text("engine.kind") == "host" and self.registry().current():
            from locoman.engines.host.files import HostFiles

            address = HostFiles(self.home.run, self.home.locks).read_address()
            if address is not None:
                from locoman.engines.host.routing_client import HostDecider
                from locoman.workflows.router.deciding import HostFirst

                host = HostDecider.at(address)
                if host is not None:
                    return HostFirst(self._open.enter_context(closing(host)), lambda: self.router(say), say)
        return self.router(say)

    def engine(self) -> Engine:
        """Who answers, as engine.kind says. Raises NothingInstalled, UsageError, InvalidFile."""
        kind = self.settings.text("engine.kind")
        if kind == "scripted":
            from locoman.engines.scripted import ScriptedEngine

            return ScriptedEngine(Path(self._required("engine.script")))
        if kind == "openai":
            from locoman.engines.openai import OpenAIEngine

            return self._open.enter_context(
                closing(OpenAIEngine(self._required("engine.url"), self.settings.text("engine.key")))
            )
        if kind == "llama_cpp":
            from locoman.engines.llama_cpp.engine import LlamaCppEngine

            return self._open.enter_context(
                closing(LlamaCppEngine(self.lineup(), self.settings.number("engine.threads")))
            )
        self.registry().current()  # with nothing installed, that is the error, and no host is started to find out
        return self._local_engine()

    def engine_facts(self) -> EngineFacts:
        """Which engine `engine` gives, for telling evaluations apart. Raises UsageError, InvalidFile."""
        from locoman.store.digests import sha256_of
        from locoman.workflows.evaluation_plan import EngineFacts

        kind = self.settings.text("engine.kind")
        if kind == "openai":
            return EngineFacts(kind, False, self._required("engine.url"))
        if kind == "scripted":
            path = Path(self._required("engine.script"))
            return EngineFacts(kind, False, f"{path.name} {sha256_of(path)[:16]}" if path.is_file() else str(path))
        return EngineFacts(kind)

    def scorers(self, engine: Engine, allow_code: bool = False) -> Callable[[ScorerChoice], Scorer]:
        """Builds scorers, whose judges ask `engine`; `allow_code`: those too that run code from answers, in a sandbox.

        What it returns raises UnknownName, UsageError, MissingPrerequisite.
        """
        from locoman.scoring import Tools, build_scorer, scorer_kind
        from locoman.scoring.sandbox import open_sandbox

        def build(choice: ScorerChoice) -> Scorer:
            runs_code = allow_code and "tests" in scorer_kind(choice.name).needs
            return build_scorer(choice.name, choice.options, Tools(engine, open_sandbox() if runs_code else None))

        return build

    @contextmanager
    def engine_in(self, home: Home) -> Iterator[Engine]:
        """An engine of this machine for another home, with this one's settings; its host is stopped at the end.

        Where engine.kind is somebody else's server, the host is taken: that server does not know what is in `home`.
        """
        values = dict(self.settings.values)
        if values["engine.kind"] == "openai":
            values["engine.kind"] = "host"
        with App(replace(self.settings, home=home.root, values=values)) as app:
            try:
                yield app.engine()
            finally:
                if values["engine.kind"] == "host":
                    app.stop_host()

    def resident(self) -> Residency | None:
        """What is in memory; None when no host runs (none is started)."""
        kind = self.settings.text("engine.kind")
        return self._local_engine().resident() if kind == "host" else self.engine().resident()

    def held_by_ollama(self) -> tuple[Held, ...]:
        """The installed bases that Ollama has in memory as well."""
        from locoman.workflows.held import held_by_ollama

        return held_by_ollama(self.ollama_url, self.registry())

    def bench(self, stages: Stages) -> Bench:
        """What trying bases out needs."""
        from locoman.workflows.bases.trial import Bench

        return Bench(self.home, self.shelf, self.providers(), self.engine_in, stages)

    def stop_host(self) -> bool:
        """Ends this home's host; False if none ran. Raises EngineUnavailable."""
        return self._local_engine().stop()

    def serve_host(self) -> None:
        """Runs this home's host in this process until it is stopped or idle. Raises EngineUnavailable."""
        from locoman.engines.host.server import serve

        serve(self.lineup(), self.home.run, self._host_options())

    def serve(self, plan: ServePlan, audience: Audience) -> None:
        """Runs this home's host for others until it is stopped, in place of one in the background.

        Raises NothingInstalled, EngineUnavailable (the port is taken, another `serve` runs).
        """
        from locoman.engines.host.discover import make_room
        from locoman.engines.host.server import serve

        self.registry().current()
        make_room(self.home.run, self.home.locks)
        options = replace(
            self._host_options(),
            host=plan.host,
            port=plan.port,
            client_key=plan.key,
            names=plan.names,
            foreground=True,
            keep_alive=None,
        )
        serve(self.lineup(), self.home.run, options, audience)

    def _host_options(self) -> HostOptions:
        from locoman.engines.host.options import HostOptions

        settings = self.settings
        return HostOptions(
            keep_alive=float(settings.number("engine.keep_alive")),
            threads=settings.number("engine.threads"),
            memory=settings.number("engine.memory") * 1_000_000,
            launcher=settings.text("engine.launcher"),
            locks_dir=self.home.locks,
        )

    def _local_engine(self) -> LocalEngine:
        from locoman.engines.local import LocalEngine

        command = (sys.executable, "-m", "locoman", "host", "--home", str(self.home.root))
        return self._open.enter_context(closing(LocalEngine(self.home.run, self.home.locks, command)))

    def _required(self, key: str) -> str:
        value = self.settings.text(key)
        if not value:
            raise UsageError(f"engine.kind is {self.settings.text('engine.kind')}, and {key} is not set.")
        return value


def _log(sentence: str) -> None:
    """Into the host's log; elsewhere on stderr."""
    import logging

    logging.getLogger("locoman.router").warning(sentence)
