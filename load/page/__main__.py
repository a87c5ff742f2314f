"""Writes the measured figures of docs/performance.md from the files of results: `python -m load.page`.

Between two marks of the page nothing is written by hand. A figure nobody measured says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from load.page.benchmarks import bench
from load.page.tables import Results, table
from load.page.targets import targets
from load.page.under_load import runs, server
from load.provenance import RESULTS, ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin (python -m load.page) -->", "<!-- figures: end -->"


def main(arguments: list[str] | None = None) -> int:
    """0 unless `--check` finds the page stale."""
    parser = argparse.ArgumentParser(prog="python -m load.page", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when the page is not what the results say"
    )
    told = parser.parse_args(arguments)
    page = PAGE.read_text(encoding="utf-8")
    fresh = filled(page, read_results())
    if told.check and fresh != page:
        print("docs/performance.md is not what load/results say; run python -m load.page")
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


def read_results() -> dict[str, dict[str, Any]]:
    """Every file of results, by folder and name."""
    files = [*RESULTS.glob("load/*.json"), *RESULTS.glob("bench/*.json")]
    return {f"{file.parent.name}/{file.stem}": json.loads(file.read_text(encoding="utf-8")) for file in files}


def filled(page: str, results: Results) -> str:
    """The page with everything between the marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [targets(results), runs(results), server(results), bench(results), sources(results)]
    return f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}"


def sources(results: Results) -> str:
    """Commit, machine and command of every file."""
    rows = []
    for name, result in sorted(results.items()):
        if "commit" not in result or "machine" not in result:
            continue
        machine = result["machine"]
        where = f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}"
        rows.append(
            [
                f"load/results/{name}.json",
                f"`{result['command']}`",
                result["commit"][:10],
                result["measuredAt"],
                where,
                machine["loadAverageBefore"],
            ]
        )
    head = ("file", "command", "commit", "measured", "machine", "load before")
    return "### Where these figures come from\n\n" + table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
