"""Tables of Markdown, and figures by their path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "not measured yet"

Results = Mapping[str, Mapping[str, Any]]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table of Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cell(each) for each in row) + " |" for row in rows])


def cell(value: Any) -> str:
    """A figure as people read it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def find(results: Results, name: str, *path: str) -> Any:
    """A figure of a result, None where nobody measured it."""
    found: Any = results.get(name)
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
