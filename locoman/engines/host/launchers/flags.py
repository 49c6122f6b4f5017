"""The options of a llama-server: asked for by --help, never assumed from a version."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from locoman.engines.host.plan import LaunchPlan, PlannedFile
from locoman.engines.host.spawn import no_window
from locoman.errors import EngineUnavailable

_OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
_SECONDS = 30.0
_NEEDED = (
    "--model",
    "--host",
    "--port",
    "--ctx-size",
    "--parallel",
    "--threads",
    "--batch-size",
    "--kv-unified",
    "--slots",
    "--slot-save-path",
    "--jinja",
    "--chat-template",
    "--lora",
    "--lora-init-without-apply",
    "--api-key",
)
"""Without one of these it cannot be used as we must."""
_WHERE_KNOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("--cache-ram", ("--cache-ram", "0")),
    ("--ctx-checkpoints", ("--ctx-checkpoints", "0")),
    ("--no-cache-idle-slots", ("--no-cache-idle-slots",)),
    ("--no-context-shift", ("--no-context-shift",)),
    ("--sse-ping-interval", ("--sse-ping-interval", "-1")),
    ("--skip-chat-parsing", ("--skip-chat-parsing",)),
    ("--no-warmup", ("--no-warmup",)),
    ("--no-webui", ("--no-webui",)),
    ("--offline", ("--offline",)),
)
"""Set where there is such an option; a server that does not know it does not have what it switches off."""


async def run(argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> str:
    """What a program prints, within half a minute. Raises EngineUnavailable."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            creationflags=no_window(),
        )
    except OSError as error:
        raise EngineUnavailable(f"{argv[0]} could not be started: {error.strerror or error}.") from error
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError as error:
        raise EngineUnavailable(f"{argv[0]} {argv[1]} came to no end.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="replace")


@cache
def known(help_text: str) -> frozenset[str]:
    """Every option that a help text names."""
    return frozenset(_OPTION.findall(help_text))


def arguments(binary: Path, options: frozenset[str], plan: LaunchPlan, *, gpu: bool) -> list[str]:
    """The command line for a plan. Raises EngineUnavailable when the binary cannot do what is needed."""
    missing = [option for option in _NEEDED if option not in options]
    if missing:
        raise EngineUnavailable(f"{binary} does not know {missing[0]}.")
    if any("," in lora.path for lora in plan.loras):
        raise EngineUnavailable(f"{binary} cannot load adapters from a folder with a comma in its name.")
    per_slot = "--kv-unified-per-slot" in options
    argv = [str(binary), "--model", plan.model.path, "--host", "127.0.0.1", "--port", "0"]
    argv += ["--ctx-size", str(plan.cells if per_slot else plan.context), "--parallel", str(plan.slots), "--kv-unified"]
    argv += ["--kv-unified-per-slot", str(plan.context)] if per_slot else []
    argv += ["--load-mode", "none"] if "--load-mode" in options else ["--no-mmap"] if "--no-mmap" in options else []
    argv += ["--threads", str(plan.threads), "--batch-size", str(plan.batch)]
    argv += ["--jinja", "--chat-template", plan.chat_template]
    argv += [part for lora in plan.loras for part in ("--lora", lora.path)]
    argv += ["--lora-init-without-apply", "--slots", "--slot-save-path", str(binary.parent)]  # nothing is saved there
    for option, setting in _WHERE_KNOWN:
        argv += setting if option in options else ()
    if "--fit" in options and not gpu:
        argv += ["--fit", "off"]
    if not gpu and "--gpu-layers" in options:
        argv += ["--gpu-layers", "0"]
    return argv


def identity(binary: Path) -> str:
    """Changes when the binary does."""
    file = PlannedFile.of(binary)
    return f"{file.path} {file.bytes} {file.modified}"
