"""A stand-in for the Hugging Face hub that serves a whole repository: the listing, and each file through a redirect."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from support.loopback import Handler, LoopbackServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 10_000
"""Bytes from which a file is stored apart, with its digest in the listing, as the hub does with LFS."""


class _RepositoryHandler(Handler):
    def do_GET(self) -> None:  # noqa: N802
        path = self.path.partition("?")[0]
        owner = self.owner
        owner.asked.append(path)
        if path.startswith("/api/models/"):
            _, _, rest = path.removeprefix("/api/models/").partition("/revision/")
            known = rest in ("main", COMMIT)
            self.reply(200 if known else 404, json.dumps(owner.listing()).encode(), "application/json")
            return
        name = path.rpartition("/")[2]
        if f"/resolve/{COMMIT}/" not in path or name not in owner.files:
            self.reply(404)
            return
        self.reply(200, owner.files[name], "application/octet-stream")


class FakeRepository(LoopbackServer):
    """Offers the files of `folder` under any repository's name."""

    handler = _RepositoryHandler

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        self.asked: list[str] = []

    def listing(self) -> dict[str, object]:
        """What the hub's API says of the repository."""
        siblings: list[dict[str, object]] = [{"rfilename": "onnx/model.onnx", "size": 5}]
        for name, data in self.files.items():
            entry: dict[str, object] = {"rfilename": name, "size": len(data)}
            if len(data) >= LARGE:
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            siblings.append(entry)
        return {"id": "x/y", "sha": COMMIT, "siblings": siblings}
