"""docs/api.md: every call of the API in a line, from the OpenAPI document: `python -m infra.api_reference [--check]`."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from infra.generated import write_or_check

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "docs" / "openapi.json"
FILE = ROOT / "docs" / "api.md"
METHODS = ("get", "post", "put", "patch", "delete")

INTRODUCTION = """# The API, call by call

Made from [openapi.json](openapi.json) by `make openapi`. Fields, limits and an example of every body stand there; rules that hold for all calls in [contracts/control.md](contracts/control.md).
A running installation serves the same document at `/openapi.json`. The method of the SDK with the same name is `client.call('<operation>', …)`, or the shorter one in [the SDK's page](../sdk-ts/README.md).
"""


def page() -> str:
    """The page's text as it must be."""
    document = json.loads(SOURCE.read_text(encoding="utf-8"))
    areas: dict[str, list[str]] = defaultdict(list)
    for path, operations in sorted(document["paths"].items()):
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                areas[operation["tags"][0]].append(_row(method, path, operation))
    lines = [INTRODUCTION]
    for area, rows in sorted(areas.items()):
        lines += [
            f"## {area.replace('_', ' ').capitalize()}",
            "",
            "| call | operation | what it does | who |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(lines)


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    summary = operation["summary"].replace("|", "\\|")
    return f"| `{method.upper()} {path}` | `{operation['operationId']}` | {summary} | {_callers(operation)} |"


def _callers(operation: dict[str, Any]) -> str:
    if not operation.get("security"):
        return "anybody"
    said = operation.get("description", "")
    if "Roles: " in said:
        return str(said.partition("Roles: ")[2].partition(".")[0])
    scheme: str = next(iter(operation["security"][0]))
    return "whoever has the " + scheme.replace("Token", " token").replace("Credential", " credential")


if __name__ == "__main__":
    sys.exit(write_or_check(FILE, page(), sys.argv[1:]))
