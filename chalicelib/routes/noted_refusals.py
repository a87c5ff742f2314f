"""Which refused calls are kept in the audit, and how they are told there."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import DomainError
from chalicelib.observability import log_failure
from chalicelib.routes.edge import Edge
from chalicelib.routes.problems import kind_of
from chalicelib.usecases.record_refusal import Refusal, record_refusal

NOTED: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Who was not let. A request that could not be read, or named nothing there is, tried nothing."""


def note_refusal(
    error: DomainError, operation: str, event: Mapping[str, Any], caller: Caller, *, request_id: str, edge: Edge
) -> None:
    """Keep a refused attempt to change something. Never raises: the caller is refused either way."""
    kind = kind_of(error)
    if kind.status not in NOTED:
        return
    identity = (event.get("requestContext") or {}).get("identity") or {}
    refusal = Refusal(
        actor=caller.name,
        operation=operation,
        path=str(event.get("path") or ""),
        status=int(kind.status),
        reason=kind.name,
        source=str(identity.get("sourceIp") or ""),
        request_id=request_id,
    )
    try:
        record_refusal(refusal, budget=edge.refusals, ports=edge.ports)
    except Exception as failure:  # noqa: BLE001 (the answer must not depend on it)
        log_failure("refusal_not_recorded", failure, requestId=request_id, operation=operation)
