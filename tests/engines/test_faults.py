from __future__ import annotations

from pathlib import Path

import pytest

from locoman.engines.faults import error_of, fault_of
from locoman.errors import (
    ContextExceeded,
    EngineBusy,
    EngineLost,
    EngineUnavailable,
    LocomanError,
    MissingPrerequisite,
    NothingInstalled,
    RequestRefused,
    StoreError,
    UnknownName,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownName("adapter", "mth", ("math",)), 404),
        (ContextExceeded(5000, 4096), 400),
        (EngineBusy(7), 429),
        (RequestRefused(413, "Too large."), 413),
        (NothingInstalled(), 503),
        (MissingPrerequisite("No wheel.", "pip install it"), 503),
        (EngineLost("Gone."), 502),
        (EngineUnavailable("Refused."), 503),
    ],
)
def test_an_error_crosses_the_wire_unchanged(error: LocomanError, status: int) -> None:
    fault = fault_of(error)
    back = error_of(fault.status, fault.as_json(), "asked-for")
    assert fault.status == status
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_any_other_error_keeps_its_sentence() -> None:
    error = StoreError(Path("registry.toml"), "broken")
    fault = fault_of(error)
    assert fault.status == 500
    assert str(error_of(500, fault.as_json(), "auto")) == str(error)


@pytest.mark.parametrize("document", [None, [], "no", {}, {"error": "flat"}, {"error": {"message": 5}}])
def test_what_is_no_error_document_is_told_by_its_status(document: object) -> None:
    error = error_of(500, document, "auto")
    assert isinstance(error, RequestRefused)
    assert "500" in str(error)


def test_an_unknown_model_of_another_server_is_an_unknown_name() -> None:
    document = {"error": {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}}
    error = error_of(404, document, "x")
    assert isinstance(error, UnknownName)
    assert error.name == "x"


def test_the_document_has_the_fields_of_openai() -> None:
    error = fault_of(UnknownName("adapter", "mth", ("math",))).as_json()["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    assert (error["type"], error["code"]) == ("invalid_request_error", "model_not_found")
