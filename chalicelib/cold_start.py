"""What Lambda does before the first call of a function, and never again in that process.

While a function is initialised it has a CPU of its own; in a call it has the share its memory pays for, a third of one
with 512 MB. So what every call of a function needs is imported and made here, and nothing that it does not need.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from chalicelib import wiring

NEEDED: Final[Mapping[str, tuple[tuple[str, ...], Callable[[], Any]]]] = MappingProxyType(
    {
        # Heartbeats are what the API is asked most; other nouns come with their first request.
        "app.app": (("chalicelib.routes.edge", "chalicelib.routes.nodes"), wiring.ports),
        "app.steps": (("chalicelib.steps.machine",), wiring.ports),
        "app.events": (("chalicelib.routes.events_in",), wiring.ports),
        "app.sweeps": (("chalicelib.steps.sweeps",), wiring.ports),
        "app.lambda_nodes": (("chalicelib.steps.lambda_nodes",), wiring.alias_ports),
        "app.hooks": (("chalicelib.routes.calls_out",), wiring.outbound_ports),
    }
)
"""By handler: the modules that its first call imports, and what it makes."""


def begin(handler: str) -> None:
    """Import and make what the function with this handler needs.

    Raises:
        BadSettings, UnsafeSettings: the function must not start.
    """
    modules, make = NEEDED[handler]
    # Nothing that is imported is ever garbage: looking through it all is a seventh of a cold start, here and later on.
    gc.disable()
    try:
        for name in modules:
            importlib.import_module(name)
        make()
    finally:
        gc.freeze()
        gc.enable()
