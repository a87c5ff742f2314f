"""How a module is configured in one environment, and on which of its nodes it runs. Revisioned; deployed like code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput, Violation

MAX_CONTENT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One revision; it never changes. `content` is canonical JSON, `runs_on` the labels a node must have.

    Configuration is shown to everybody who may read and is sent to nodes as it is: it is no place for secrets.
    """

    environment: Environment
    module: str
    revision: int
    content: str = "{}"
    runs_on: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    changed_by: str
    changed_at_ms: int

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.module, f"{self.revision:08d}")

    @property
    def values(self) -> dict[str, Any]:
        """What the module reads."""
        read: dict[str, Any] = json.loads(self.content)
        return read


def canonical(values: Mapping[str, Any]) -> str:
    """The values as the one text that stands for them.

    Raises:
        InvalidInput: longer than 16 KiB, or a number that JSON cannot hold.
    """
    try:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except ValueError as error:
        raise InvalidInput(Violation("values", "must be JSON without NaN, infinities or broken text")) from error
    if size > MAX_CONTENT_BYTES:
        raise InvalidInput(Violation("values", f"must be at most {MAX_CONTENT_BYTES} bytes of JSON"))
    return text


def matches(runs_on: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a node with these labels is one of those a module runs on: every label asked for is there and equal."""
    return all(labels.get(name) == value for name, value in runs_on.items())
