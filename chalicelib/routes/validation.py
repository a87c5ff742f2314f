"""Field rules: what callers send is checked completely, and every broken rule is told in one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from chalicelib.domain.errors import InvalidInput, Violation

MOST_VIOLATIONS = 100
_LONGEST_NAME = 100


class Received(BaseModel):
    """What a caller sends: camelCase, no unknown fields, no conversion between types.

    Validators are built at first use: a cold start pays for the models of the call it answers, not for all of them.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, defer_build=True)


class Answered(BaseModel):
    """What a caller is answered: camelCase; a field with a default is always there."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        defer_build=True,
        validate_by_name=True,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )


M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], value: Any, *, also: tuple[Violation, ...] = ()) -> M:
    """The value as a model.

    Raises:
        InvalidInput: with every broken rule, in the caller's own field names; `also` are those found before.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(*also, Violation("", "must be a JSON object"))
    try:
        checked = model.model_validate(value)
    except ValidationError as error:
        found = [violation for each in error.errors(include_url=False) for violation in _violations(each)]
        raise InvalidInput(*also, *found[:MOST_VIOLATIONS]) from error
    if also:
        raise InvalidInput(*also)
    return checked


def broken(rule: str) -> PydanticCustomError:
    """The error a field's own check raises; `rule` is told to the caller as it stands."""
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


def broken_inside(error: InvalidInput) -> PydanticCustomError:
    """Violations a domain value found in itself; their names are put behind the field's and into camelCase."""
    inside = [[to_camel(violation.field), violation.rule] for violation in error.violations]
    return PydanticCustomError("rules", "several rules are broken", {"inside": inside})


def _violations(error: ErrorDetails) -> Iterator[Violation]:
    field = field_name(error["loc"])
    context = error.get("ctx", {})
    if error["type"] == "rules":
        for name, rule in context["inside"]:
            yield Violation(".".join(part for part in (field, name) if part), rule)
        return
    rule = _RULES.get(error["type"])
    told = context["rule"] if error["type"] == "rule" else rule(context) if rule else error["msg"]
    yield Violation(field, f"its name {told}" if "[key]" in error["loc"] else told)


def field_name(path: tuple[str | int, ...]) -> str:
    """A path into a body as people write it: `waves[2].percent`."""
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part != "[key]":
            shown = part[:_LONGEST_NAME].encode("utf-8", "replace").decode()
            name += f".{shown}" if name else shown
    return name


def _limit(before: str, key: str, after: str = "") -> Callable[[Mapping[str, Any]], str]:
    return lambda context: f"{before} {context[key]}{after}"


def _says(rule: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda _context: rule


_RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = MappingProxyType(
    {
        "missing": _says("is required"),
        "extra_forbidden": _says("is not a known field"),
        "string_type": _says("must be text"),
        "string_too_short": _limit("must have at least", "min_length", " characters"),
        "string_too_long": _limit("must have at most", "max_length", " characters"),
        "int_type": _says("must be a whole number"),
        "bool_type": _says("must be true or false"),
        "dict_type": _says("must be an object"),
        "model_type": _says("must be an object"),
        "model_attributes_type": _says("must be an object"),
        "list_type": _says("must be a list"),
        "too_long": _limit("must have at most", "max_length", " entries"),
        "too_short": _limit("must have at least", "min_length", " entries"),
        "greater_than_equal": _limit("must be at least", "ge"),
        "less_than_equal": _limit("must be at most", "le"),
        "none_required": _says("must be null"),
    }
)
