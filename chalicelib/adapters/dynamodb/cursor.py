"""Where a page ended, as text a caller may keep and give back, and may not use on another list."""

from __future__ import annotations

import base64
import hashlib
import json

from chalicelib.domain.errors import InvalidInput, Violation

_CHECK = 12
_LONGEST = 2048


def cursor_after(position: str, *list_name: str) -> str:
    """The cursor that goes on behind the index sort key `position` of this list.

    It grants nothing: whoever makes one up reads the same list from another place. The check ties it to its list, so
    that a cursor of another list, or a damaged one, is refused instead of silently skipping entries.
    """
    return base64.urlsafe_b64encode(f"{_check(position, list_name)}{position}".encode()).decode().rstrip("=")


def position_of(cursor: str, *list_name: str) -> str:
    """The index sort key `cursor` stands for.

    Raises:
        InvalidInput: it was not made by `cursor_after` for this list.
    """
    refused = InvalidInput(Violation("cursor", "must be the cursor of an earlier page of the same list"))
    if not cursor.isascii() or len(cursor) > _LONGEST:
        raise refused
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise refused from error
    check, position = text[:_CHECK], text[_CHECK:]
    if not position or check != _check(position, list_name):
        raise refused
    return position


def _check(position: str, list_name: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps([*list_name, position]).encode()).hexdigest()[:_CHECK]
