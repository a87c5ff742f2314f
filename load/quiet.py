"""The program's log goes nowhere: figures are for people, and lines of JSON would hide them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chalicelib import observability


@contextmanager
def without_log() -> Iterator[None]:
    """What would be logged in here is made, and written to nowhere.

    Raises:
        TypeError: the log goes to something that cannot be turned away.
    """
    handler = observability.logger().registered_handler
    if not isinstance(handler, logging.StreamHandler):
        raise TypeError(f"the log goes to a {type(handler).__name__}")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        before = handler.setStream(nowhere)
        try:
            yield
        finally:
            handler.setStream(before)
