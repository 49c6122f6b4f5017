"""What this machine could install: specs and packages that ship with locoman, and those laid beside them by its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from locoman.catalog.candidates import FILE_NAME, Candidate, read_candidates
from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.catalog.spec import BaseSpec, read_spec
from locoman.errors import UnknownName
from locoman.names import AdapterRef, BaseRef, nearest
from locoman.store.migrations import Succession


def shipped(kind: str) -> Path:
    """The folder "modelfiles" or "adapters": inside the installed package, or at the root of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "shipped" / kind
    return installed if installed.is_dir() else package.parent / kind


@dataclass(frozen=True, slots=True)
class Shelf:
    """Folders of specs and of packages; where two hold the same name, the later folder wins.

    `succession` tells of changes of base on this machine, which have the last word on which base is standard.
    """

    spec_folders: tuple[Path, ...]
    package_folders: tuple[Path, ...]
    succession: Callable[[], Succession | None] = lambda: None

    def specs(self) -> tuple[BaseSpec, ...]:
        """Every base spec, sorted by name. Raises InvalidFile."""
        paths = self._spec_paths()
        said = self.succession()
        return tuple(_standing(read_spec(paths[name]), said) for name in sorted(paths))

    def candidates(self) -> tuple[Candidate, ...]:
        """Models that could be bases, in the order of their files. Raises InvalidFile."""
        files = [folder / FILE_NAME for folder in self.spec_folders]
        found = {each.name: each for file in files if file.is_file() for each in read_candidates(file)}
        return tuple(found.values())

    def spec(self, ref: BaseRef) -> BaseSpec:
        """Raises UnknownName with the nearest names, InvalidFile."""
        paths = self._spec_paths()
        if ref.name in paths:
            return _standing(read_spec(paths[ref.name]), self.succession())
        raise UnknownName("base", ref.name, nearest(ref.name, paths))

    def standard(self) -> BaseSpec:
        """The base of this academic year."""
        for spec in self.specs():
            if spec.spec.status == "standard":
                return spec
        raise UnknownName("base with the status", "standard")

    def _spec_paths(self) -> dict[str, Path]:
        files = (path for folder in self.spec_folders for path in sorted(folder.glob("*.toml")))
        return {path.stem: path for path in files if path.name != FILE_NAME}

    def packages(self, base: BaseRef | None = None) -> tuple[AdapterPackage, ...]:
        """Every package (for `base`, when given), sorted by name. Raises InvalidFile."""
        found: dict[str, AdapterPackage] = {}
        for folder in self.package_folders:
            for path in sorted(folder.glob("*/adapter.toml")):
                package = read_package(path.parent)
                found[package.manifest.name] = package
        wanted = [p for p in found.values() if base is None or p.manifest.base.name == base.name]
        return tuple(sorted(wanted, key=lambda p: p.manifest.name))

    def package(self, text: str, base: BaseRef) -> AdapterPackage:
        """The package that `text` means: a folder's path, or a name. Raises UnknownName, InvalidName, InvalidFile."""
        if "/" in text or "\\" in text or (Path(text) / "adapter.toml").is_file():
            return read_package(Path(text))
        packages = {package.manifest.name: package for package in self.packages()}
        name = AdapterRef.parse(text).name
        if name not in packages:
            mine = [p.manifest.name for p in packages.values() if p.manifest.base.name == base.name]
            raise UnknownName("adapter", name, nearest(name, packages) or mine)
        return packages[name]


def _standing(read: BaseSpec, said: Succession | None) -> BaseSpec:
    """The spec with the status that it has on this machine."""
    if said is None:
        return read
    name, status, year = read.ref.name, read.spec.status, read.spec.academic_year
    if name == said.standard:
        status, year = "standard", said.academic_year
    elif name == said.previous:
        status = "previous"
    elif status == "standard":
        status = "retired"
    return replace(read, spec=structs.replace(read.spec, status=status, academic_year=year))
