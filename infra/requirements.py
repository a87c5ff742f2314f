"""requirements.txt, which Chalice packs into the zip, from the lock file: `python -m infra.requirements [--check]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.generated import write_or_check

FILE = Path(__file__).parents[1] / "requirements.txt"
UV = Path(sys.executable).with_name("uv")


def exported() -> str:
    """What ships: the project's own dependencies, pinned, without groups, hashes or comments."""
    command = [str(UV), "export", "--frozen", "--quiet", "--no-default-groups", "--no-hashes", "--no-emit-project"]
    result = subprocess.run([*command, "--no-annotate", "--no-header"], check=True, capture_output=True, text=True)
    return result.stdout


def main(arguments: list[str]) -> int:
    """Write the file, or with --check say whether it is fresh."""
    return write_or_check(FILE, exported(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
