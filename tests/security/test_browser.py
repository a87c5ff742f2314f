"""What browsers are told and shown: the console's pages, the page of an approval link, where tokens are kept. Row M04."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from chalicelib.routes.console import PAGES
from tests.routes.conftest import Api, make_api

CONSOLE = Path(__file__).parents[2] / "console" / "src"
SOURCES = sorted(file for file in CONSOLE.rglob("*") if file.suffix in (".ts", ".tsx"))
LINK_PAGE = "/api/v1/approvals/link"
HTML = ("/", *(page.format(id="anything") for page in PAGES), LINK_PAGE)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
    "\u202e\u2028</title>",
)


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.mark.parametrize("path", HTML)
def test_m04_a_page_runs_only_what_its_policy_names_and_its_policy_names_nothing_loose(api: Api, path: str) -> None:
    answer = api.call("GET", path)

    policy = str(answer.header("Content-Security-Policy"))
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert not re.search(r"unsafe|\*|https?:|data:|blob:|wasm", policy)
    assert {allowed[name] for name in ("default-src", "frame-ancestors", "form-action")} == {"'none'"}
    assert (answer.header("Cache-Control"), answer.header("Referrer-Policy")) == ("no-store", "no-referrer")
    assert answer.header("Cross-Origin-Opener-Policy") == "same-origin"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "page", ["/?to={}", "/deployments/{}", "/approvals/{}?x={}", "/assets/{}", LINK_PAGE + "?token={}"]
)
def test_m04_nothing_of_an_address_is_in_the_page(api: Api, page: str, text: str) -> None:
    answer = api.call("GET", page.replace("{}", quote(text, safe="")))

    shown = answer.body.decode()
    is_page = str(answer.header("Content-Type")).startswith("text/html")
    assert answer.status in (200, 400, 404)
    assert not is_page or text not in shown
    # A problem says in JSON what was asked for, and no browser reads JSON as a page.
    assert is_page or (answer.header("Content-Type"), answer.header("X-Content-Type-Options")) == (
        "application/problem+json",
        "nosniff",
    )


SINKS = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|postMessage|document\.cookie"
)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(CONSOLE)))
def test_m04_the_console_makes_no_markup_or_code_of_text(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert re.findall(SINKS, text) == []
    assert [tag for tag in re.findall(r"<a [^>]*_blank[^>]*>", text) if "noopener" not in tag] == []


def test_m04_tokens_are_kept_in_one_place_of_the_console() -> None:
    using = {
        file.name for file in SOURCES if re.search(r"localStorage|sessionStorage|indexedDB", file.read_text("utf-8"))
    }

    assert using == {"kept-tokens.ts"}


def test_m04_who_may_not_call_may_not_even_read_an_answer_into_a_page_of_theirs(api: Api) -> None:
    answer = api.call("GET", "/api/v1/deployments", user="vic", headers={"Origin": "https://evil.test"})

    assert answer.header("Access-Control-Allow-Origin") is None
    assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"
