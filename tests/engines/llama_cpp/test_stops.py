from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from locoman.engines.llama_cpp.stops import AnswerText


def read(pieces: list[bytes], *stops: str) -> tuple[str, bool]:
    answer = AnswerText(stops)
    text = ""
    for piece in pieces:
        text += answer.add(piece)
        if answer.stopped:
            break
    return text + answer.end(), answer.stopped


def test_characters_come_whole() -> None:
    answer = AnswerText(())
    assert [answer.add(piece) for piece in (b"caf", b"\xc3", b"\xa9", b"!")] == ["caf", "", "é", "!"]
    assert answer.end() == ""


def test_what_may_be_the_start_of_a_stop_string_waits() -> None:
    answer = AnswerText(("<end>",))
    assert [answer.add(piece) for piece in (b"a<", b"en", b"x")] == ["a", "", "<enx"]
    assert [answer.add(piece) for piece in (b"b<e", b"nd>", b"")] == ["b", "", ""]
    assert answer.stopped


def test_the_first_of_several_stop_strings_ends_the_answer() -> None:
    assert read([b"one two three"], "three", "two") == ("one ", True)


def test_a_stop_string_that_is_never_completed_belongs_to_the_answer() -> None:
    assert read([b"almost <en"], "<end>") == ("almost <en", False)


def test_half_a_character_at_the_end_is_told_as_such() -> None:
    assert read([b"x\xc3"]) == ("x\ufffd", False)


@given(st.text("ab<>"), st.lists(st.text("ab<>", min_size=1, max_size=4), max_size=3), st.data())
def test_it_does_not_matter_how_the_text_is_cut(text: str, stops: list[str], data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    got, stopped = read(pieces, *stops)
    assert text.startswith(got)
    assert stopped == any(stop in text for stop in stops)
    if not stopped:
        assert got == text
    assert not any(stop in got for stop in stops)
