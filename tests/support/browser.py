"""A real browser, without a window: what a page shows, what it complains about, what it asks the network for."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_OWN = re.compile(r"https?://([\w-]+\.)*(google|googleapis|gvt1)\.com/")
"""What the browser asks for whatever it shows."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str:
    """Its path; a test without one skips itself and says so."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here: a page cannot be opened")
    return found


@dataclass(frozen=True)
class Opened:
    """The page after it was laid out, what it said on the console, and every address that was asked for meanwhile."""

    dom: str
    console: tuple[str, ...]
    asked: frozenset[str]


def open_page(path: Path, folder: Path) -> Opened:
    """Opens a file."""
    log = folder / "browser.log"
    dom = _run(folder, "--enable-logging", f"--log-file={log}", "--v=1", "--dump-dom", path.resolve().as_uri())
    said = re.findall(r".*CONSOLE.*", log.read_text("utf-8", "replace")) if log.exists() else []
    net = (folder / "net.json").read_text("utf-8", "replace")
    asked = re.findall(r'"url":"(https?://[^"]+)"', net)
    return Opened(dom, tuple(said), frozenset(url for url in asked if not _OWN.match(url)))


def _run(folder: Path, *arguments: str) -> str:
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-pings")
    quiet += ("--disable-features=NetworkTimeServiceQuerying",)
    net = (
        f"--log-net-log={folder / 'net.json'}",
        "--net-log-capture-mode=Everything",
        f"--user-data-dir={folder / 'profile'}",
    )
    done = subprocess.run(
        [find_browser(), *options, *quiet, *net, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout
