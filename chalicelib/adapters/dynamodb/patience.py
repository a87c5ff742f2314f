"""Try again what DynamoDB refused for now: a bounded number of times, with full jitter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from chalicelib.domain.errors import Unavailable

T = TypeVar("T")

TRIES = 6
FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.5

FOR_NOW = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Error codes, and reasons of a cancelled transaction, that say nothing about the request itself."""


def code_of(error: ClientError) -> str:
    """The error code of an AWS answer."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_for_now(error: ClientError) -> bool:
    """Whether the same request may succeed a moment later."""
    if code_of(error) == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
        return bool(reasons & FOR_NOW)
    return code_of(error) in FOR_NOW


def patiently(call: Callable[[], T]) -> T:
    """What `call` returns, tried again while DynamoDB is busy; every other failure passes through.

    Raises:
        Unavailable: it stayed busy, or cannot be reached.
    """
    for attempt in range(TRIES):
        try:
            return call()
        except ClientError as error:
            if not is_for_now(error):
                raise
            if attempt == TRIES - 1:
                raise Unavailable(f"DynamoDB is busy: {code_of(error)}.") from error
        except (ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError) as error:
            raise Unavailable("DynamoDB does not answer.") from error
        pause(attempt)
    raise AssertionError("unreachable")


def pause(attempt: int) -> None:
    """Wait before attempt `attempt` + 2, a random time so that those who collided do not collide again."""
    time.sleep(random.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)))  # noqa: S311  # no secret
