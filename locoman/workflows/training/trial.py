"""A LOCOMAN_HOME for a trial: one base, and a package beside it that is installed nowhere else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from locoman.catalog.manifest import AdapterPackage
from locoman.catalog.spec import BaseSpec
from locoman.progress import Progress, no_progress
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry
from locoman.store.transaction import change
from locoman.workflows.activate import with_active
from locoman.workflows.adapter_files import plan_adapter, stage_adapter
from locoman.workflows.collection import base_file, with_router


@contextmanager
def trial_home(
    home: Home, spec: BaseSpec, base: InstalledBase, package: AdapterPackage, progress: Progress = no_progress
) -> Iterator[Home]:
    """A home with the base of `home`, whose file stays where it is, and `package` installed as it would be for a student.

    It is gone at the end. Raises what installing the package raises: InvalidFile, WrongBase, StoreError.
    """
    with tempfile.TemporaryDirectory(prefix="locoman-trial-", ignore_cleanup_errors=True) as folder:
        trial = Home(Path(folder))
        if home.modelfiles.is_dir():
            shutil.copytree(home.modelfiles, trial.modelfiles)
        lent = msgspec.structs.replace(
            base, gguf=str(base_file(home, base).absolute()), origin="ollama", router="", active={}, previous={}
        )
        with change(trial) as tx:
            registry = Registry(base=lent.name, bases=(lent,))
            adapter = stage_adapter(tx, lent, plan_adapter(trial, registry, spec, package), progress)
            registry = registry.with_adapter(adapter).with_base(with_active(lent, [adapter]))
            tx.commit(with_router(tx, registry, lent.name))
        yield trial
