"""locoman modelfile, as a shell sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Shell
from support.ollama_standin import StandinOllama
from support.tiny_gguf import write_tiny_base, write_tiny_lora

from locoman.ollama.modelfile import read_modelfile


def test_a_modelfile_is_written_once_and_replaced_only_when_told(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "new" / "Modelfile"
    written = shell("modelfile", "write", "loco-tiny", "-o", str(target), "--json")
    assert (written.code, written.document["file"], written.document["template_family"]) == (0, str(target), "chatml")
    assert read_modelfile(target).froms == ("./loco-tiny.gguf",)
    before = target.read_bytes()
    again = shell("modelfile", "write", "qwen3-4b-instruct", "-o", str(target))
    assert (again.code, target.read_bytes()) == (2, before)
    assert "--force" in again.err
    assert shell("modelfile", "write", "qwen3-4b-instruct", "-o", str(target), "--force").code == 0
    assert target.read_bytes() != before


def test_without_a_file_it_goes_to_standard_output(shell: Shell) -> None:
    written = shell("modelfile", "write", "qwen3-4b-instruct")
    assert written.out == shell("modelfile", "show", "qwen3-4b-instruct").out
    assert "FROM qwen3:4b-instruct-2507-q4_K_M\n" in written.out


def test_a_file_is_shown_as_ollama_reads_it(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "Modelfile"
    path.write_text('from x\n# gone\nsystem """Be\nbrief."""\nNOVEL thing\n', encoding="utf-8")
    assert shell("modelfile", "show", str(path)).out == 'FROM x\nSYSTEM "Be\nbrief."\nNOVEL thing\n'.replace('"', '"""')
    shown = shell("modelfile", "show", str(path), "--json").document
    assert shown["instructions"][1] == {"name": "SYSTEM", "key": None, "value": "Be\nbrief.", "line": 3}
    path.write_text("FROM x\nSYSTEM\n")
    broken = shell("modelfile", "show", str(path))
    assert (broken.code, f"{path}, line 2: SYSTEM has no value." in broken.err) == (1, True)


def test_a_check_falls_short_with_exit_code_3_and_warnings_do_not(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "Modelfile"
    path.write_text("FROM x\nPARAMETER num_ctx lots\nSYSTEM a\nSYSTEM b\n")
    result = shell("modelfile", "check", str(path))
    assert result.code == 3
    assert f"{path}, line 2: problem: num_ctx must be a whole number, not 'lots'." in result.out
    document = shell("modelfile", "check", str(path), "--json").document
    assert (document["ok"], [f["kind"] for f in document["findings"]]) == (False, ["problem", "warning"])
    path.write_text("FROM x\nSYSTEM a\nSYSTEM b\n")
    assert shell("modelfile", "check", str(path)).code == 0
    assert shell("modelfile", "check", str(tmp_path / "none")).code == 1
    path.write_bytes(b"FROM x\nSYSTEM caf\xe9\n")
    latin = shell("modelfile", "check", str(path))
    assert (latin.code, "line 2: problem: not UTF-8 text" in latin.out) == (3, True)


def test_what_is_written_passes_the_check(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "Modelfile"
    assert shell("modelfile", "write", "qwen3-4b-instruct", "-o", str(target)).code == 0
    checked = shell("modelfile", "check", str(target), "--json").document
    assert (checked["ok"], checked["findings"]) == (True, [])


def test_a_base_without_a_known_template_is_refused_with_what_to_do(shell: Shell, tmp_path: Path) -> None:
    base = write_tiny_base(tmp_path / "bare.gguf")
    refused = shell("modelfile", "write", str(base))
    assert refused.code == 4
    assert "--template FILE" in refused.err
    template = tmp_path / "t.gotmpl"
    template.write_text("{{ .Prompt }}")
    written = shell("modelfile", "write", str(base), "--template", str(template))
    assert f"FROM {base.resolve()}\nTEMPLATE {{{{ .Prompt }}}}\n" in written.out


@pytest.mark.parametrize(("version", "code"), [("0.33.0", 0), ("0.34.1", 3)])
def test_the_ollama_that_answers_decides_on_adapters(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, code: int
) -> None:
    write_tiny_lora(tmp_path / "lora.gguf")
    path = tmp_path / "Modelfile"
    path.write_text("FROM x\nADAPTER ./lora.gguf\n")
    with StandinOllama(tmp_path / "models", version) as ollama:
        monkeypatch.setenv("OLLAMA_HOST", ollama.url)
        assert shell("modelfile", "check", str(path)).code == code


def test_a_model_in_ollama_is_shown_as_ollama_tells_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    import httpx

    data = write_tiny_base(tmp_path / "base.gguf").read_bytes()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with StandinOllama(tmp_path / "models") as ollama, httpx.Client(base_url=ollama.url, trust_env=False) as http:
        monkeypatch.setenv("OLLAMA_HOST", ollama.url)
        http.post(f"/api/blobs/{digest}", content=data)
        made = {"model": "made", "files": {"base.gguf": digest}, "template": "{{ .Prompt }}", "stream": False}
        assert http.post("/api/create", json={**made, "system": "Be brief."}).status_code == 200
        shown = shell("modelfile", "show", "made", "--json").document
        assert (shown["source"], shown["problem"]) == ("ollama", None)
        assert {"name": "SYSTEM", "key": None, "value": "Be brief.", "line": shown["instructions"][2]["line"]} in shown[
            "instructions"
        ]
        http.post("/api/create", json={**made, "system": '"Be" brief'})
        careless = shell("modelfile", "show", "made")
        assert (careless.code, 'SYSTEM "Be" brief' in careless.out) == (0, True)
        assert "cannot be read back" in careless.err
        http.post("/api/create", json={**made, "system": "\x1b[2Jgone"})
        assert "\x1b" not in shell("modelfile", "show", "made").out
        assert shell("modelfile", "show", "nothing").code == 2
    assert shell("modelfile", "show", "made:latest").code == 4
