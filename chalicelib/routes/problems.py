"""Every failure as problem+json (RFC 9457): the one table from domain errors to HTTP, and the one shape.

Source: docs/contracts/control.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import errors
from chalicelib.routes.fields import iso_or_none

MEDIA_TYPE = "application/problem+json"
QUEUES_MOVE_S = 30
"""How soon it is worth asking again for a place in a full queue."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of problem: its status, and what its `type` ends in."""

    status: HTTPStatus
    name: str


class RequestRefused(errors.DomainError):
    """The request could not even be read; `kind` says why. Known at the edge only."""

    def __init__(self, kind: Kind, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


NOT_JSON = Kind(HTTPStatus.BAD_REQUEST, "not-json")
TOO_DEEP = Kind(HTTPStatus.BAD_REQUEST, "too-deep")
DUPLICATE_KEY = Kind(HTTPStatus.BAD_REQUEST, "duplicate-key")
TOO_LARGE = Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large")
UNSUPPORTED_MEDIA_TYPE = Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type")
INTERNAL_ERROR = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error")

_CONFLICT = Kind(HTTPStatus.CONFLICT, "conflict")

KINDS: Final[Mapping[type[errors.DomainError], Kind]] = MappingProxyType(
    {
        errors.InvalidInput: Kind(HTTPStatus.BAD_REQUEST, "invalid-input"),
        errors.NotFound: Kind(HTTPStatus.NOT_FOUND, "not-found"),
        errors.NotAuthenticated: Kind(HTTPStatus.UNAUTHORIZED, "not-authenticated"),
        errors.NotAllowed: Kind(HTTPStatus.FORBIDDEN, "not-allowed"),
        errors.Conflict: _CONFLICT,
        errors.IllegalTransition: Kind(HTTPStatus.CONFLICT, "illegal-transition"),
        errors.AlreadyExists: Kind(HTTPStatus.CONFLICT, "already-exists"),
        errors.AlreadyDecided: Kind(HTTPStatus.CONFLICT, "already-decided"),
        errors.TurnTaken: Kind(HTTPStatus.CONFLICT, "turn-taken"),
        errors.Frozen: Kind(HTTPStatus.CONFLICT, "frozen"),
        errors.WrongDigest: Kind(HTTPStatus.CONFLICT, "wrong-digest"),
        errors.Quarantined: Kind(HTTPStatus.CONFLICT, "quarantined"),
        errors.StaleWrite: Kind(HTTPStatus.CONFLICT, "stale-write"),
        errors.IdempotencyMismatch: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-mismatch"),
        errors.QueueFull: Kind(HTTPStatus.TOO_MANY_REQUESTS, "queue-full"),
        errors.TooManyRequests: Kind(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests"),
        errors.LineFull: Kind(HTTPStatus.TOO_MANY_REQUESTS, "line-full"),
        errors.LineStopped: Kind(HTTPStatus.CONFLICT, "line-stopped"),
        errors.ArtifactRefused: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "artifact-refused"),
        errors.ExecutionReplaced: _CONFLICT,
        errors.DeploymentEnded: _CONFLICT,
        errors.PlanChanged: _CONFLICT,
        errors.DestinationRefused: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "destination-refused"),
        errors.Unavailable: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    }
)
"""An error that is not here is answered as its nearest ancestor that is."""

_EXTRA_FIELDS: Final[Mapping[type[errors.DomainError], Callable[[Any], dict[str, Any]]]] = MappingProxyType(
    {
        errors.IllegalTransition: lambda error: {"currentStatus": str(error.status)},
        errors.AlreadyDecided: lambda error: {"currentStatus": str(error.outcome)},
        errors.Frozen: lambda error: {
            "environment": str(error.environment),
            "window": error.window,
            "until": iso_or_none(error.until_ms),
        },
        errors.TurnTaken: lambda error: {"holder": error.holder},
        errors.QueueFull: lambda error: {"holder": error.holder or None, "limit": error.limit},
        errors.LineFull: lambda error: {"limit": error.limit},
        errors.ArtifactRefused: lambda error: {"reason": error.reason},
        errors.Quarantined: lambda error: {
            "environment": error.environment and str(error.environment),
            "reason": error.reason,
        },
    }
)


def kind_of(error: errors.DomainError) -> Kind:
    """What sort of problem an error is.

    Raises:
        KeyError: the table knows neither the error nor an ancestor; a test makes sure that there is none.
    """
    if isinstance(error, RequestRefused):
        return error.kind
    return next(KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in KINDS)


def problem_of(error: errors.DomainError, *, instance: str, request_id: str) -> tuple[HTTPStatus, dict[str, Any]]:
    """The status and body that answer an expected failure."""
    kind = kind_of(error)
    violations = error.violations if isinstance(error, errors.InvalidInput) else ()
    body = problem(kind, str(error), instance=instance, request_id=request_id, violations=violations)
    extra = next((_EXTRA_FIELDS[each] for each in type(error).__mro__ if each in _EXTRA_FIELDS), None)
    return kind.status, body | (extra(error) if extra is not None else {})


def headers_of(error: errors.DomainError) -> dict[str, str]:
    """The headers that belong to an error itself: when to come back, and what a limit leaves."""
    if isinstance(error, errors.TooManyRequests):
        return {**error.headers, "Retry-After": str(error.after_s)}
    if isinstance(error, (errors.QueueFull, errors.LineFull)):
        return {"Retry-After": str(QUEUES_MOVE_S)}
    return {}


def problem(
    kind: Kind, detail: str, *, instance: str, request_id: str, violations: tuple[errors.Violation, ...] = ()
) -> dict[str, Any]:
    """A problem body; `errors` names every field that broke a rule."""
    return {
        "type": f"/problems/{kind.name}",
        "title": kind.status.phrase,
        "status": int(kind.status),
        "detail": detail,
        "instance": instance,
        "requestId": request_id,
        "errors": [{"field": violation.field, "rule": violation.rule} for violation in violations],
    }


def kind_of_status(status: int) -> Kind:
    """The sort of problem behind a bare status, for errors that Chalice or the gateway made."""
    known = {int(kind.status): kind for kind in (*_BARE, INTERNAL_ERROR)}
    return known.get(status) or Kind(HTTPStatus(status), HTTPStatus(status).phrase.lower().replace(" ", "-"))


_BARE = (
    Kind(HTTPStatus.BAD_REQUEST, "invalid-input"),
    KINDS[errors.NotAuthenticated],
    KINDS[errors.NotAllowed],
    KINDS[errors.NotFound],
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    KINDS[errors.TooManyRequests],
    KINDS[errors.Unavailable],
)
