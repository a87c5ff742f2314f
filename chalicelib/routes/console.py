"""The web console: one page that draws every screen, and its files. The API's own calls are all it can make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pydantic import ConfigDict

from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.validation import Received

bp = Noun(__name__)

PAGES: Final = (
    "/account",
    "/deployments",
    "/deployments/new",
    "/deployments/{id}",
    "/approvals",
    "/approvals/{id}",
    "/environments/{id}",
    "/nodes/{id}",
    "/modules",
    "/modules/{id}",
    "/audit",
)
"""Addresses of screens besides `/`, so that they can be shared and reloaded; the same as in console/src/pages.ts.
Whether there is something of that id is said by the screen."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
FOR_EVER: Final = "public, max-age=31536000, immutable"
"""A file's name has the hash of what is in it."""

_HTML: Final = "text/html; charset=utf-8"


class OfTheScreen(Received):
    """The query of a page is read by its script."""

    model_config = ConfigDict(extra="ignore")


@endpoint(bp, "/", "GET", action=None, query=OfTheScreen, summary="The web console", media_type=_HTML)
def get_page(call: Call, query: OfTheScreen) -> Answer:  # noqa: ARG001  # only that it is accepted
    return _page(call, 0)


@endpoint(bp, "/assets/{file}", "GET", action=None, errors=(404,), summary="A file of the console", described=False)
def get_asset(call: Call, file: str) -> Answer:
    content, media_type = call.edge.console.asset(file)
    return Answer(body=content, headers={"Content-Type": media_type, "Cache-Control": FOR_EVER})


def _page(call: Call, depth: int) -> Answer:
    return Answer(body=call.edge.console.page(depth), headers={"Content-Security-Policy": POLICY})


def _screen(path: str) -> Callable[..., Answer]:
    def get_screen(call: Call, **_read_by_the_screen: object) -> Answer:
        return _page(call, path.count("/"))

    return get_screen


for _path in PAGES:
    _serve = endpoint(
        bp, _path, "GET", action=None, query=OfTheScreen, summary="A screen", media_type=_HTML, described=False
    )
    _serve(_screen(_path))
