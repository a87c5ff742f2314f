"""Every expected failure, as a type with fields. Nobody reads a message to decide.

DomainError
├── InvalidInput            the caller broke field rules; all of them are listed
├── NotFound                no such thing
├── NotAuthenticated        no identity, or a bad one
├── NotAllowed              a known caller may not do this
├── Conflict                the state of things forbids it now
│   ├── IllegalTransition
│   ├── AlreadyExists
│   ├── AlreadyDecided
│   ├── TurnTaken
│   ├── Frozen              the calendar forbids it now
│   ├── WrongDigest
│   ├── LineStopped
│   ├── Quarantined         it was rolled back here before
│   └── StaleWrite          somebody else's write won; read again
├── IdempotencyMismatch     same key, other body
├── QueueFull               also LineFull; try again later
├── TooManyRequests         a limit on how often; says when to come back
├── ArtifactRefused         bytes, signature or manifest; carries the named reason
├── ExecutionReplaced       a step of an execution that a newer one has replaced
├── DeploymentEnded         a step of a deployment that has reached an end
├── PlanChanged             what was approved is not what would happen
├── DestinationRefused      an address that we do not call, whoever asks
└── Unavailable             something we depend on does not answer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DomainError(Exception):
    """An expected failure; `routes/problems.py` gives each type its HTTP status."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: the field in the caller's own spelling, and the rule in words."""

    field: str
    rule: str


class InvalidInput(DomainError):
    """The input breaks rules; nothing was changed."""

    def __init__(self, *violations: Violation) -> None:
        self.violations = violations
        super().__init__("; ".join(f"{v.field}: {v.rule}" for v in violations))


class NotFound(DomainError):
    """There is no such thing, or the caller may not know of it."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key
        super().__init__(f"There is no {kind} '{key}'.")


class NotAuthenticated(DomainError):
    """The caller has not proved who they are."""


class NotAllowed(DomainError):
    """The caller is known and may not do this."""


class Conflict(DomainError):
    """The state of things forbids it now."""


class IllegalTransition(Conflict):
    """The deployment is in a state from which this is impossible."""

    def __init__(self, status: str, wanted: str) -> None:
        self.status, self.wanted = status, wanted
        refused = f"cannot become {wanted}" if isinstance(wanted, StrEnum) else f"takes no '{wanted}'"
        super().__init__(f"A deployment that is {status} {refused}.")


class AlreadyExists(Conflict):
    """Something with this identity is there already and differs."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key
        super().__init__(f"The {kind} '{key}' exists already.")


class AlreadyDecided(Conflict):
    """Somebody, or time, decided before."""

    def __init__(self, kind: str, outcome: str) -> None:
        self.kind, self.outcome = kind, outcome
        super().__init__(f"This {kind} is already {outcome}.")


class TurnTaken(Conflict):
    """Another deployment is changing this module in this environment."""

    def __init__(self, environment: str, module: str, holder: str) -> None:
        self.environment, self.module, self.holder = environment, module, holder
        super().__init__(f"Deployment {holder} is changing {module} in {environment}.")


class Frozen(Conflict):
    """The calendar of `environment` forbids it now; `until_ms` (policy time) is when that is over, None when there is no
    end in sight."""

    def __init__(self, why: str, *, environment: str, window: str, until_ms: int | None) -> None:
        self.environment, self.window, self.until_ms = environment, window, until_ms
        super().__init__(why)


class WrongDigest(Conflict):
    """A guard named another digest, approval or revision than the one in force."""


class Quarantined(Conflict):
    """It was rolled back in this environment, or an administrator keeps it out of all of them (`environment` is None);
    and it has not been released."""

    def __init__(self, environment: str | None, version: str, reason: str) -> None:
        self.environment, self.version, self.reason = environment, version, reason
        where = f"was rolled back in {environment} and is in quarantine there" if environment else "is in quarantine"
        super().__init__(f"{version} {where}: {reason or 'no reason was given'}")


class StaleWrite(Conflict):
    """A conditional write lost: the record changed, appeared or vanished meanwhile. Read again."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key
        super().__init__(f"The {kind} '{key}' was changed by somebody else meanwhile.")


class IdempotencyMismatch(DomainError):
    """The same Idempotency-Key came before with another request."""


class QueueFull(DomainError):
    """The queue for this module in this environment is at its limit; `holder` is whom everybody waits for."""

    def __init__(self, environment: str, module: str, limit: int, *, holder: str = "") -> None:
        self.environment, self.module, self.limit, self.holder = environment, module, limit, holder
        waits_for = f" Deployment {holder} holds the turn." if holder else ""
        super().__init__(f"The queue for {module} in {environment} is full ({limit}).{waits_for}")


class LineFull(DomainError):
    """As many deployments wait for the line as may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} deployments wait for the line already, as many as may.")


class LineStopped(Conflict):
    """Somebody stopped the line; nothing goes on before it runs again."""

    def __init__(self, why: str) -> None:
        super().__init__(why)


class TooManyRequests(DomainError):
    """A limit on how often somebody may ask is reached; `after_s` is when to come back, `headers` say more."""

    def __init__(self, detail: str, *, after_s: int, headers: Mapping[str, str] | None = None) -> None:
        self.after_s = max(after_s, 1)
        self.headers = dict(headers or {})
        super().__init__(f"{detail} Try again in {self.after_s} s.")


class ArtifactRefused(DomainError):
    """The artifact is not what was registered; `reason` is one of docs/contracts/artifact.md."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


class ExecutionReplaced(DomainError):
    """This execution of the state machine was taken for lost and another one carries on."""


class DeploymentEnded(DomainError):
    """The deployment has reached an end; the state machine goes straight to its own."""


class PlanChanged(DomainError):
    """What was approved is not what would happen now; people are asked again."""


class DestinationRefused(DomainError):
    """An address that may not be called: not https, not public, or written so that it could be read in two ways."""


class Unavailable(DomainError):
    """A service we depend on does not answer; the caller may try again."""
