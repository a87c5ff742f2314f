"""Files that are made from the code and checked in: written by `make openapi`, held against the code by `make check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def write_or_check(file: Path, text: str, arguments: Sequence[str]) -> int:
    """Write the file, or with `--check` say whether it is what it must be; the exit code of a command."""
    if "--check" not in arguments:
        file.write_text(text, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    print(f"{file.name} is stale: run `make openapi`.", file=sys.stderr)
    return 1
