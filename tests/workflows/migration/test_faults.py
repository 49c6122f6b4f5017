"""A change of base on a disk that is full, twice at once, and with adapters of which nothing or something false is known."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable

import pytest
from support.altered_bases import random_model
from support.candidates import add_candidate
from support.command import Shell
from support.kills import finish, locoman

from locoman.catalog.shelf import shipped
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, load_registry
from locoman.weights.fingerprint import fingerprint_of_checkpoint

CHECK = ("migrate", "check", "--sample", "2")
APPLY = ("migrate", "apply", "--override", "a test")


class FullDisk:
    """A disk on which there is no room from the `at`-th file on that has to be safe on it (0: there always is)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at, self.count = 0, 0
        real: Callable[[int], None] = os.fsync

        def fsync(handle: int) -> None:
            self.count += 1
            if self.at and self.count >= self.at:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)

    def fill(self, at: int) -> None:
        """Room for `at` - 1 files more; 0 for any number."""
        self.at, self.count = at, 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(monkeypatch)


def test_a_disk_that_fills_up_while_it_is_applied_leaves_the_old_base_or_the_new_one(
    prepared: Home, shell: Shell, disk: FullDisk
) -> None:
    before, kept = load_registry(prepared.registry), 0
    for at in range(1, 40, 2):
        disk.fill(at)
        result = shell(*APPLY)
        disk.fill(0)
        if load_registry(prepared.registry) != before:
            break
        kept += 1
        assert (result.code, "Traceback" in result.err) == (4, False), result.err
    assert kept >= 2
    after = load_registry(prepared.registry)  # no room was left for its last sign of safety at most
    assert after.base == "loco-twin" and after.migration is not None
    assert (after.migration.phase, after.migration.fallback) == ("switched", {"words": "words@1.0.0"})
    shell.done("migrate", "rollback", "--yes")
    assert load_registry(prepared.registry).bases == before.bases[:1]


def test_a_disk_that_fills_up_while_it_is_checked_loses_no_verdict(
    candidate: Home, shell: Shell, disk: FullDisk
) -> None:
    shell.done("migrate", "announce", "loco-twin")
    before = load_registry(candidate.registry)
    for at in (1, 12, 24):
        disk.fill(at)
        result = shell(*CHECK)
        disk.fill(0)
        assert (result.code, "Traceback" in result.err) == (4, False), f"{at}: {result.err}"
        registry = load_registry(candidate.registry)
        assert (registry.base, registry.current()) == (before.base, before.current())
        assert [adapter for adapter in registry.adapters if adapter.base == before.base] == list(before.adapters)
    checked = shell.done(*CHECK)
    assert {item["verdict"] for item in checked["adapters"]} <= {"recheck", "retrain"}
    assert shell.done(*CHECK, "--dry-run")["todo"] == []


def test_of_two_announced_at_once_one_is_refused(candidate: Home) -> None:
    add_candidate(candidate, "loco-rival")
    both = [locoman(candidate.root, "migrate", "announce", name) for name in ("loco-twin", "loco-rival")]
    told = [process.communicate(timeout=120) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], told
    refused = next(err for process, (_, err) in zip(both, told, strict=True) if process.returncode == 2)
    assert "announced" in refused
    registry = load_registry(candidate.registry)
    assert registry.migration is not None and len(registry.migrations) == 1
    finish(locoman(candidate.root, "migrate", "plan"))


def test_an_adapter_without_an_evaluation_set_stays_where_it_works(candidate: Home, shell: Shell) -> None:
    mine = candidate.root.parent / "mine"
    shutil.copytree(shipped("adapters") / "words", mine)
    (mine / "eval.jsonl").unlink()
    manifest = mine / "adapter.toml"
    text = manifest.read_text(encoding="utf-8").replace('"words"', '"mine"')
    manifest.write_text(text.replace("minimum_cases = 100", "minimum_cases = 0"), encoding="utf-8")
    shell.done("adapter", "add", str(mine))
    shell.done("migrate", "announce", "loco-twin")
    assert shell.done("migrate", "plan")["without_cases"] == ["mine@1.0.0"]
    checked = shell.done(*CHECK)
    (found,) = [item for item in checked["adapters"] if item["adapter"] == "mine@1.0.0"]
    assert (found["verdict"], found["fate"]) == ("recheck", "stays")
    assert "evaluation set" in found["reason"]
    shell.done("migrate", "prepare")
    assert shell.done(*APPLY)["fallback"]["mine"] == "mine@1.0.0"
    registry = load_registry(candidate.registry)
    assert "mine" not in {adapter.name for adapter in registry.adapters_of("loco-twin")}
    assert "mine" in {adapter.name for adapter in registry.fallback_of(registry.current())}


def test_a_forged_fingerprint_moves_nothing(candidate: Home, shell: Shell) -> None:
    shutil.rmtree(candidate.modelfiles / "loco-twin")
    add_candidate(candidate, "loco-twin", lambda folder: random_model(folder, 3))
    (words,) = [adapter for adapter in load_registry(candidate.registry).adapters if adapter.name == "words"]
    forge(candidate, words, str(fingerprint_of_checkpoint(candidate.modelfiles / "loco-twin")))
    shell.done("migrate", "announce", "loco-twin")
    (found,) = shell.done(*CHECK, "--adapter", "words")["adapters"]
    levels = {item["level"]: item for item in found["evidence"]}
    assert (levels["drift"]["outcome"], levels["drift"]["word"]) == ("open", "contradicted")
    assert "proves nothing" in levels["drift"]["detail"]
    assert levels["behaviour"]["word"] != "not asked"
    assert (found["verdict"], found["fate"]) != ("compatible", "moves")


def forge(home: Home, adapter: InstalledAdapter, fingerprint: str) -> None:
    """Lets the adapter's manifest say that it was made for another base."""
    path = home.root / adapter.package / "adapter.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("fingerprint =")]
    lines[place] = f'fingerprint = "{fingerprint}"'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
