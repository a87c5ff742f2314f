"""The table's items are half a million objects of this process, and more each minute: looking through all of them for
garbage stops every request for as long as it takes (280 ms at that number). Nearly nothing here needs it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (5_000, 50, 100)
"""What was made lately is looked through as before; everything, when 25 million objects have been added."""


@contextmanager
def garbage_is_looked_for_rarely() -> Iterator[None]:
    """While the context is open; what there is at its beginning is not looked through at all."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
