"""Brings a checkpoint from the Hugging Face hub: every file verified, and a cut download goes on where it stopped.

What has arrived stays until a conversion of it is finished, however often that is interrupted; then it goes.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from locoman.catalog.hub_checkpoint import HubCheckpoint
from locoman.errors import NotEnoughDisk
from locoman.progress import Stages
from locoman.store.downloads import download
from locoman.store.home import Home


def checkpoint_place(home: Home, checkpoint: HubCheckpoint) -> Path:
    """Where the checkpoint is kept while it is needed; its commit is in the name."""
    return home.downloads / checkpoint.commit[:12] / checkpoint.repository.split("/")[1]


def fetch_checkpoint(home: Home, checkpoint: HubCheckpoint, stages: Stages) -> Path:
    """The folder with all of its files. Raises DownloadFailed, NotEnoughDisk, StoreError."""
    folder = checkpoint_place(home, checkpoint)
    missing = sum(file.size for file in checkpoint.files if not (folder / file.name).is_file())
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise NotEnoughDisk(missing, free, folder)
    for file in checkpoint.files:
        target = folder / file.name
        if not file.sha256 and target.is_file() and target.stat().st_size == file.size:
            continue  # its name has the commit in it, so it is the one
        download(
            file.url, target, sha256=file.sha256 or None, size=file.size, staging=home.downloads,
            progress=stages(f"Downloading {file.name}"),
        )  # fmt: skip
    return folder


def forget_checkpoint(home: Home, checkpoint: HubCheckpoint) -> None:
    """Deletes the checkpoint after it was converted.

    It leaves its place in one step, so that a kill never leaves a part of it there, and what the kill leaves in staging is
    swept by the next command. One that another process still reads stays, where the system says so (Windows).
    """
    place = checkpoint_place(home, checkpoint)
    with suppress(OSError):
        home.staging.mkdir(parents=True, exist_ok=True)
        gone = Path(tempfile.mkdtemp(prefix="converted-", dir=home.staging))
        with suppress(OSError):
            place.replace(gone / place.name)
            place.parent.rmdir()
        shutil.rmtree(gone)
