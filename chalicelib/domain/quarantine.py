"""What was rolled back in an environment stays out of it until somebody releases it, with a reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.edition import edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """`subject` is a digest, whatever its configuration; or an edition, where only the configuration had changed.

    Instants are policy time.
    """

    environment: Environment
    module: str
    subject: str
    version: str
    configuration: int = 0
    reason: str
    deployment_id: str
    by: str
    since_ms: int
    released_by: str = ""
    released_at_ms: int | None = None
    release_reason: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.module, self.subject)

    @property
    def holds(self) -> bool:
        """Whether it has not been released."""
        return self.released_at_ms is None


def quarantine_for(deployment: Deployment, rollout: Rollout, *, reason: str, by: str, now_ms: int) -> Quarantine:
    """What follows from taking back what `deployment` brought to an environment."""
    only_configured = rollout.from_digest == deployment.digest
    return Quarantine(
        environment=rollout.environment,
        module=deployment.module,
        subject=_subject(deployment.digest, rollout.configuration, only_configured=only_configured),
        version=deployment.version,
        configuration=rollout.configuration if only_configured else 0,
        reason=reason,
        deployment_id=deployment.id,
        by=by,
        since_ms=now_ms,
    )


def quarantine_of_undone(deployment: Deployment, rollout: Rollout, *, now_ms: int) -> Quarantine:
    """What follows from a deployment of kind rollback: what it took away is what stays out."""
    only_configured = rollout.from_digest == deployment.digest
    return Quarantine(
        environment=rollout.environment,
        module=deployment.module,
        subject=_subject(rollout.from_digest, rollout.from_configuration, only_configured=only_configured),
        version=rollout.from_version or "",
        configuration=rollout.from_configuration if only_configured else 0,
        reason=f"Rolled back by {deployment.requested_by}: {deployment.description}",
        deployment_id=deployment.id,
        by=deployment.requested_by,
        since_ms=now_ms,
    )


def released(quarantine: Quarantine, *, by: str, reason: str, now_ms: int) -> Quarantine:
    """The quarantine, over."""
    return replace(
        quarantine, released_by=by, released_at_ms=now_ms, release_reason=reason, revision=quarantine.revision + 1
    )


def _subject(digest: str | None, configuration: int, *, only_configured: bool) -> str:
    return (edition(digest, configuration) if only_configured else digest) or ""
