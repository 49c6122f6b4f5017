"""`prepare --train`: what has to be trained again is trained on the new base, and moves if it passes its gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.altered_bases import another_model
from support.candidates import add_candidate
from support.command import Shell

from locoman.catalog.manifest import read_package
from locoman.documents import toml_of
from locoman.store.home import Home
from locoman.store.registry import load_registry

pytest.importorskip("peft", reason="the extra train is not installed")
pytestmark = pytest.mark.timeout(900)


def test_what_was_trained_again_and_passes_moves(own: Home, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The units of the new base stand in another order: it says the same, and no old weights fit."""
    from msgspec import structs

    add_candidate(own, "loco-other", lambda folder: another_model(folder, 5))
    for name in ("arithmetic", "units", "words"):
        shell.done("remove", name, "--yes")
    (adapter,) = load_registry(own.registry).adapters
    package = own.root / adapter.package
    manifest = read_package(package).manifest
    assert manifest.training is not None
    short = structs.replace(manifest.training, epochs=1)
    (package / "adapter.toml").write_text(toml_of(structs.replace(manifest, training=short)))
    shell.done("migrate", "announce", "loco-other")
    assert [item["verdict"] for item in shell.done("migrate", "check")["adapters"]] == ["retrain"]
    prepared = shell.done("migrate", "prepare", "--train")
    assert [item["passed"] for item in prepared["retrained"]] == [True]
    assert prepared["retrain"] == [] and set(prepared["adapters"].values()) == {"moves"}
    shell.done("migrate", "apply", "--override", "a test")
    answer = shell.done("ask", "Write 2024-03-14 in words.")
    assert (answer["adapter"], answer["base"]) == ("dates", "loco-other")
    registry = load_registry(own.registry)
    assert [str(a.ref) for a in registry.adapters_of("loco-other")] == ["dates@2.0.0"]
    shell.done("migrate", "rollback", "--yes")
    assert [base.name for base in load_registry(own.registry).bases] == ["loco-tiny"]
    assert list(Path(own.migrations).glob("*/retrained/dates/weights/loco-other/adapter_model.safetensors"))
