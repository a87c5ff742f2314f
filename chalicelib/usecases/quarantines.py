"""What was rolled back somewhere stays out of there: put it in quarantine, find it there, release it."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.edition import edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound
from chalicelib.domain.quarantine import Quarantine, released
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Replace
from chalicelib.usecases.recording import Entry


def quarantined(wanted: Quarantine, *, ports: Ports) -> tuple[tuple[Change, ...], tuple[Entry, ...]]:
    """The write that puts something in quarantine and the event that says so; nothing where it is in it already."""
    known = ports.store.get(Quarantine, *wanted.key)
    if not wanted.subject or (known is not None and known.holds):
        return (), ()
    entry = Entry(
        type=EventType.DIGEST_QUARANTINED,
        environment=wanted.environment,
        detail={
            "version": wanted.version,
            "digest": wanted.subject.partition("+")[0],
            "configuration": wanted.configuration,
            "reason": wanted.reason,
        },
    )
    return (Add(wanted) if known is None else Replace(replace(wanted, revision=known.revision + 1)),), (entry,)


def find_quarantine(
    module: str, environment: Environment, digest: str | None, configuration: int, *, ports: Ports
) -> Quarantine | None:
    """What keeps this digest, or this digest under this configuration, out of the environment; None: nothing does."""
    for subject in subjects(digest, configuration):
        found = ports.store.get(Quarantine, environment, module, subject)
        if found is not None and found.holds:
            return found
    return None


def subjects(digest: str | None, configuration: int) -> tuple[str, ...]:
    """What may be in quarantine of a digest under a configuration: the code itself, and both together."""
    return tuple(dict.fromkeys(each for each in (digest, edition(digest, configuration)) if each is not None))


def list_quarantines(module: str, *, ports: Ports) -> tuple[Quarantine, ...]:
    """Everything of a module that is or was in quarantine, in promotion order of the environments, the newest first."""
    return tuple(
        quarantine
        for environment in Environment
        for quarantine in sorted(ports.store.list(Quarantine, environment, module), key=lambda each: -each.since_ms)
    )


def release_quarantine(
    module: str,
    environment: Environment,
    version: str,
    *,
    reason: str,
    caller: Caller,
    request_id: str = "",
    ports: Ports,
) -> tuple[Quarantine, ...]:
    """What was kept out of this version, code or configuration, and is no more. Saying it again changes nothing.

    Raises:
        NotFound: nothing of this version was ever in quarantine here.
    """

    def decide() -> tuple[tuple[Quarantine, ...], tuple[Change, ...]]:
        known = [each for each in ports.store.list(Quarantine, environment, module) if each.version == version]
        if not known:
            raise NotFound("quarantine", f"{module} {version} in {environment}")
        now = ports.clock.policy_ms()
        over = [released(each, by=caller.name, reason=reason, now_ms=now) for each in known if each.holds]
        if not over:
            return tuple(known), ()
        deed = Deed(
            subject=f"quarantine:{module}:{environment}",
            actor=caller.name,
            action="QuarantineReleased",
            detail={"version": version, "reason": reason, "subjects": [each.subject for each in over]},
            request_id=request_id,
        )
        return tuple(over), (*map(Replace, over), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
