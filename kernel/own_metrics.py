"""What a module says of itself: the document at its `metricsPath`, read, and turned into what happened since. Pure."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
MOST = 20
MAX_BYTES = 16 * 1024
LARGEST_COUNT = 10**12
LARGEST_LEVEL = 10**9
MILLION = 1_000_000


class BadDocumentError(Exception):
    """The module's document breaks a rule; says which."""


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    """Counts (since the process started, or since the last reading) and levels in millionths."""

    counts: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)


def parse_own(body: bytes) -> OwnMetrics:
    """Read `{"counts": {"declined": 3}, "levels": {"queueDepth": 4.5}}`; both parts may be left out.

    Raises:
        BadDocumentError: a rule is broken. Nothing of the document then counts.
    """
    if len(body) > MAX_BYTES:
        raise BadDocumentError(f"it is longer than {MAX_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadDocumentError("it is not JSON") from error
    if not isinstance(document, dict) or set(document) - {"counts", "levels"}:
        raise BadDocumentError("it must be an object of counts and levels")
    counts, levels = document.get("counts", {}), document.get("levels", {})
    if not isinstance(counts, dict) or not isinstance(levels, dict):
        raise BadDocumentError("counts and levels must be objects")
    if len(counts) + len(levels) > MOST or set(counts) & set(levels):
        raise BadDocumentError(f"at most {MOST} names in all, each once")
    for name in (*counts, *levels):
        if not NAME.fullmatch(name):
            raise BadDocumentError(f"names must match ^{NAME.pattern}$")
    for name, count in counts.items():
        if type(count) is not int or not 0 <= count <= LARGEST_COUNT:
            raise BadDocumentError(f"{name} must be a whole number from 0 to {LARGEST_COUNT}")
    for name, level in levels.items():
        if type(level) not in (int, float) or not math.isfinite(level) or abs(level) > LARGEST_LEVEL:
            raise BadDocumentError(f"{name} must be a number up to {LARGEST_LEVEL}")
    return OwnMetrics(counts, {name: round(level * MILLION) for name, level in levels.items()})


def since(earlier: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """How much each count has grown; one that fell began anew, and one that is new began at nothing."""
    return {
        name: count - earlier.get(name, 0) if count >= earlier.get(name, 0) else count for name, count in counts.items()
    }
