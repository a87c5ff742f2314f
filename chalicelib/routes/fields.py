"""The kinds of fields callers send, each with its rule in the caller's words."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from chalicelib.domain.access import Role
from chalicelib.domain.edition import is_edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.identity import USERNAME_RULE, is_username
from chalicelib.domain.module import SEMVER, is_digest, is_module_name, is_version
from chalicelib.domain.rounding import parse_share
from chalicelib.domain.trust import ISSUER_NAME_RULE, is_issuer_name
from chalicelib.routes.validation import broken

MODULE_NAME_RULE = "must be 3 to 64 lower-case letters, digits and hyphens"
VERSION_RULE = "must be a semantic version such as 2.0.0, at most 128 characters"
LONGEST_SECONDS = 366 * 24 * 3600
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")
_SPAN = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_SPAN_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

E = TypeVar("E", bound=StrEnum)


def matching(rule: str, holds: Callable[[str], bool]) -> AfterValidator:
    """A check of text by a predicate; `rule` is what the caller is told."""

    def check(text: str) -> str:
        if not holds(text):
            raise broken(rule)
        return text

    return AfterValidator(check)


def one_of(kind: type[E], *, but: frozenset[E] = frozenset()) -> BeforeValidator:
    """One of an enumeration's words, upper and lower case alike; never a number."""
    words = {str(member).lower(): member for member in kind if member not in but}
    rule = f"must be one of {', '.join(words.values())}"

    def read(value: Any) -> Any:
        member = words.get(value.lower()) if isinstance(value, str) else None
        if member is None:
            raise broken(rule)
        return member

    return BeforeValidator(read)


def environment_named(text: str) -> Environment | None:
    """The environment of that name, upper and lower case alike."""
    return next((each for each in Environment if each.lower() == text.lower()), None)


def _is_email(text: str) -> bool:
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def _is_base64_of(length: int) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return False
        return len(content) == length and base64.b64encode(content).decode() == text

    return holds


def _share(value: Any) -> int | str:
    try:
        number, _ = parse_share(value if isinstance(value, (int, str)) and not isinstance(value, bool) else "")
    except ValueError as error:
        raise broken("must be a whole number or a percentage such as '25%'") from error
    if number > 100_000:
        raise broken("must be at most 100000")
    shown: int | str = value
    return shown


def _whole_number(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value):
        return int(value)
    raise broken("must be a whole number")


def _instant_ms(value: Any) -> int:
    rule = "must be an instant such as 2026-11-21T12:00:00.000Z"
    if not isinstance(value, str) or not _INSTANT.fullmatch(value.replace(" ", "+")):
        raise broken(rule)
    try:
        # An unescaped plus in a query arrives as a space.
        at = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError as error:
        raise broken(rule) from error
    if at < _EPOCH:
        raise broken(rule)
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _span_ms(value: Any) -> int:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise broken("must be a span such as 10s, 1m or 1h")
    return int(match[1]) * _SPAN_MS[match[2]]


def iso(at_ms: int) -> str:
    """An instant as the public API writes it: ISO 8601, UTC, milliseconds."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_or_none(at_ms: int | None) -> str | None:
    """The same for an instant that may not have come."""
    return None if at_ms is None else iso(at_ms)


def _shaped(**schema: Any) -> Any:
    return Field(json_schema_extra=schema)


ModuleName = Annotated[
    str, matching(MODULE_NAME_RULE, is_module_name), _shaped(pattern="^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$")
]
Version = Annotated[
    str,
    matching(VERSION_RULE, is_version),
    _shaped(maxLength=128, pattern=f"^{SEMVER.pattern}$", description="Semantic version"),
]
Digest = Annotated[
    str,
    matching("must be sha256: and 64 lower-case hexadecimal digits", is_digest),
    _shaped(pattern="^sha256:[0-9a-f]{64}$"),
]
Edition = Annotated[
    str,
    matching("must be a digest, and where it is configured + and the revision", is_edition),
    _shaped(pattern="^sha256:[0-9a-f]{64}([+][1-9][0-9]{0,7})?$"),
]
Email = Annotated[
    str, matching("must be a plain e-mail address, at most 254 characters", _is_email), _shaped(maxLength=254)
]
PublicKey = Annotated[
    str,
    matching("must be 32 bytes in standard base64", _is_base64_of(32)),
    _shaped(contentEncoding="base64", minLength=44, maxLength=44),
]
Signature = Annotated[
    str,
    matching("must be 64 bytes in standard base64", _is_base64_of(64)),
    _shaped(contentEncoding="base64", minLength=88, maxLength=88),
]
KeyId = Annotated[
    str,
    matching(
        "must be ed25519: and 32 lower-case hexadecimal digits",
        lambda text: re.fullmatch(r"ed25519:[0-9a-f]{32}", text) is not None,
    ),
    _shaped(pattern="^ed25519:[0-9a-f]{32}$"),
]
EnvironmentName = Annotated[
    Environment, one_of(Environment), WithJsonSchema({"type": "string", "enum": [str(e) for e in Environment]})
]
UserRole = Annotated[
    Role,
    one_of(Role, but=frozenset({Role.NODE})),
    WithJsonSchema({"type": "string", "enum": [str(role) for role in Role if role is not Role.NODE]}),
]
Username = Annotated[str, matching(USERNAME_RULE, is_username), _shaped(pattern="^[a-z0-9][a-z0-9._@-]{1,63}$")]
IssuerName = Annotated[str, matching(ISSUER_NAME_RULE, is_issuer_name), _shaped(pattern="^[a-z0-9][a-z0-9-]{1,31}$")]
Share = Annotated[
    int | str, BeforeValidator(_share), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]})
]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_SECONDS)]
Reason = Annotated[str, Field(max_length=1_000)]
QueryInt = Annotated[int, BeforeValidator(_whole_number)]
QueryInstant = Annotated[int, BeforeValidator(_instant_ms), WithJsonSchema({"type": "string", "format": "date-time"})]
QuerySpan = Annotated[int, BeforeValidator(_span_ms), WithJsonSchema({"type": "string", "examples": ["1m"]})]
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
