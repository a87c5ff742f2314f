"""What the documentation says of files, commands and formats is there."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from chalicelib.domain.deployment import TRANSITIONS, Status
from tests.docs.pages import PAGES, ROOT, Block, anchors_of, blocks_of, links_of, name_of

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
SHELL = [block for block in BLOCKS if block.language == "sh"]
COMMANDS = {
    match[1]: match[2]
    for match in re.finditer(
        r"^## hotswap ([^\n]+)\n\n```\n(.*?)```", (ROOT / "docs/command-line.md").read_text(), re.MULTILINE | re.DOTALL
    )
}
EVERY_COMMAND = {"--url", "--json", "--help", "-h"}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)

    assert broken == []


def test_every_page_is_reached_from_the_first_one() -> None:
    first = ROOT / "docs" / "index.md"
    reached, left = {first}, [first]
    while left:
        page = left.pop()
        linked = {(page.parent / link.partition("#")[0]).resolve() for link in links_of(page) if link[0] != "#"}
        listed = {path for folder in linked if folder.is_dir() for path in folder.glob("*.md")}
        new = {path for path in linked | listed if path.suffix == ".md" and path.exists()} - reached
        reached |= new
        left += new

    assert [name_of(page) for page in PAGES if page not in reached and page != ROOT / "README.md"] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "json"], ids=str)
def test_samples_of_json_are_json(block: Block) -> None:
    # A part of a document is shown with its name; what is left out is an ellipsis, and cannot be parsed.
    text = "{" + block.text + "}" if block.text.startswith('"') else block.text
    if "…" not in text.replace('…"', ""):
        json.loads(text)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_samples_of_shell_can_be_read_by_a_shell(block: Block) -> None:
    read = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)

    assert read.stderr == ""


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in ("sh", "")], ids=str)
def test_documented_commands_exist_with_their_options(block: Block) -> None:
    if block.page.name != "command-line.md":
        assert [said for said in _commands(block.text) if not _exists(said)] == []


def test_arrows_between_statuses_are_transitions() -> None:
    names = {str(status): status for status in Status}
    drawn = [
        (match[1], match[2])
        for block in blocks_of(ROOT / "docs" / "concepts.md")
        for match in re.finditer(r"^\s*(\w+) --> (\w+)", block.text, re.MULTILINE)
        if match[1] in names and match[2] in names
    ]

    assert len(drawn) > 10
    assert [arrow for arrow in drawn if names[arrow[1]] not in TRANSITIONS[names[arrow[0]]]] == []


def _commands(text: str) -> list[list[str]]:
    """The commands of ours in a block, in words; what stands in front of them (variables, pipes) is left out."""
    joined = re.sub(r"(?:^|\s)#.*$", "", re.sub(r"\\\n\s*", " ", text), flags=re.MULTILINE)
    # `[a-z]` keeps out the synopsis `hotswap <command>` and the output of the programs.
    found = re.findall(r"(?:^|[|;&(] *|npx |\w+=\S+ )((?:hotswap|make|python -m) [a-z][^\n|;&]*)", joined, re.MULTILINE)
    return [_words(line) for line in found]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        # An argument in quotes goes on in the next line: what stands before it counts.
        return line.split("'")[0].split('"')[0].split()


def _exists(words: list[str]) -> bool:
    program, *rest = words
    if program == "make":
        return all(word in TARGETS for word in rest if re.fullmatch(r"[a-z-]+", word))
    if program == "python":
        return importlib.util.find_spec(rest[1]) is not None
    if rest[0] == "help":
        return rest[1:] == [] or " ".join(rest[1:3]) in COMMANDS or rest[1] in COMMANDS
    name = next((name for name in (" ".join(rest[:2]), rest[0]) if name in COMMANDS), None)
    if name is None:
        return False
    options = [word.partition("=")[0].rstrip(")") for word in rest if re.match(r"--?[a-z]", word)]
    return all(option in EVERY_COMMAND or re.search(rf"{re.escape(option)}\b", COMMANDS[name]) for option in options)
