"""The front guard: what a request's body must be before anything of ours looks at it, the same here and in Lambda."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.routes.problems import DUPLICATE_KEY, NOT_JSON, TOO_DEEP, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE
from chalicelib.routes.problems import RequestRefused as Refused

MAX_DEPTH = 32
MAX_FIELDS = 1_000
_REPLACEMENT = "\ufffd"
_UNREADABLE = re.compile("[\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Halves of surrogate pairs, and the marks that make a text read otherwise than it is (Unicode TR 36, "trojan source")."""

_READABLE = "text must not contain NUL, half of a surrogate pair or marks that change the direction of text"


def read_json(event: Mapping[str, Any], *, max_bytes: int) -> Any:
    """The JSON in a proxy event's body, an empty object where there is no body.

    Raises:
        RequestRefused: another media type, too large, not UTF-8, not JSON (NaN and infinities are not), a key twice,
            nested deeper than MAX_DEPTH.
        InvalidInput: text with code points that stand for no character or turn its direction, or an object with more than MAX_FIELDS fields.
    """
    text = _text(event, max_bytes)
    if not text:
        return {}
    _require_json_type(event.get("multiValueHeaders") or {})
    value = _parsed(text)
    require_readable(value)
    return value


def _text(event: Mapping[str, Any], max_bytes: int) -> str:
    body = event.get("body") or ""
    if len(body) > max_bytes * 2:
        raise Refused(TOO_LARGE, f"The body may have at most {max_bytes} bytes.")
    try:
        content = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        if len(content) > max_bytes:
            raise Refused(TOO_LARGE, f"The body may have at most {max_bytes} bytes.")
        text: str = content.decode()
    except (UnicodeError, binascii.Error) as error:
        raise Refused(NOT_JSON, "The body is not UTF-8.") from error
    # The gateway hands on text only, with whatever was not UTF-8 replaced; nobody sends this character on purpose.
    if _REPLACEMENT in text:
        raise Refused(NOT_JSON, "The body is not UTF-8.")
    return text


def _require_json_type(headers: Mapping[str, list[str]]) -> None:
    lowered = {name.lower(): values for name, values in headers.items()}
    types = lowered.get("content-type", [])
    kind, _, parameter = (types[0] if len(types) == 1 else "").partition(";")
    parameters_ok = parameter.strip().lower() in ("", "charset=utf-8", 'charset="utf-8"')
    if kind.strip().lower() != "application/json" or not parameters_ok:
        raise Refused(UNSUPPORTED_MEDIA_TYPE, "The body must be sent as application/json.")
    if lowered.get("content-encoding", ["identity"]) != ["identity"]:
        raise Refused(UNSUPPORTED_MEDIA_TYPE, "The body must be sent without a content encoding.")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise Refused(TOO_DEEP, f"The body may be nested at most {MAX_DEPTH} deep.") from error
    except ValueError as error:
        raise Refused(NOT_JSON, f"The body is not JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refused(DUPLICATE_KEY, f"The key {twice[:100]!r} stands twice in one object.")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def require_readable(value: Any) -> None:
    """Nothing, if what was parsed is not too deep or wide and its texts are text, wherever it came from.

    Raises:
        RequestRefused: nested deeper than MAX_DEPTH.
        InvalidInput: as in `read_json`.
    """
    level, depth = [value], 1
    while level:
        if depth > MAX_DEPTH:
            raise Refused(TOO_DEEP, f"The body may be nested at most {MAX_DEPTH} deep.")
        following: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                if len(each) > MAX_FIELDS:
                    raise InvalidInput(Violation("", f"an object may have at most {MAX_FIELDS} fields"))
                following.extend(each.values())
                _check_texts(each)
            elif isinstance(each, list):
                following.extend(each)
            elif isinstance(each, str):
                _check_texts((each,))
        level = [each for each in following if isinstance(each, (dict, list, str))]
        # Texts are looked at with their containers' level; only containers make a body deeper.
        depth += any(isinstance(each, (dict, list)) for each in level)


def _check_texts(texts: Any) -> None:
    for text in texts:
        if not text.isascii() and _UNREADABLE.search(text):
            raise InvalidInput(Violation("", _READABLE))
        if "\0" in text:
            raise InvalidInput(Violation("", _READABLE))
