"""Modelfiles: what is parsed, what is written, and that both are the same."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from support.modelfiles import garbage, many, modelfiles, texts, values

from locoman.errors import InvalidFile, Unwritable
from locoman.ollama.modelfile import Instruction, Modelfile, parse_modelfile, read_modelfile, render_modelfile
from locoman.ollama.modelfile.parse import MAX_BYTES, MAX_INSTRUCTIONS, MAX_LINES, dropped_characters


def value_of(text: str) -> str:
    return parse_modelfile(f"FROM x\nSYSTEM {text}").instructions[1].value


@many
@given(modelfiles)
def test_what_is_written_is_read_back(modelfile: Modelfile) -> None:
    assert parse_modelfile(render_modelfile(modelfile, ["A comment."])) == modelfile


@many
@given(texts)
@example("FROM x\nPARAMETER  stop 1\n")
@example('FROM x\nSYSTEM """"a"""\n')
@example("FROM x\nSYSTEM ")
def test_what_is_read_can_be_written_and_is_read_back(text: str) -> None:
    modelfile = parse_modelfile(text)
    assert parse_modelfile(render_modelfile(modelfile)) == modelfile


@many
@given(garbage)
def test_anything_else_is_refused_in_one_sentence_or_read(text: str) -> None:
    try:
        modelfile = parse_modelfile(text)
    except InvalidFile as error:
        assert "\n" not in str(error)
    else:
        assert parse_modelfile(render_modelfile(modelfile)) == modelfile


@many
@given(values)
def test_a_value_is_refused_only_for_a_reason_that_holds(value: str) -> None:
    try:
        text = render_modelfile(Modelfile.of("x", system=value))
    except Unwritable as error:
        lost = any(not (c.isprintable() or c in "\t\r\n") for c in value)
        assert lost == ("drop" in error.reason)
        if not lost:
            assert '"' in value
            assert "\n" in value or "\r" in value or value.startswith('"')
    else:
        assert parse_modelfile(text).system == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("be brief", "be brief"),
        ("  be\tbrief  \n", "be\tbrief"),
        ('"be brief "', "be brief "),
        ('"two\nlines"', "two\nlines"),
        ('"""two\n"lines"\n"""', 'two\n"lines"\n'),
        ('say "hi"', 'say "hi"'),
        ('"say" hi\nthere"', 'say" hi\nthere'),
        ('""quoted"" ', '"quoted"'),
        (r"no \n escape", r"no \n escape"),
        ("zero\u200dwidth \u00a0 gone\x00", "zerowidth  gone"),
        ('""', ""),
        ("", ""),
        ("# no comment", "# no comment"),
        ("{{ .Prompt }} # still", "{{ .Prompt }} # still"),
    ],
)
def test_a_value_is_read_as_ollama_reads_it(text: str, value: str) -> None:
    assert value_of(text) == value


def test_instructions_are_told_apart_whatever_their_case_and_parameters_are_not() -> None:
    modelfile = parse_modelfile("from x\nParameter Num_Ctx 5\nparameter num_ctx 6\nmessage user hi\n")
    assert modelfile.parameters == (("Num_Ctx", "5"), ("num_ctx", "6"))
    assert modelfile.messages == (("user", "hi"),)


def test_where_ollama_goes_by_the_last_so_does_the_value() -> None:
    modelfile = parse_modelfile("FROM x\nSYSTEM a\nADAPTER one\nSYSTEM b\nADAPTER two\nTEMPLATE t\n")
    assert (modelfile.system, modelfile.template, modelfile.renderer) == ("b", "t", None)
    assert modelfile.adapters == ("one", "two")


def test_what_nobody_knows_is_kept_in_its_place() -> None:
    text = "FROM x\nNOVEL thing here\nRENDERER qwen3\nPARSER qwen3\nDRAFT ./small.gguf\n"
    modelfile = parse_modelfile(text)
    assert modelfile.unknown == (Instruction("NOVEL", "thing here"),)
    assert render_modelfile(modelfile) == text
    assert (modelfile.renderer, modelfile.parser) == ("qwen3", "qwen3")
    assert modelfile.all("DRAFT") == (Instruction("DRAFT", "./small.gguf"),)


