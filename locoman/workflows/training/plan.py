"""Plans the training of an adapter: from which package, on which checkpoint, to which folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.catalog.recipe import Recipe
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.errors import MissingPrerequisite, UnknownName, UsageError
from locoman.evaluation.overlap import refuse_overlap
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import suite_of
from locoman.names import AdapterRef, BaseRef
from locoman.scoring import scorer_kind
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, Registry, load_registry
from locoman.training.checkpoint import read_standing
from locoman.training.rendering import ChatTemplate, Example
from locoman.training.targets import check_targets
from locoman.workflows.collection import base_file
from locoman.workflows.importing.understand import is_path
from locoman.workflows.training.material import Checkpoint, find_checkpoint, read_examples

_STATE_FORMAT = 1


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """`base`: another one than the package's own. `checkpoint`: a folder with it. `out`: where the package goes.

    `evaluate`: what was trained is evaluated; `allow_code`: also where that runs code from answers.
    """

    base: BaseRef | None = None
    checkpoint: Path | None = None
    out: Path | None = None
    evaluate: bool = True
    allow_code: bool = False


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """All that decides the weights, and where they go.

    Args:
        out: the package's folder at the end; `package.folder` itself for one that is trained where it lies.
        state: where the training keeps how far it is. Its name is a digest of all that decides the weights, so that what
            is found there belongs to this training and no other.
        resumed: the step from which it goes on, 0 for a new one.
    """

    package: AdapterPackage
    spec: BaseSpec
    base: InstalledBase
    checkpoint: Checkpoint
    recipe: Recipe
    template: ChatTemplate
    examples: tuple[Example, ...]
    suite: Suite
    out: Path
    state: Path
    resumed: int

    @property
    def in_place(self) -> bool:
        """Whether the weights go into the package that was named."""
        return self.out == self.package.folder


def plan_train(home: Home, shelf: Shelf, text: str, options: TrainOptions) -> TrainPlan:
    """Training the package that `text` means: a folder's path, or the name of one that is installed or ships.

    Raises UnknownName, InvalidFile with file and line (no answer, no evaluation set, cases in both), UsageError (no recipe,
    nowhere to write), MissingPrerequisite (the base, or its checkpoint, is not here), WrongBase, Unsupported.
    """
    registry = load_registry(home.registry)
    package, lies_open = _find(home, shelf, registry, text, options)
    recipe = package.manifest.training
    if recipe is None:
        raise UsageError(f"{package.folder / 'adapter.toml'} has no [training], so that nobody knows how to train it.")
    spec = shelf.spec(options.base or package.manifest.base.ref)
    base = registry.find_base(spec.ref.name)
    if base is None:
        raise MissingPrerequisite(f"Its base, {spec.ref}, is not installed.", f"locoman install --base {spec.ref}")
    check_targets(base_file(home, base), recipe.targets)
    examples = read_examples(package)
    suite = suite_of(package)
    refuse_overlap(suite, package)
    if options.evaluate and not options.allow_code and "tests" in scorer_kind(suite.scorer.name).needs:
        raise UsageError(f"The gate of {package.manifest.ref} runs code from answers: give --allow-code, or --no-eval.")
    checkpoint = find_checkpoint(spec, base, options.checkpoint)
    template = ChatTemplate(spec.chat_template(), spec.template_path)
    state = home.training / _digest(base, recipe, template, examples)
    standing = read_standing(state)
    return TrainPlan(
        package, spec, base, checkpoint, recipe, template, examples, suite,
        _target(package, lies_open, options.out), state, standing.step if standing is not None else 0,
    )  # fmt: skip


def _find(
    home: Home, shelf: Shelf, registry: Registry, text: str, options: TrainOptions
) -> tuple[AdapterPackage, bool]:
    """The package, and whether it is a folder of the user's, into which weights may be written."""
    if is_path(text):
        folder = Path(text) if Path(text).name != "adapter.toml" else Path(text).parent
        return read_package(folder), True
    ref = AdapterRef.parse(text)
    base = options.base.name if options.base is not None else registry.base
    for name in dict.fromkeys((base, *(other.name for other in registry.bases))):
        try:
            return read_package(home.root / registry.find_adapter(name, ref).package), False
        except UnknownName:
            continue
    package = shelf.package(ref.name, BaseRef(base) if base else shelf.standard().ref)
    if ref.version is not None and package.manifest.ref != ref:
        raise UnknownName("adapter", str(ref), [str(package.manifest.ref)])
    return package, False


def _target(package: AdapterPackage, lies_open: bool, out: Path | None) -> Path:
    """Raises UsageError when something else is there."""
    if out is None and lies_open:
        return package.folder
    target = out if out is not None else Path(package.manifest.name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already; say where else the trained package shall go with --out.")
    return target


def _digest(base: InstalledBase, recipe: Recipe, template: ChatTemplate, examples: tuple[Example, ...]) -> str:
    digest = hashlib.sha256()
    for part in (_STATE_FORMAT, base.fingerprint, recipe, template.text, examples):
        digest.update(msgspec.json.encode(part) + b"\n")
    return digest.hexdigest()[:16]
