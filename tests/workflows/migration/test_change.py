"""A change of base from announcement to rollback or retirement, on real models through the real host."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.candidates import add_candidate
from support.command import Shell

from locoman.names import BaseRef
from locoman.store.home import Home
from locoman.store.registry import Registry, load_registry


def state(home: Home) -> tuple[object, ...]:
    """What must be as before once a change is taken back: all but the record of the change."""
    registry = load_registry(home.registry)
    return registry.base, registry.bases, registry.adapters, registry.ollama


def done(shell: Shell, *arguments: str) -> object:
    result = shell(*arguments, "--json")
    assert result.code == 0, result.out + result.err
    return result.document


def test_the_same_model_under_another_name_takes_all_adapters(own: Home, shell: Shell) -> None:
    add_candidate(own)
    before = state(own)
    done(shell, "migrate", "announce", "loco-twin")
    checked = done(shell, "migrate", "check", "--sample", "50")
    print(checked)
    done(shell, "migrate", "prepare")
    assert shell("migrate", "apply").code == 3  # it is too early
    done(shell, "migrate", "apply", "--override", "a test")
    registry = load_registry(own.registry)
    assert registry.base == "loco-twin"
    answer = done(shell, "ask", "What is 17 + 25?")
    assert (answer["answer"], answer["adapter"], answer["base"]) == ("42", "arithmetic", "loco-twin")
    done(shell, "migrate", "rollback", "--yes")
    assert state(own) == before
    answer = done(shell, "ask", "What is 17 + 25?")
    assert (answer["answer"], answer["adapter"], answer["base"]) == ("42", "arithmetic", "loco-tiny")
