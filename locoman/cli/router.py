"""locoman router"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.output import Output
from locoman.cli.router_encoder import encoder
from locoman.cli.router_pages import (
    describe_fit,
    describe_trial,
    fit_lines,
    print_taught,
    round_figure,
    show_lines,
    trial_lines,
)

command = group(
    "router",
    "Fit, teach, look at and measure the router.",
    "router show",
    "router test",
    "router encoder install --dry-run",
)
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
    """Learn where questions belong, from a file of lines {"text": ..., "adapter": NAME or null}; null is the plain base.

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
    from locoman.workflows.router.show import look

    document = look(app.home, app.registry().current(), out.note_once)
    out.result(document, lambda: out.lines(show_lines(document)))


@make("test", into=command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--svg", type=click.Path(path_type=Path), help="Write a reliability diagram here.")
@click.option("--arbiter", is_flag=True, help="Also measure whether the base helps where the router is unsure.")
def test(app: App, out: Output, file: Path | None, svg: Path | None, arbiter: bool) -> None:
    """Measure the router on its own examples, each left out in turn, or on a FILE of {"text", "adapter"} lines.

    Where questions go is what `locoman route` says, keywords, remarks and routing.toml included, but without the arbiter. The
    figures are those of the stage that compares questions with examples.

    \b
    Examples:
      locoman router test
      locoman router test --svg reliability.svg
      locoman router test questions.jsonl --json
    """
    from locoman.workflows.router.examine import diagram_place, examine, examine_arbiter, write_diagram

    place = None if svg is None else diagram_place(svg)
    base = app.registry().current()
    trial = examine(app.home, base, file, out.note_once)
    document = describe_trial(trial)
    if place is not None:
        write_diagram(trial, place)
    if arbiter:
        document["arbiter"] = examine_arbiter(app.home, base, app.engine(), file)
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
    from locoman.workflows.router.installed_encoder import working_encoder
    from locoman.workflows.router.labelled import read_labelled
    from locoman.workflows.router.trial import bench as run

    encoder = None if lexical else working_encoder(app.home, out.note_once)
    trial = run(read_labelled(train), read_labelled(tests), encoder, k, seed)
    document: dict[str, Any] = {
        **{name: round_figure(value) for name, value in trial.quality.figures().items()},
        "fit_seconds": round(trial.fit_seconds, 4),
        "decide_ms_p50": round(trial.decide_ms_p50, 3),
        "decide_ms_p95": round(trial.decide_ms_p95, 3),
        "n_test": trial.questions,
    }
    said = document | {"stage": trial.stage, "encode_seconds": round(trial.encode_seconds, 3)}
    out.result(document, lambda: out.lines(f"{name:<18} {value}" for name, value in said.items()))
