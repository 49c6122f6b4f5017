"""The answer is JSON that a JSON Schema accepts: the option's, or each case's own in place of its answer.

Validated by the package jsonschema. Nothing is fetched: a `$ref` may only point into the schema itself. Patterns of the schema
are searched with a limit on time, and what is too large or too deep is refused.
"""

from __future__ import annotations

import functools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from locoman.contracts import Score, Target
from locoman.errors import InvalidOption, ScorerFailed
from locoman.scoring.guard import GuardedPattern

MAX_CHARACTERS = 200_000
MAX_DEPTH = 100
SECONDS = 5.0
_FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\r?\n(.*?)```", re.DOTALL)
_clock = threading.local()


class JsonSchemaOptions(msgspec.Struct, frozen=True):
    """`schema`: a table, or a JSON text; without it each case's answer is its schema. The
    draft is that of its $schema, else 2020-12."""

    schema: dict[str, Any] | str | None = None


class JsonSchema:
    """1.0 when the answer's JSON, bare or in a ```json block, is valid, else 0.0 with the reason."""

    def __init__(self, options: JsonSchemaOptions = JsonSchemaOptions()) -> None:  # noqa: B008  (frozen)
        self._validator: Any = None if options.schema is None else _validator(options.schema)

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        try:
            document = _document(answer)
        except (ValueError, RecursionError) as error:
            return Score(0.0, note=f"no JSON: {error}")
        validators = [self._validator] if self._validator else [_of_case(text, target) for text in target.accepted]
        problems = [_problem(validator, document) for validator in validators]
        return Score(0.0, note=problems[0]) if problems and all(problems) else Score(float(bool(problems)))


def _document(answer: str) -> object:
    """The JSON in an answer: in its last block, else the answer itself. Raises ValueError."""
    if len(answer) > MAX_CHARACTERS:
        raise ValueError(f"more than {MAX_CHARACTERS:,} characters")
    blocks = _FENCE.findall(answer)
    document = json.loads(blocks[-1] if blocks else answer, parse_constant=_refuse_constant)
    if _deeper_than(document, MAX_DEPTH):
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _deeper_than(document: object, limit: int) -> bool:
    level = [document]
    for _ in range(limit):
        level = [child for value in level for child in _children(value)]
        if not level:
            return False
    return True


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _problem(validator: Any, document: object) -> str:
    """What is wrong with `document`; "" when nothing is."""
    import referencing.exceptions
    from jsonschema.exceptions import best_match

    _clock.deadline = time.monotonic() + SECONDS
    try:
        error = best_match(validator.iter_errors(document))
    except TimeoutError as failure:
        raise ScorerFailed(f"The schema was not through with an answer after {SECONDS:g} seconds.") from failure
    except (referencing.exceptions.Unresolvable, RecursionError) as failure:
        raise ScorerFailed(f"The schema cannot be used: {str(failure)[:200] or 'it never ends'}.") from failure
    return "" if error is None else f"{error.json_path}: {error.message}"[:300]


def _of_case(schema: str, target: Target) -> Any:
    try:
        return _validator(schema)
    except InvalidOption as error:
        raise ScorerFailed(f"The case {target.question[:80]!r} has no usable schema: {error.detail}.") from error


def _validator(schema: dict[str, Any] | str) -> Any:
    """Raises InvalidOption."""
    import jsonschema
    from jsonschema.validators import validator_for
    from referencing import Registry

    try:
        document = json.loads(schema) if isinstance(schema, str) else schema
        if not isinstance(document, dict | bool) or _deeper_than(document, MAX_DEPTH):
            raise InvalidOption("json_schema", "schema", "it is no object, or nested too deeply")
        kind = validator_for(document, default=jsonschema.Draft202012Validator)
        kind.check_schema(document)
    except (ValueError, RecursionError) as error:
        raise InvalidOption("json_schema", "schema", f"no JSON ({error})") from error
    except jsonschema.SchemaError as error:
        raise InvalidOption("json_schema", "schema", f"{error.json_path}: {error.message}"[:300]) from error
    return _bounded(kind)(document, registry=Registry())


def _bounded(kind: Any) -> Any:
    """The validator class `kind` with keywords that cannot hang: timed, and with patterns that are searched in bounded time."""
    from jsonschema.validators import extend

    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    own = {name: function for name, function in own.items() if name in kind.VALIDATORS}
    return extend(kind, {name: _timed(function) for name, function in {**kind.VALIDATORS, **own}.items()})


def _timed(keyword: Callable[..., Any]) -> Callable[..., Any]:
    def timed(validator: Any, value: object, instance: object, schema: object) -> Any:
        if time.monotonic() > getattr(_clock, "deadline", float("inf")):
            raise TimeoutError
        return keyword(validator, value, instance, schema)

    return timed


def _pattern(validator: Any, pattern: str, instance: object, schema: object) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _guarded(pattern).search(instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern[:80]!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: object, schema: object) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, inner in patterns.items():
            guarded = _guarded(pattern)
            for key, value in instance.items():
                if guarded.search(key):
                    yield from validator.descend(value, inner, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: object, schema: dict[str, Any]) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(instance, dict):
        return
    patterns = [_guarded(pattern) for pattern in schema.get("patternProperties", {})]
    known = schema.get("properties", {})
    extra = [key for key in instance if key not in known and not any(pattern.search(key) for pattern in patterns)]
    if isinstance(allowed, dict):
        for key in extra:
            yield from validator.descend(instance[key], allowed, path=key)
    elif not allowed and extra:
        yield ValidationError(f"{', '.join(map(repr, extra))[:200]} should not be there")


def _unique_items(validator: Any, wanted: bool, instance: object, schema: object) -> Iterator[Any]:
    from jsonschema import ValidationError

    if wanted and isinstance(instance, list) and len({_key(item) for item in instance}) < len(instance):
        yield ValidationError("two items are the same")


def _key(value: object) -> str:
    """Equal for values that JSON Schema takes for equal: 1 and 1.0, but not 1 and true."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@functools.lru_cache(256)
def _guarded(pattern: str) -> GuardedPattern:
    return GuardedPattern(pattern, "json_schema", "schema")
