"""docs/security.md says of every row which tests stand for it; this holds it to its word."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
PAGE = (HERE / "docs" / "security.md").read_text()
ROWS = {
    match[1]: (match[2].strip(), match[3].strip(), match[4].strip())
    for match in re.finditer(r"^\| ([A-Z]\d\d) \|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
}
CATALOGUE = {"T": 15, "A": 6, "O": 9, "P": 7, "I": 8, "W": 8, "R": 6, "X": 6, "U": 4, "M": 5}
TESTS = {
    name
    for file in (HERE / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
} | {
    "test_" + re.sub(r"\W+", "_", sentence)
    for file in (HERE / "sdk-ts" / "test").rglob("*.test.ts")
    for sentence in re.findall(r"'([a-z]\d\d [^']+)'", file.read_text())
}
"""Names of pytest, and sentences of Jest that begin with a row."""


def test_every_row_of_the_catalogue_is_there() -> None:
    assert list(ROWS) == [f"{kind}{number:02d}" for kind, count in CATALOGUE.items() for number in range(1, count + 1)]


@pytest.mark.parametrize("row", ROWS)
def test_what_a_row_says_is_so(row: str) -> None:
    state, text, standard = ROWS[row]
    named = re.findall(r"`(test_[\w*]+)`", text)

    assert state in ("tested", "does not apply")
    assert standard
    assert bool(named) == (state == "tested")
    assert [pattern for pattern in named if not fnmatch.filter(TESTS, pattern)] == []
    # What is not tested, or not whole, says why.
    assert state == "tested" or len(re.sub(r"`[^`]*`[,;]?", "", text).strip()) > 10


def test_every_test_that_carries_a_row_belongs_to_one() -> None:
    carried = {match[1].upper() for name in TESTS if (match := re.match(r"test_([taopiwrxum]\d\d)_", name))}

    assert carried <= set(ROWS)
