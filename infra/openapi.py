"""Write docs/openapi.json from the code: `python -m infra.openapi`; with `--check`, fail when it is stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

# What describes the routes is what declares them.
import chalicelib.routes.api  # noqa: F401
from chalicelib.routes.openapi import describe
from infra.api_examples import with_examples
from infra.generated import write_or_check

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"


def rendered() -> str:
    """The file's text as it must be."""
    return json.dumps(with_examples(describe()), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with --check say whether it is fresh."""
    return write_or_check(FILE, rendered(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
