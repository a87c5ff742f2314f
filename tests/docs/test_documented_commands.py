"""Every command of the first steps and the how-to pages, typed as it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of, name_of
from tests.docs.running import Reader, RunningStack, running_stack

PAGES = [
    page
    for page in [ROOT / "docs" / "start.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
    if any(block.language == "sh" for block in blocks_of(page))
]

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_of_a_page_do_what_it_says(page: Path, stack: RunningStack, tmp_path: Path) -> None:
    reader = Reader(stack=stack, home=tmp_path)
    try:
        reader.read(page)
    finally:
        reader.end()
