"""The built files of the web console, as `make console` leaves them in `chalicelib/console/`; they ship with the code."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chalicelib.domain.errors import NotFound

BUILT: Final = Path(__file__).parents[1] / "console"
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Only text: the gateway then needs to know of no binary type."""

HERE_IS_ROOT: Final = '<base href="./"'

NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>HotSwap</title>
<h1>HotSwap</h1>
<p>The console is not built here; <code>make console</code> builds it.</p>
<ul>
<li><a href="/openapi.json">The API</a>, under /api/v1</li>
<li><a href="/health">Health</a></li>
</ul>
</html>
"""


class ConsoleFiles:
    """The console of one folder, read once. Asked for by name only, so nothing outside of the folder can be had."""

    def __init__(self, folder: Path = BUILT) -> None:
        self._folder = folder

    def page(self, depth: int) -> str:
        """The page, for an address `depth` segments below the root: its files are found from wherever the API is."""
        return self._page.replace(HERE_IS_ROOT, f'<base href="{"../" * (depth - 1) or "./"}"', 1)

    def asset(self, name: str) -> tuple[str, str]:
        """What is in a file and its media type.

        Raises:
            NotFound: the console has no such file; perhaps it is one of an older build.
        """
        try:
            return self._assets[name]
        except KeyError as error:
            raise NotFound("file", name) from error

    @functools.cached_property
    def _page(self) -> str:
        file = self._folder / "index.html"
        return file.read_text(encoding="utf-8") if file.exists() else NOT_BUILT

    @functools.cached_property
    def _assets(self) -> Mapping[str, tuple[str, str]]:
        return {
            file.name: (file.read_text(encoding="utf-8"), MEDIA_TYPES[file.suffix])
            for file in sorted((self._folder / "assets").glob("*"))
        }
