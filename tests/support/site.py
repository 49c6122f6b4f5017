"""A web server with an index of adapters on loopback, which misbehaves on order."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.loopback import Handler, LoopbackServer

from locoman.catalog.shelf import shipped
from locoman.progress import quiet_stages
from locoman.workflows.index_packages import execute_index, plan_index

HTML = b"<!doctype html><html><body>Please log in to the network.</body></html>"


def newer_package(name: str, version: str, folder: Path) -> Path:
    """A copy of a shipped package under another version, in `folder`."""
    target = folder / f"{name}-{version}"
    shutil.copytree(shipped("adapters") / name, target)
    manifest = target / "adapter.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.0.0"', f'version = "{version}"'))
    return target


class _SiteHandler(Handler):
    def do_GET(self) -> None:  # noqa: N802
        site: Site = self.owner
        site.requests.append((self.path, self.headers.get("range", "")))
        if site.html:
            self.reply(200, HTML, "text/html")
            return
        path = site.folder / self.path.lstrip("/")
        if not path.is_file():
            self.reply(404, b"not here")
            return
        data = site.spoil(self.path, path.read_bytes())
        start = int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        body, status = data[start:], 206 if "range" in self.headers else 200
        self.send_response(status)
        self.send_header("content-type", "application/json" if path.suffix == ".json" else "application/zip")
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"1"')
        if status == 206:
            self.send_header("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        cut = site.cuts.popleft() if site.cuts and path.suffix == ".zip" else None
        self.wfile.write(body[:cut])
        if cut is not None:
            self.hang_up()


class Site(LoopbackServer):
    """Serves `folder`. `cuts`: after how many bytes the next downloads of archives break off; `html`: a login page is all
    that comes; `spoil` may change what is sent for a path."""

    handler = _SiteHandler

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.requests: list[tuple[str, str]] = []
        self.cuts: deque[int] = deque()
        self.html = False
        self.spoil: Callable[[str, bytes], bytes] = lambda path, data: data

    @property
    def index(self) -> str:
        """The address of the index."""
        return f"{self.url}/index.json"

    def fetched(self) -> list[str]:
        """The archives that were asked for."""
        return [path for path, _ in self.requests if path.endswith(".zip")]

    def offer(self, packages: Path) -> None:
        """Packs every package below `packages`, as `locoman adapter index` does."""
        execute_index(plan_index(packages, self.folder), quiet_stages)

    def lie(self, **values: Any) -> None:
        """Changes these keys of every package in the index."""
        path = self.folder / "index.json"
        document = json.loads(path.read_text())
        for package in document["packages"]:
            package |= values
        path.write_text(json.dumps(document))
