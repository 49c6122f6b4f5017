"""Once a base was changed, nothing but the fallback still names the old one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support.command import Shell

from locoman.app import App
from locoman.store.home import Home
from locoman.store.registry import load_registry

OLD, NEW = "loco-tiny", "loco-twin"


@pytest.fixture
def applied(prepared: Home, shell: Shell) -> Home:
    shell.done("migrate", "apply", "--override", "a test")
    return prepared


def test_the_new_base_is_the_standard_one(applied: Home, shell: Shell) -> None:
    listed = {base["name"]: base["status"] for base in shell.done("base", "list")["bases"]}
    assert [name for name, status in listed.items() if status == "standard"] == [NEW]
    assert listed[OLD] == "previous"
    shown = shell.done("base", "show", NEW)
    assert shown["status"] == "standard" and OLD not in str(shown)
    with App.load(applied.root) as app:
        assert app.shelf.standard().ref.name == NEW
    assert shell.done("status")["base"] == NEW


def test_a_new_adapter_is_for_the_new_base(
    applied: Home, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell.done("adapter", "new", "fractions")["base"] == NEW
    for path in (tmp_path / "fractions").iterdir():
        assert OLD not in path.read_text(encoding="utf-8"), path.name


def test_modelfiles_are_of_the_new_base(applied: Home, shell: Shell) -> None:
    for name in (NEW, "arithmetic"):
        shown = shell.done("modelfile", "show", name)
        assert NEW in str(shown) and OLD not in str(shown), name


def test_the_documents_name_the_new_base_alone(applied: Home) -> None:
    migration = load_registry(applied.registry).migration
    assert migration is not None
    folder = applied.migrations / migration.id / "documents"
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(paths) == {
        f"{NEW}.toml",
        f"{NEW}.Modelfile",
        f"{NEW}-arithmetic.Modelfile",
        "retrain/words/adapter.toml",
    }
    for name, path in paths.items():
        assert OLD not in path.read_text(encoding="utf-8"), name


def test_in_the_registry_only_the_fallback_names_the_old_one(applied: Home) -> None:
    registry = load_registry(applied.registry)
    assert registry.base == NEW
    assert [str(adapter.ref) for adapter in registry.fallback_of(registry.current())] == ["words@1.0.0"]
    assert OLD not in str(msgspec.to_builtins(registry.current()))
    for adapter in registry.adapters_of(NEW):
        assert OLD not in str(msgspec.to_builtins(adapter)), adapter.name
        text = (applied.root / adapter.package / "adapter.toml").read_text(encoding="utf-8")
        assert OLD not in text, adapter.name
