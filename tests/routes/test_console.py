"""The console's page and files: where they are found, what browsers are told of them, and what cannot be had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.routes import console
from chalicelib.routes.console_files import BUILT, MEDIA_TYPES, ConsoleFiles
from tests.routes.conftest import Api, make_api

CONSOLE = Path(__file__).parents[2] / "console"
PAGE = '<!doctype html><base href="./" /><script type="module" src="assets/main-1a2b.js"></script>'


@pytest.fixture
def built(tmp_path: Path) -> Api:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "main-1a2b.js").write_text("document.title = 'HotSwap'")
    (tmp_path / "secret.js").write_text("no")
    api = make_api()
    object.__setattr__(api.edge, "console", ConsoleFiles(tmp_path))
    return api


@pytest.mark.parametrize("path", ["/", *console.PAGES])
def test_every_screen_has_an_address_of_its_own_that_finds_the_files(built: Api, path: str) -> None:
    at = path.format(id="anything")
    answer = built.call("GET", f"{at}?to=/audit")

    base = re.search(r'<base href="([./]+)"', answer.body.decode())
    assert (answer.status, answer.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert base is not None
    assert base[1] == ("./" if at.count("/") == 1 else "../")


def test_the_page_runs_no_script_and_no_style_but_its_own_files_and_stands_in_no_frame(built: Api) -> None:
    answer = built.call("GET", "/deployments/x")

    policy = dict(part.split(" ", 1) for part in str(answer.header("Content-Security-Policy")).split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert answer.header("Cache-Control") == "no-store"


def test_a_file_is_kept_for_ever_because_its_name_changes_with_it(built: Api) -> None:
    answer = built.call("GET", "/assets/main-1a2b.js")

    assert answer.body == b"document.title = 'HotSwap'"
    assert answer.header("Content-Type") == "text/javascript; charset=utf-8"
    assert answer.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("name", ["main-0000.js", "..%2Fsecret.js", "..%2F..%2Fapp.py", "%2Fetc%2Fpasswd", "."])
def test_nothing_but_the_files_of_the_build_can_be_had(built: Api, name: str) -> None:
    answer = built.call("GET", f"/assets/{name}")

    assert (answer.status, answer.json()["type"]) == (404, "/problems/not-found")


def test_where_it_is_not_built_the_page_says_so(tmp_path: Path) -> None:
    files = ConsoleFiles(tmp_path)

    assert "make console" in files.page(0)


def test_the_screens_are_those_of_the_console() -> None:
    source = (CONSOLE / "src" / "pages.ts").read_text(encoding="utf-8")

    there = set(re.findall(r"^  \w+: '(/[^']*)'", source, re.MULTILINE))
    assert {re.sub(r":\w+", "{id}", path) for path in there} == {"/", *console.PAGES}


def test_every_built_file_is_text_the_gateway_can_carry() -> None:
    assets = BUILT / "assets"
    if not assets.exists():
        pytest.skip("the console is not built here: make console")

    assert {file.suffix for file in assets.iterdir()} <= set(MEDIA_TYPES)
    assert not re.search(r"<style|<script>| on\w+=| style=", (BUILT / "index.html").read_text(encoding="utf-8"))
