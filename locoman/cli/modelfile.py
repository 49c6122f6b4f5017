"""locoman modelfile"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.output import Output
from locoman.workflows.modelfile import ShownModelfile, check_file, plan_modelfile, show_modelfile, write_modelfile

command = group(
    "modelfile",
    "Show, write and check Modelfiles, from which Ollama makes models.",
    "modelfile show words",
    "modelfile check ./Modelfile",
)
_FILE = click.Path(path_type=Path)


@make("show", into=command)
@click.argument("subject", metavar="BASE|ADAPTER|OLLAMA-MODEL|FILE")
def show(app: App, out: Output, subject: str) -> None:
    """Show a Modelfile.

    Of a base, an installed adapter, a GGUF file or a checkpoint: what locoman would write. Of a Modelfile: what Ollama reads
    in it. Of a model in Ollama: what Ollama says of it.

    \b
    Examples:
      locoman modelfile show loco-tiny
      locoman modelfile show arithmetic
      locoman modelfile show qwen3:4b-instruct-2507-q4_K_M
    """
    shown = show_modelfile(app.home, app.shelf, app.ollama_url, subject)
    if shown.problem:
        out.note(f"Ollama's own text cannot be read back: {shown.problem}")
    out.result(describe(shown), lambda: out.write(shown.text))


@make("write", into=command)
@click.argument("subject", metavar="BASE|FILE|FOLDER")
@click.option("--adapter", metavar="NAME|FILE", help="With this adapter: an installed one, or a LoRA's GGUF file.")
@click.option("--template", type=_FILE, help="A Go template of your own, where none is known for the chat template.")
@click.option("--out", "-o", "target", type=_FILE, help="The file to write; without it, standard output.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def write(
    app: App, out: Output, subject: str, adapter: str | None, template: Path | None, target: Path | None, force: bool
) -> None:
    """Write the Modelfile of a base, a GGUF file or a checkpoint folder, for `ollama create NAME -f FILE`.

    The template is found by the prompts that the checkpoint's own chat template writes, never by a name.

    \b
    Examples:
      locoman modelfile write loco-tiny -o Modelfile
      locoman modelfile write loco-tiny --adapter arithmetic -o arithmetic.Modelfile
      locoman modelfile write model.gguf --template prompts.gotmpl -o Modelfile
    """
    planned = plan_modelfile(app.home, app.shelf, subject, adapter=adapter, template=template)
    out.notes(planned.notes)
    document = {**describe(planned), "file": str(target) if target else None}
    if target is None:
        out.result(document, lambda: out.write(planned.text))
        return
    write_modelfile(planned, target, force=force)
    out.result(document, lambda: out.line(f"{target} is written. Next: ollama create NAME -f {target}"))


@make("check", into=command)
@click.argument("file", type=_FILE)
def check(app: App, out: Output, file: Path) -> None:
    """Check a Modelfile: what Ollama would refuse, and what it would silently leave out.

    Exit code 3 when it has a problem; warnings alone are no problem.

    \b
    Example:
      locoman modelfile check Modelfile
    """
    findings = check_file(file, app.ollama_url)
    problems = [finding for finding in findings if finding.kind == "problem"]
    document = {
        "file": str(file),
        "ok": not problems,
        "findings": [{"kind": f.kind, "line": f.line or None, "text": f.text} for f in findings],
    }
    lines = [f"{file}{f', line {f.line}' if f.line else ''}: {f.kind}: {' '.join(f.text.split())}." for f in findings]
    out.result(document, lambda: out.lines(lines or [f"{file} is good."]))
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        out.fall_short(f"{file} has {count}.", "mend it, then check it again")


def describe(shown: ShownModelfile) -> dict[str, Any]:
    """As --json prints it."""
    return {
        "source": shown.source,
        "template_family": shown.family or None,
        "notes": list(shown.notes),
        "problem": shown.problem or None,
        "text": shown.text,
        "instructions": [
            {"name": i.name, "key": i.key or None, "value": i.value, "line": i.line or None}
            for i in (shown.modelfile.instructions if shown.modelfile else ())
        ],
    }
