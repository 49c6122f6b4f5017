from __future__ import annotations

from locoman.contracts import Message, ServedAdapter
from locoman.engines.host.prompting import prompted

QUESTION = (Message("user", "How many?"),)


def adapter(system: str = "", repeat: bool = False) -> ServedAdapter:
    return ServedAdapter("alpha", "1.0.0", None, 1.0, system, repeat)


def test_the_plain_base_gets_the_conversation_as_it_is() -> None:
    assert prompted(QUESTION, None) == QUESTION


def test_an_adapter_without_prompt_settings_changes_nothing() -> None:
    assert prompted(QUESTION, adapter()) == QUESTION


def test_the_system_message_stands_in_front() -> None:
    assert prompted(QUESTION, adapter("Be exact.")) == (Message("system", "Be exact."), *QUESTION)


def test_a_system_message_of_the_client_follows_in_the_same_message() -> None:
    conversation = (Message("system", "In French."), *QUESTION)
    assert prompted(conversation, adapter("Be exact.")) == (Message("system", "Be exact.\n\nIn French."), *QUESTION)


def test_only_the_last_question_is_repeated() -> None:
    history = (Message("user", "One?"), Message("assistant", "Yes."))
    repeated = Message("user", "How many?\nRead the question again: How many?")
    assert prompted((*history, *QUESTION), adapter(repeat=True)) == (*history, repeated)
