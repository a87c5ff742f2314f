"""The pages of the documentation: their links, their headings and their blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("README.md"), *ROOT.glob("[a-z]*/README.md")])

_FENCE = re.compile(r"^( *)```(.*?)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: what stands behind the fence (`sh by-hand`), and the text; `at` is where it begins on the page."""

    page: Path
    words: tuple[str, ...]
    text: str
    at: int

    @property
    def language(self) -> str:
        return self.words[0] if self.words else ""

    def __str__(self) -> str:
        return f"{name_of(self.page)}: {self.text.strip().splitlines()[0] if self.text.strip() else ''}"


def name_of(page: Path) -> str:
    """The page's path from the root of the repository."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(page=page, words=tuple(match[2].split()), text=_dedented(match[3], match[1]), at=match.start())
        for match in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def prose_of(page: Path) -> str:
    """The page without its blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))


def links_of(page: Path) -> Iterator[str]:
    """Where the page's links lead, within the repository."""
    return (target for target in _LINK.findall(prose_of(page)) if not re.match(r"[a-z]+:", target))


def anchors_of(page: Path) -> set[str]:
    """What can stand behind the # of a link to the page: its headings, as they are written in addresses."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _dedented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
