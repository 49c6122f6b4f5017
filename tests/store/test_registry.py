from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from locoman.errors import InvalidFile, NothingInstalled, UnknownKey, UnknownName
from locoman.names import AdapterRef
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry, load_registry, save_registry

DIGEST = "ab" * 32


def adapter(name: str = "words", version: str = "1.0.0", base: str = "tiny") -> InstalledAdapter:
    package = f"adapters/{name}/{version}+0"
    return InstalledAdapter(name, version, name, base, "lora", package, f"{package}/adapter.gguf", DIGEST)


def base(**active: str) -> InstalledBase:
    return InstalledBase("tiny", "bases/tiny/x.gguf", "converted", DIGEST, 10, "f", "router/r.npz", dict(active))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    registry = Registry(1, "tiny", (base(words="words@1.0.0"),), (adapter(), adapter(version="1.1.0")))
    save_registry(tmp_path / "registry.toml", registry)
    assert load_registry(tmp_path / "registry.toml") == registry


def test_no_file_is_an_empty_registry(tmp_path: Path) -> None:
    registry = load_registry(tmp_path / "registry.toml")
    assert registry == Registry()
    with pytest.raises(NothingInstalled):
        registry.current()


@pytest.mark.parametrize(
    "change",
    [
        {"base": "other"},
        {"bases": (structs.replace(base(), active={"words": "words@2.0.0"}),)},
        {"bases": (structs.replace(base(), gguf="../../etc/passwd"),)},
        {"adapters": (structs.replace(adapter(), gguf="/etc/passwd"),)},
        {"adapters": (structs.replace(adapter(), package="C:\\x"),)},
        {"adapters": (structs.replace(adapter(), name="../x"),)},
    ],
)
def test_a_registry_that_contradicts_itself_or_leaves_its_folder_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    import tomli_w
    from msgspec import to_builtins

    path = tmp_path / "registry.toml"
    broken = structs.replace(Registry(1, "tiny", (base(),), (adapter(),)), **change)
    path.write_text(tomli_w.dumps(to_builtins(broken)))
    with pytest.raises(InvalidFile):
        load_registry(path)


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registry.toml"
    path.write_text("format = 1\nbasis = 'x'\n")
    with pytest.raises(UnknownKey, match="base"):
        load_registry(path)


def test_an_adapter_without_version_is_the_active_one_else_the_newest() -> None:
    old, new = adapter(version="1.9.0"), adapter(version="1.10.0")
    assert Registry(1, "tiny", (base(),), (new, old)).find_adapter("tiny", AdapterRef("words")) == new
    active = Registry(1, "tiny", (base(words="words@1.9.0"),), (new, old))
    assert active.find_adapter("tiny", AdapterRef("words")) == old
    with pytest.raises(UnknownName, match="words"):
        active.find_adapter("tiny", AdapterRef("word"))
