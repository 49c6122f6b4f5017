"""What a check says of a Modelfile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import checkpoints, families
from support.tiny_gguf import write_tiny_base, write_tiny_lora

from locoman.errors import UsageError
from locoman.ollama.capabilities import Capabilities
from locoman.ollama.modelfile import Modelfile, render_modelfile
from locoman.ollama.modelfile.check import check_modelfile
from locoman.ollama.modelfile.parameters import is_deprecated, known_parameters, parameter_problem, parameter_values
from locoman.ollama.template_family import load_family
from locoman.progress import no_progress
from locoman.workflows.convert import ConvertOptions, execute_convert, plan_convert

TEMPLATE = "TEMPLATE {{ .Prompt }}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds base.gguf, lora.gguf, other.gguf (a LoRA of another architecture), text.gguf, an empty folder."""
    path = tmp_path_factory.mktemp("modelfile")
    write_tiny_base(path / "base.gguf")
    lora = write_tiny_lora(path / "lora.gguf").read_bytes()
    (path / "other.gguf").write_bytes(lora.replace(b"\x05\0\0\0\0\0\0\0qwen3", b"\x05\0\0\0\0\0\0\0llama", 1))
    checkpoint = families.write_checkpoint(families.FAMILIES["qwen3"], path / "checkpoint")
    for name, more in (("plain", ""), ("tools", "{% if tools %}{{ tools | tojson }}{% endif %}")):
        (checkpoint / "chat_template.jinja").write_text(checkpoints.TEMPLATE + more, encoding="utf-8")
        execute_convert(plan_convert(checkpoint, path / f"{name}.gguf", ConvertOptions("F16")), no_progress)
    (path / "text.gguf").write_text("no model")
    (path / "empty").mkdir()
    return path


def found(folder: Path, text: str, version: str | None = "0.33.0") -> list[tuple[str, int, str]]:
    capabilities = Capabilities.of(version) if version else None
    return [(f.kind, f.line, f.text) for f in check_modelfile(text, folder / "Modelfile", capabilities)]


def test_a_good_one_is_good(folder: Path) -> None:
    good = (
        f"FROM ./base.gguf\nADAPTER ./lora.gguf\n{TEMPLATE}PARAMETER stop x\nPARAMETER num_ctx 2048\nREQUIRES 0.14.0\n"
    )
    assert found(folder, good) == []
    assert found(folder, f"FROM ./plain.gguf\n{TEMPLATE}") == []
    chatml = render_modelfile(Modelfile.of("./tools.gguf", template=load_family("chatml").template))
    assert found(folder, chatml) == []
    assert found(folder, "FROM qwen3:4b\nSYSTEM Be brief.\n") == []


@pytest.mark.parametrize(
    ("lines", "kind", "line", "what"),
    [
        ("FROM x\nSYSTEM", "problem", 2, "SYSTEM has no value"),
        ("SYSTEM x", "problem", 0, "no FROM"),
        ("\nFROM ./nothing.gguf", "problem", 2, "no file or folder ./nothing.gguf"),
        ("FROM two words", "problem", 1, "cannot be the name"),
        ("FROM ./text.gguf", "problem", 1, "does not begin with GGUF"),
        ("FROM ./lora.gguf", "problem", 1, "of the kind 'adapter', not 'model'"),
        ("FROM ./empty", "problem", 1, "no weights in the folder"),
        ("FROM ./base.gguf", "warning", 1, "answers gibberish"),
        ("FROM ./plain.gguf", "warning", 1, "older than 0.30"),
        ("FROM ./tools.gguf\nTEMPLATE {{ .Prompt }}", "warning", 2, "not by this TEMPLATE"),
        ("FROM x\nADAPTER ./nothing.gguf", "problem", 2, "there is no file"),
        ("FROM x\nADAPTER ./base.gguf", "problem", 2, "of the kind 'model', not 'adapter'"),
        ("FROM x\nADAPTER ./lora.gguf\nADAPTER ./lora.gguf", "problem", 2, "takes the last alone"),
        (
            "FROM ./base.gguf\nTEMPLATE {{ .Prompt }}\nADAPTER ./other.gguf",
            "problem",
            3,
            "for llama, the model is qwen3",
        ),
        ("FROM x\nSYSTEM a\nSYSTEM b", "warning", 2, "takes the last alone"),
        ("FROM x\nSYTEM a", "problem", 2, "did you mean SYSTEM?"),
        ("FROM x\nSYSTEM a\u200db", "warning", 2, r"U\+200D"),
        ("FROM x\nPARAMETER num_ctxx 1", "problem", 2, "did you mean num_ctx?"),
        ("FROM x\nPARAMETER Temperature 1", "problem", 2, "did you mean temperature?"),
        ("FROM x\nPARAMETER  num_ctx 1", "problem", 2, "two blanks"),
        ("FROM x\nPARAMETER num_ctx many", "problem", 2, "a whole number, not 'many'"),
        ("FROM x\nPARAMETER top_p 1.5", "problem", 2, "more than 1"),
        ("FROM x\nPARAMETER temperature -1", "problem", 2, "less than 0"),
        ("FROM x\nPARAMETER mirostat 1", "warning", 2, "deprecated"),
        ("FROM x\nREQUIRES soon", "problem", 2, "such as 0.14.0"),
        ("FROM x\nTEMPLATE {{ .Prompt }", "problem", 2, "do not match"),
        ("FROM x\nTEMPLATE {{ .System }}", "problem", 2, "neither .Messages nor .Prompt"),
        ("FROM x\nDRAFT ./nothing.gguf", "problem", 2, "there is no file"),
        ("FROM ~nobody-of-that-name/x", "problem", 1, "no file or folder"),
        ("FROM x\nADAPTER a\x00b", "problem", 2, "there is no file"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder: Path, lines: str, kind: str, line: int, what: str) -> None:
    findings = found(folder, lines + "\n")
    assert [f for f in findings if f[:2] == (kind, line) and re.search(what, f[2])], findings


def test_an_adapter_is_judged_by_the_ollama_that_is_there(folder: Path) -> None:
    text = "FROM x\nADAPTER ./lora.gguf\n"
    assert found(folder, text, "0.34.0") == []
    assert found(folder, text, "0.34.1") == [
        ("problem", 2, "Ollama 0.34.1 takes no ADAPTER any more; use locoman merge")
    ]
    ((kind, _, words),) = found(folder, text, None)
    assert (kind, "0.34.1" in words) == ("warning", True)


def test_parameters_become_the_values_that_the_api_takes() -> None:
    given = [
        ("stop", "a"),
        ("num_ctx", "1"),
        ("num_ctx", "2"),
        ("stop", "3"),
        ("use_mmap", "T"),
        ("top_p", ".5"),
        ("mirostat", "1"),
    ]
    assert parameter_values(given) == {"stop": ["a", "3"], "num_ctx": 2, "use_mmap": True, "top_p": 0.5}
    with pytest.raises(UsageError, match="seed must be a whole number"):
        parameter_values([("seed", "1.5")])


def test_no_number_is_too_strange() -> None:
    for text in ("1e999", "-0", "+1", "1_0", "0x10", "inf", "nan", "", "٣", "1" * 5000):
        problem = parameter_problem("temperature", text)
        assert problem is None or len(problem) < 200
    assert parameter_problem("num_ctx", "٣") is not None
    assert not set(known_parameters()) & {name for name in known_parameters() if is_deprecated(name)}
