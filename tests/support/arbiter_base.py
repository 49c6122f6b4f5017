"""loco-arbiter: loco-tiny with the LoRA that `scripts/train_tiny --only arbiter` makes merged into it, installed as a base.

It knows one thing, to choose among descriptions. Beside it are loco-tiny's adapters, with few example questions each: so
the router alone is often unsure.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from support.installed import ADAPTERS
from support.kills import finish, locoman

from locoman.catalog.manifest import Case, RoutingLine, read_package
from locoman.catalog.shelf import shipped
from locoman.documents import read_jsonl
from locoman.store.home import Home
from locoman.weights.fingerprint import fingerprint_of_checkpoint

TINY = "loco-tiny"
NAME = "loco-arbiter"
WEIGHTS = Path(__file__).parents[1] / "workflows" / "router" / "data" / "arbiter"
EXAMPLES = 5


def install_arbiter(root: Path, scratch: Path) -> Home:
    """Installs the base and its adapters as a shell would."""
    home = Home(root)
    checkpoint = home.modelfiles / NAME
    home.modelfiles.mkdir(parents=True)
    finish(locoman(root, "merge", str(shipped("modelfiles") / TINY), str(WEIGHTS), "--out", str(checkpoint)))
    fingerprint = str(fingerprint_of_checkpoint(checkpoint))
    _retarget(shipped("modelfiles") / f"{TINY}.toml", home.modelfiles / f"{NAME}.toml", fingerprint)
    return _install(home, NAME, [_package(name, scratch, fingerprint) for name in ADAPTERS])


def install_few(root: Path, scratch: Path) -> Home:
    """loco-tiny as it ships, with the same few example questions."""
    return _install(Home(root), TINY, [_package(name, scratch, None) for name in ADAPTERS])


def _install(home: Home, base: str, packages: Sequence[Path]) -> Home:
    finish(locoman(home.root, "config", "engine.threads", "1"))  # on a busy machine two wait for each other
    chosen = [part for folder in packages for part in ("--adapter", str(folder))]
    finish(locoman(home.root, "install", "--base", base, *chosen, "--yes", "--no-check"))
    return home


def _package(name: str, scratch: Path, fingerprint: str | None) -> Path:
    """The shipped package with EXAMPLES questions of its own and none that are not; with a fingerprint for the other base."""
    folder = scratch / name
    shutil.copytree(shipped("adapters") / name, folder)
    if fingerprint is not None:
        (folder / "weights" / TINY).rename(folder / "weights" / NAME)
        _retarget(folder / "adapter.toml", folder / "adapter.toml", fingerprint)
    routing = folder / "routing.jsonl"
    own = [line for line in read_jsonl(routing, RoutingLine) if line.mine][:EXAMPLES]
    routing.write_text("".join(json.dumps({"text": line.text, "mine": True}) + "\n" for line in own), "utf-8")
    return folder


def _retarget(source: Path, target: Path, fingerprint: str) -> None:
    """What says it is of loco-tiny, or for it, with the other base in its place."""
    lines = source.read_text("utf-8").replace(TINY, NAME).splitlines()
    kept = [f'fingerprint = "{fingerprint}"' if line.startswith("fingerprint") else line for line in lines]
    target.write_text("\n".join(kept) + "\n", "utf-8")


def unseen_questions() -> Iterator[dict[str, str | None]]:
    """Questions with whose they are, whose wording neither the router nor the arbiter has learned from."""
    for name in ADAPTERS:
        for case in read_package(shipped("adapters") / name).cases():
            yield {"text": case.question, "adapter": name}
    for talk in read_jsonl(shipped("modelfiles") / TINY / "conversation.jsonl", Case):
        yield {"text": talk.question, "adapter": None}
