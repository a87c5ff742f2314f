"""What calls to users' own addresses need of the world; only the function that makes them has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.seal import MasterKey
from chalicelib.usecases.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a user's endpoint said: untrusted, bounded in size."""

    status: int
    body: bytes


class Outbound(Protocol):
    """HTTPS to the public internet."""

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        """The answer, whatever its status.

        Raises:
            DestinationRefused: the address may not be called.
            Unavailable: no answer, none in time, or none that can be read.
        """
        ...


class UserFunctions(Protocol):
    """Lambda functions of the user's."""

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Reply:
        """What the function returned: 200 and its JSON, or 500 when it raised.

        Raises:
            Unavailable: it could not be invoked, or did not answer in time.
        """
        ...


class CallResults(Protocol):
    """Where results of calls go."""

    def tell(self, result: Mapping[str, Any]) -> None:
        """Hand a result to the function that may write the table, at least once.

        Raises:
            Unavailable: it was not taken; make the call again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundPorts:
    """Everything the function `hooks` has. No table."""

    http: Outbound
    functions: UserFunctions
    results: CallResults
    clock: Clock
    master_key: Callable[[], MasterKey]
    public_url: str
    pause: Callable[[float], None]
