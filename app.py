"""The Chalice app: every route, and the functions the state machine, the bus and the clock call."""

from __future__ import annotations

from typing import Any

from chalice.app import Chalice

from chalicelib import wiring
from chalicelib.observability import in_invocation, logger
from chalicelib.routes.api import add_routes
from chalicelib.routes.edge import wired

app = Chalice(app_name="hotswap", configure_logs=False)
# Chalice's own words go out as JSON too.
app.log = logger()  # type: ignore[assignment]  # a Logger in all but its ancestry
app.register_middleware(in_invocation)
add_routes(app, wired)


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


@app.lambda_function(name="sweeps")
def sweeps(event: Any, _context: Any) -> Any:
    """The clock: deliver what was decided and not delivered, continue what was lost."""
    from chalicelib.steps import sweeps as sweeping

    return sweeping.handle(event, signer=wiring.checkpoint_signer(), keys=wiring.token_keys(), ports=wiring.ports())
