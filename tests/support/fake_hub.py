"""A stand-in for the Hugging Face hub: tells size and sha256 as the hub does, then redirects to a store of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from support.loopback import Handler, LoopbackServer


class _HubHandler(Handler):
    def do_HEAD(self) -> None:  # noqa: N802
        data = self.owner.data
        if not self.path.endswith(self.owner.file.name):
            self.reply(404)
            return
        self.reply(
            302,
            location=f"/store/{self.owner.file.name}",
            x_linked_size=str(len(data)),
            x_linked_etag=f'"{hashlib.sha256(data).hexdigest()}"',
        )

    def do_GET(self) -> None:  # noqa: N802
        if self.path.startswith("/store/"):
            self.owner.served.append(self.headers.get("range"))
            self.reply(200, self.owner.data, "application/octet-stream")
        else:
            self.reply(302, location=f"/store/{self.owner.file.name}")


class FakeHub(LoopbackServer):
    """Offers `file` under its name in any repository."""

    handler = _HubHandler

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.data = file.read_bytes()
        self.served: list[str | None] = []
