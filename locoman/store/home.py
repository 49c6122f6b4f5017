"""The folders of LOCOMAN_HOME."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """Names every place in LOCOMAN_HOME once; creates nothing."""

    root: Path

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.root / "config.toml"

    @property
    def registry(self) -> Path:
        """The one commit point."""
        return self.root / "registry.toml"

    @property
    def bases(self) -> Path:
        """Converted or downloaded base files, one folder per base."""
        return self.root / "bases"

    @property
    def adapters(self) -> Path:
        """Installed packages, adapters/<name>/<version>."""
        return self.root / "adapters"

    @property
    def router(self) -> Path:
        """Fitted routers, named by their content."""
        return self.root / "router"

    @property
    def encoders(self) -> Path:
        """The router's encoder, in a folder named by its digest."""
        return self.root / "encoders"

    @property
    def feedback(self) -> Path:
        """What the user said about where questions belong."""
        return self.root / "feedback.jsonl"

    @property
    def last_question(self) -> Path:
        """The last question that the router decided."""
        return self.root / "run" / "last-question.json"

    @property
    def wishes(self) -> Path:
        """What the user wants of the router, over what the adapters declare."""
        return self.root / "routing.toml"

    @property
    def arbiters(self) -> Path:
        """Which bases were measured to help the router where it is unsure."""
        return self.root / "arbiters.json"

    @property
    def modelfiles(self) -> Path:
        """Base specs of this machine, beside those that ship."""
        return self.root / "modelfiles"

    @property
    def migrations(self) -> Path:
        """Journals and documents of changes of base, a folder each."""
        return self.root / "migrations"

    @property
    def suites(self) -> Path:
        """Suites of this machine: NAME.toml and its JSONL."""
        return self.root / "suites"

    @property
    def evals(self) -> Path:
        """Evaluations, one folder per run."""
        return self.root / "evals"

    @property
    def training(self) -> Path:
        """How far trainings are that have not ended, in folders named by what they are made of."""
        return self.root / "training"

    @property
    def staging(self) -> Path:
        """Work in progress; whatever is here when nobody holds the lock was left by a killed process."""
        return self.root / "staging"

    @property
    def downloads(self) -> Path:
        """Partial downloads, kept so that they can go on."""
        return self.root / "downloads"

    @property
    def fingerprints(self) -> Path:
        """Fingerprints of models by file identity; may be deleted at any time."""
        return self.root / "cache" / "fingerprints.json"

    @property
    def run(self) -> Path:
        """Where a running host is found."""
        return self.root / "run"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.root / "locks"