def test_a_parameter_that_has_the_name_of_an_instruction_is_one() -> None:
    assert parse_modelfile("PARAMETER model x\nPARAMETER system y\n").instructions == (
        Instruction("FROM", "x"),
        Instruction("SYSTEM", "y"),
    )


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", None, "no FROM"),
        ("SYSTEM x\n", None, "no FROM"),
        ("FROM x\r\n\r\nSYSTEM\r\n", 3, "SYSTEM has no value"),
        ("FROM x\n1SYSTEM y\n", 2, "cannot begin with '1'"),
        ('FROM x\nSYSTEM """a\nb\n', 2, "never closed"),
        ('FROM x\n\n\nSYSTEM "a\nb\n', 4, "never closed"),
        ("FROM x\nPARAMETER\n", 2, "no value"),
        ("FROM x\nPARAMETER stop\n", 2, "PARAMETER stop has no value"),
        ("FROM x\nPARAMETER sto-p x\n", 2, "PARAMETER sto has no value"),
        ("FROM x\nMESSAGE robot hi\n", 2, "not 'robot'"),
        ("FROM x\nMESSAGE  user hi\n", 2, "one blank"),
        ("FROM x\nPARAMETER message user: hi\n", 2, "not a parameter"),
        ("FROM", 1, "FROM has no value"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int | None, what: str) -> None:
    with pytest.raises(InvalidFile, match=what) as caught:
        parse_modelfile(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("modelfile", "what"),
    [
        (Modelfile.of("x", system="a\u200db"), r"SYSTEM .* U\+200D"),
        (Modelfile.of("x", template='"""\nx'), "TEMPLATE .* quotes"),
        (Modelfile.of("x", parameters=[("stop", "\x1b")]), r"PARAMETER stop .* U\+001B"),
        (Modelfile.of("x", parameters=[("sto p", "y")]), "PARAMETER sto p"),
        (Modelfile.of("x", parameters=[("system", "y")]), "PARAMETER system"),
        (Modelfile.of("x", messages=[("robot", "y")]), "MESSAGE robot"),
        (Modelfile((Instruction("FR OM", "x"),)), "FR OM"),
        (Modelfile((Instruction("FROM", "x", "key"),)), "FROM"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(modelfile: Modelfile, what: str) -> None:
    with pytest.raises(Unwritable, match=what):
        render_modelfile(modelfile)


def test_a_value_that_begins_with_a_quote_is_written_so_that_it_survives() -> None:
    for value in ('"Hi" she said', '"', '""', '"a', 'a\n"b"\n', '" \n'):
        assert parse_modelfile(render_modelfile(Modelfile.of("x", system=value))).system == value


def test_dropped_characters_are_told_with_their_lines() -> None:
    found = dropped_characters('FROM x\nSYSTEM """a\nb\u200dc\u00a0"""\n')
    assert [(one.line, one.character) for one in found] == [(3, "\u200d")]


def test_a_file_is_decoded_as_ollama_does(tmp_path: Path) -> None:
    path = tmp_path / "Modelfile"
    for data in (b"\xef\xbb\xbfFROM x\nSYSTEM \xc3\xa9\n", "FROM x\nSYSTEM é\n".encode("utf-16")):
        path.write_bytes(data)
        assert read_modelfile(path).system == "é"
    path.write_bytes(b"FROM x\nSYSTEM \xe9\n")
    with pytest.raises(InvalidFile, match="line 2: not UTF-8 text"):
        read_modelfile(path)


@pytest.mark.parametrize(
    "text",
    [
        "FROM x\n" + 'SYSTEM """' + '"\n' * (MAX_LINES - 10),
        "FROM x\n" + 'SYSTEM "' + "\n" * (MAX_LINES - 10),
        "FROM x\nSYSTEM " + " " * (MAX_BYTES - 100),
        "FROM x\n" * (MAX_INSTRUCTIONS + 1),
        "FROM x\nSYSTEM " + "\u200d" * 1_000_000,
        "\n" * (MAX_LINES + 1) + "FROM x",
        "F" * MAX_BYTES,
        "x" * (MAX_BYTES + 1),
    ],
    ids=["quotes", "newlines", "blanks", "instructions", "dropped", "lines", "word", "large"],
)
def test_hostile_texts_take_no_long_time(text: str) -> None:
    began = time.process_time()
    try:
        parse_modelfile(text)
    except InvalidFile as error:
        assert len(str(error)) < 200
    assert time.process_time() - began < 5
