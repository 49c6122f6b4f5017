"""A LOCOMAN_HOME with loco-tiny and its four adapters in it, made once and copied for tests that change it."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.kills import finish, locoman

from locoman.store.home import Home
from locoman.workflows.router.vectors import vectors_file

ADAPTERS = ("arithmetic", "dates", "units", "words")


def install_tiny(root: Path) -> Path:
    """Installs into `root` as a shell would."""
    finish(locoman(root, "install", "--base", "loco-tiny", "--yes", "--no-check"))
    return root


def copy_home(installed: Path, root: Path) -> Path:
    """A home of its own with the same things installed."""
    ignore = shutil.ignore_patterns("run", "locks")
    shutil.copytree(installed, root, ignore=ignore)
    return root


def with_vectors(installed: Path, root: Path, vectors: Path) -> Home:
    """As `copy_home`; the copy knows what its router's texts mean, once it has the encoder."""
    home = Home(copy_home(installed, root))
    vectors_file(home).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(vectors, vectors_file(home))
    return home
