"""Step 4: the same quick adapter on each base. How fast its loss falls, what it brings, what it weighs."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from locoman.catalog.hub_checkpoint import find_hub_checkpoint
from locoman.catalog.manifest import AdapterPackage, BaseRequirement, Gate
from locoman.catalog.recipe import Recipe
from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.documents import toml_of
from locoman.errors import MissingPrerequisite, UsageError
from locoman.evaluation.selection.evidence import LossPoint, Trainability
from locoman.evaluation.selection.lengths import steps_to_share
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import suite_of
from locoman.names import BaseRef
from locoman.progress import Stages
from locoman.sizes import megabytes
from locoman.store.atomic import mapped, write_atomic
from locoman.store.home import Home
from locoman.training.checkpoint import Look
from locoman.training.course import Watch
from locoman.training.lora import libraries, train_adapter
from locoman.training.rendering import ChatTemplate
from locoman.training.targets import linear_modules
from locoman.workflows.bases.options import Options
from locoman.workflows.bases.steps.suites import MAX_TOKENS, ask_suite, score_of
from locoman.workflows.bases.trial import Trial
from locoman.workflows.fetch_checkpoint import checkpoint_place, fetch_checkpoint
from locoman.workflows.training.material import read_examples

BATCH = 32
RANK = 16
VALIDATION = 64
"""Examples held back to look at the loss on them."""
LOOKS = 25
MAX_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Task:
    """What the quick adapter learns: a package's examples, and its suite to tell how well."""

    package: AdapterPackage
    suite: Suite

    @property
    def name(self) -> str:
        return self.package.manifest.name


def find_task(shelf: Shelf, options: Options) -> Task:
    """The package that `options.task` names. Raises UnknownName, InvalidFile, UsageError (too few examples)."""
    package = shelf.package(options.task, BaseRef("any"))
    suite = suite_of(package).first(options.limit)
    if len(read_examples(package)) < 2 * VALIDATION:
        raise UsageError(
            f"{package.manifest.name} has too few examples to learn from: at least {2 * VALIDATION} are needed."
        )
    return Task(package, replace(suite, max_tokens=suite.max_tokens or MAX_TOKENS))


def require_torch() -> None:
    """Raises ExtraMissing."""
    libraries()


def find_checkpoint(home: Home, spec: BaseSpec, options: Options, stages: Stages) -> Path:
    """The folder with the weights that are trained on: beside the spec, fetched before, or fetched now where that is wished.

    Raises MissingPrerequisite, DownloadFailed, NotEnoughDisk.
    """
    if spec.checkpoint is not None:
        if not spec.checkpoint.is_dir():
            raise MissingPrerequisite(f"The checkpoint {spec.checkpoint.name} is not beside the spec.")
        return spec.checkpoint
    source = spec.spec.source
    there = sorted(home.downloads.glob(f"{source.revision[:12]}/{source.repository.partition('/')[2]}"))
    if source.revision and there and not options.download:
        return there[0]
    if not options.download:
        raise MissingPrerequisite(
            f"Training needs the checkpoint {source.repository}, which is not on this machine.",
            f"locoman base evaluate {spec.ref} --download",
        )
    found = find_hub_checkpoint(source.repository, source.revision or "main")
    stages(f"Checkpoint {source.repository}, {megabytes(found.bytes)}")
    return fetch_checkpoint(home, found, stages) if found.files else checkpoint_place(home, found)


def train_quickly(
    trial: Trial, checkpoint: Path, task: Task, options: Options, folder: Path, stages: Stages
) -> Trainability:
    """Trains in `folder`, where a killed training goes on, and asks the task's suite of the base without and with it.

    Raises ExtraMissing, Diverged, LocomanError.
    """
    libraries()
    # As many as the steps take in one go, and those that are held back; of a small set all.
    examples = read_examples(task.package)[: options.train_steps * BATCH + VALIDATION]
    recipe = quick_recipe(checkpoint, trial.spec.spec.parameter_count, options.train_steps, len(examples))
    package = folder / "package"
    weights = package / "weights" / trial.base.name
    watch = Watch(progress=stages(f"{trial.spec.ref}: training on {task.name}"), folder=folder / "state")
    template = ChatTemplate(trial.spec.chat_template(), trial.spec.template_path)
    trained = train_adapter(checkpoint, trial.base.name, examples, recipe, weights, template=template, watch=watch)
    _write_package(trial, task, recipe, package)
    trial.install(package, stages)
    before = score_of(task.suite, ask_suite(trial, task.suite, stages))
    after = score_of(task.suite, ask_suite(trial, task.suite, stages, adapter=_name(task)))
    losses, validation = curves(trained.looks)
    size = sum(path.stat().st_size for path in weights.glob("*.safetensors"))
    curve = [(point.step, point.loss) for point in validation or losses]
    return Trainability(
        task=task.name,
        steps=trained.steps,
        parameters=trained.parameters,
        losses=losses,
        validation=validation,
        steps_to_90=steps_to_share(curve, 0.9),
        before=before,
        after=after,
        adapter_bytes=size,
        seconds=trained.seconds,
    )


def quick_recipe(checkpoint: Path, parameters: int, steps: int, examples: int) -> Recipe:
    """At least `steps` steps over so many examples, of which VALIDATION are held back.

    The same for every base but for the learning rate, which must fall with the size of a model. Raises InvalidFile.
    """
    rate = 3e-3 if parameters < 20e6 else 1e-3 if parameters < 500e6 else 2e-4
    return Recipe(
        rank=RANK,
        alpha=2.0 * RANK,
        targets=linear_modules(checkpoint),
        epochs=math.ceil(steps / math.ceil((examples - VALIDATION) / BATCH)),
        learning_rate=rate,
        batch_size=BATCH,
        max_length=MAX_LENGTH,
        validation=VALIDATION / examples,
        look_every=max(1, steps // LOOKS),
    )


def curves(looks: tuple[Look, ...]) -> tuple[tuple[LossPoint, ...], tuple[LossPoint, ...]]:
    """The losses of the training batches, and those of the examples held back."""
    losses = tuple(LossPoint(look.step, look.training_loss) for look in looks if look.training_loss is not None)
    held = tuple(LossPoint(look.step, look.validation_loss) for look in looks if look.validation_loss is not None)
    return losses, held


def _name(task: Task) -> str:
    return f"trial-{task.name}"[:64].rstrip("._-")


def _write_package(trial: Trial, task: Task, recipe: Recipe, folder: Path) -> None:
    """A package like the task's, for this base, with the new weights."""
    manifest = structs.replace(
        task.package.manifest,
        name=_name(task),
        kind="lora",
        base=BaseRequirement(trial.base.name, trial.base.fingerprint),
        training=recipe,
        gate=Gate(minimum_cases=0, suite="none.jsonl"),
    )
    with mapped(folder):
        routing = task.package.folder / "routing.jsonl"
        shutil.copyfile(routing, folder / routing.name)
    write_atomic(folder / "adapter.toml", toml_of(manifest).encode())
