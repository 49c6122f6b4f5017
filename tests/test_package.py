"""What the package promises as a whole."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import locoman
from locoman import errors
from locoman.cli.errors import TABLE, advise
from locoman.cli.main import COMMANDS
from locoman.errors import LocomanError

ROOT = Path(__file__).parent.parent
HEAVY = (
    "numpy",
    "onnxruntime",
    "httpx",
    "ollama",
    "gguf",
    "sklearn",
    "scipy",
    "torch",
    "uvicorn",
    "starlette",
    "xllamacpp",
    "rich",
)


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_the_changelog_begins_with_this_version() -> None:
    found = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found is not None
    assert found.group(1) == locoman.__version__
    assert f'version = "{locoman.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_importing_locoman_loads_nothing_heavy() -> None:
    assert not loaded_by("import locoman") & set(HEAVY)


def test_help_loads_nothing_heavy() -> None:
    code = "import io, contextlib\nfrom locoman.cli.main import cli\nwith contextlib.redirect_stdout(io.StringIO()):\n"
    code += "    try: cli.main(['--help'], standalone_mode=False)\n    except SystemExit: pass"
    assert not loaded_by(code) & {*HEAVY, "msgspec"}


def test_the_ollama_package_that_is_locomans_own_is_not_mistaken_for_the_library() -> None:
    assert not loaded_by("import locoman.ollama.capabilities") & {"ollama"}


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_table_of_contents_says_what_the_command_says(entry) -> None:  # type: ignore[no-untyped-def]
    command = importlib.import_module(entry.module).command
    assert command.name == entry.name
    if not entry.hidden:
        assert command.help.splitlines()[0].startswith(entry.summary.rstrip("."))


def below(kind: type) -> set[type]:
    return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)([A-Z]\w+) {3}", line):
            above[len(found[1]) // 4 :] = [found[2]]
            drawn[found[2]] = above[-2] if len(above) > 1 else "Exception"
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in below(LocomanError) if kind.__base__}


def test_every_error_has_a_next_command_and_an_exit_code() -> None:
    codes = {code for _, code in ((kind, advice.code) for kind, advice in TABLE)}
    assert codes == {1, 2, 3, 4}
    for kind in below(LocomanError):
        assert any(issubclass(kind, row) for row, _ in TABLE)
    assert advise(LocomanError("x")) == ("locoman doctor", 1)
