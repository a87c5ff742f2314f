"""Logs: one JSON line for each event, an event name and fields, never a whole payload and never a secret.

There is no tracer: its SDK triples the package. Lambda and Step Functions trace without one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import DomainError

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

SECRETS = ("authorization", "credential", "password", "secret", "signature", "token")
"""A field whose name contains one of these is not written, whatever it holds; a hash of it is."""

_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default={})  # noqa: B039  # never changed in place
_lock = threading.Lock()
_logger: Logger | None = None
_is_cold = True


def logger() -> Logger:
    """The one logger of the process, made on first use."""
    global _logger
    with _lock:
        if _logger is None:
            from aws_lambda_powertools import Logger

            # Where a line was written is always here; its event says what the code was about.
            _logger = Logger(service="hotswap", location=None)
        return _logger


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Every line written inside carries these fields; each thread has its own."""
    told = {name: value for name, value in fields.items() if value not in (None, "")}
    token = _about.set({**_about.get(), **told})
    try:
        yield
    finally:
        _about.reset(token)


@contextmanager
def telling(**fields: Any) -> Iterator[None]:
    """The same as `about`, and what breaks inside is written with these fields before it goes on to the platform.

    Our own errors are no breakage: they are answers, and whoever gets them says what they mean.
    """
    with about(**fields):
        try:
            yield
        except DomainError:
            raise
        except Exception as error:
            log_failure("function_broke", error)
            raise


def in_invocation(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Middleware of every function: lines carry the id of the invocation they are written in."""
    context = getattr(event, "lambda_context", None) or getattr(event, "context", None)
    global _is_cold
    was_cold, _is_cold = _is_cold, False
    invocation = getattr(context, "aws_request_id", None)
    function = getattr(context, "function_name", None)
    with about(function_request_id=invocation, function_name=function, cold_start=was_cold or None):
        return get_response(event)


def log(event: str, **fields: Any) -> None:
    """Something happened that an operator may want to know."""
    logger().info(event, extra=_shown(fields))


def log_failure(event: str, error: BaseException, **fields: Any) -> None:
    """Something went wrong, written once, where it is answered; with the traceback."""
    extra = _shown({**fields, "error": type(error).__name__})
    logger().error(event, extra=extra, exc_info=(type(error), error, error.__traceback__))


def write_line(line: str) -> None:
    """A whole line to where the log goes, as it is."""
    handler = logger().registered_handler
    stream = getattr(handler, "stream", sys.stdout)
    with _lock:
        stream.write(line + "\n")
        stream.flush()


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    known = {**_about.get(), **fields}
    return {name: "withheld" if _is_secret(name) else value for name, value in known.items()}


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return not lowered.endswith("hash") and any(secret in lowered for secret in SECRETS)
