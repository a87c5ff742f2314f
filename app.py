"""The Chalice app: every route, and the functions the state machine, the bus and the clock call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice

from chalicelib import cold_start, wiring
from chalicelib.observability import in_invocation
from chalicelib.routes.api import add_routes

if TYPE_CHECKING:
    from chalicelib.routes.edge import Edge


def _edge() -> Edge:
    from chalicelib.routes.edge import wired

    return wired()


app = Chalice(app_name="hotswap", configure_logs=False)
app.register_middleware(in_invocation)
# Lambda tells every function of the installation which of the handlers in this file it is. Nobody else does.
handler = os.environ.get("_HANDLER")
add_routes(app, _edge, as_needed=handler is not None)
if handler is not None:
    cold_start.begin(handler)


@app.lambda_function(name="steps")
def steps(event: Any, _context: Any) -> Any:
    """A task of the state machine."""
    from chalicelib.steps import machine

    return machine.handle(event, ports=wiring.ports())


@app.lambda_function(name="events")
def events(event: Any, _context: Any) -> Any:
    """An event from the bus, or the result of a call."""
    from chalicelib.routes import events_in

    return events_in.handle(event, ports=wiring.ports(), dead_letters=wiring.dead_letters())


@app.lambda_function(name="hooks")
def hooks(event: Any, _context: Any) -> Any:
    """A call to a user's address: the only function with a way out, and without a table."""
    from chalicelib.routes import calls_out

    return calls_out.handle(event, ports=wiring.outbound_ports())


@app.lambda_function(name="lambda_nodes")
def lambda_nodes(event: Any, _context: Any) -> Any:
    """An order, an alarm or the clock: look at users' function aliases. The only function that may touch them."""
    from chalicelib.steps import lambda_nodes as aliases

    return aliases.handle(event, aliases=wiring.alias_ports(), ports=wiring.ports())


@app.lambda_function(name="sweeps")
def sweeps(event: Any, _context: Any) -> Any:
    """The clock: deliver what was decided and not delivered, continue what was lost."""
    from chalicelib.steps import sweeps as sweeping

    return sweeping.handle(event, signer=wiring.checkpoint_signer(), keys=wiring.token_keys(), ports=wiring.ports())
