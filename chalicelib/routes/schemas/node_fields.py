"""Rules of fields that every kind of node has."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from chalicelib.routes.fields import matching

_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,253}(?:/[!-~]{0,200})?")
_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

NodeName = Annotated[
    str,
    matching(
        "must be 1 to 63 letters, digits, dots, hyphens and underscores", lambda t: _NODE_NAME.fullmatch(t) is not None
    ),
]
Address = Annotated[str, matching("must be empty or an http(s) URL", lambda t: not t or _URL.fullmatch(t) is not None)]
LabelName = Annotated[str, Field(min_length=1, max_length=63)]
LabelValue = Annotated[str, Field(max_length=200)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=20)]
