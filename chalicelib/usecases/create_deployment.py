"""Accept a deployment: record the intention, everything that follows from it, and the order to start, at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Kind, Stage
from chalicelib.domain.edition import edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import (
    IdempotencyMismatch,
    LineFull,
    NotFound,
    Quarantined,
    QueueFull,
    StaleWrite,
    TurnTaken,
)
from chalicelib.domain.identity import IdempotentAnswer
from chalicelib.domain.line import MOST_WAITING, Line
from chalicelib.domain.module import ModuleVersion, VersionStatus
from chalicelib.domain.override import StrategyOverride, overridden
from chalicelib.domain.policy import Concurrency
from chalicelib.domain.quarantine import Quarantine
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.timeline import EventType, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.usecases.configurations import newest_configuration
from chalicelib.usecases.keep_freezes import require_start
from chalicelib.usecases.passed_over import runs_already
from chalicelib.usecases.policies import current_policy, policy_revision, terms_of
from chalicelib.usecases.ports import Add, Address, Change, Ports, Replace
from chalicelib.usecases.quarantines import find_quarantine, subjects
from chalicelib.usecases.reading_once import reading_once
from chalicelib.usecases.recording import Decided, Entry, get_deployment, record, show
from chalicelib.usecases.relay_outbox import execution_order, relay_outbox

IDEMPOTENCY_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRequest:
    """What a caller asks for; field rules were checked at the edge.

    `configuration` is a revision for the target, None the newest one; the other environments take their newest.
    """

    module: str
    version: str
    target: Environment
    requester_email: str = ""
    rule_made_by: str = ""
    require_approval: bool = False
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = Kind.DEPLOY
    undoes: str = ""
    retries: str = ""
    only_target: bool = False
    hotfix_reason: str = ""
    allow_downgrade: bool = False
    skip: tuple[Environment, ...] = ()
    configuration: int | None = None
    stages: tuple[Stage, ...] = ()
    strategy: StrategyOverride | None = None
    break_glass_reason: str = ""

    @property
    def path(self) -> tuple[Environment, ...]:
        """The environments it passes, in promotion order."""
        return (self.target,) if self.only_target else self.target.path()

    def override_in(self, environment: Environment) -> StrategyOverride | None:
        """What it changes about the strategy of an environment: only its target's."""
        return self.strategy if environment is self.target else None


def create_deployment(
    request: DeploymentRequest, *, caller: Caller, idempotency_key: str = "", request_id: str = "", ports: Ports
) -> Deployment:
    """The deployment, recorded and ordered to start; the same Idempotency-Key and request give the same one again.

    Raises:
        NotFound: no such version was registered.
        TurnTaken: the policy rejects a second deployment while one is on.
        QueueFull: the queue it would have to wait in is full. LineFull: so is the line.
        Quarantined: it was rolled back in an environment on the way, or an administrator keeps it out of all of them.
        IdempotencyMismatch: the key came before with another request.
        InvalidInput: it overrides what the policy does not allow.
        Frozen: a freeze that is in force refuses it.
    """
    seen = reading_once(ports)
    earlier = answered_before(request, caller=caller, idempotency_key=idempotency_key, ports=seen)
    if earlier is not None:
        return earlier
    registered = seen.store.get(ModuleVersion, request.module, request.version)
    if registered is None:
        raise NotFound("module version", f"{request.module} {request.version}")
    deployment = new_deployment(request, caller, ports=seen)
    deployment = replace(deployment, correlation_id=caller.correlation_id or request_id or deployment.id)
    read_ahead(deployment, registered.digest, ports=seen)
    require_room(deployment, registered.digest, ports=seen)
    if registered.status is VersionStatus.QUARANTINED:
        raise Quarantined(None, registered.version, registered.reason)
    refuse_quarantined(deployment, registered.digest, ports=seen)
    require_thawed(deployment, registered.digest, ports=seen)
    start = OutboxMessage(
        id=f"{deployment.id}#start",
        topic="execution",
        created_at_ms=ports.clock.machine_ms(),
        payload=execution_order(deployment),
    )
    also: list[Change] = [Add(start)]
    if idempotency_key:
        also.append(_kept_answer(caller, idempotency_key, request_hash(request), deployment.id, ports=seen))
    detail: dict[str, Any] = {"kind": str(deployment.kind), "requestedBy": deployment.requested_by}
    if request.undoes or request.retries:
        detail["undoes" if request.undoes else "retries"] = request.undoes or request.retries
    if request.skip:
        detail |= {"jumped": [str(environment) for environment in request.skip], "reason": request.hotfix_reason}
    if request.break_glass_reason:
        detail["breakGlass"] = request.break_glass_reason
    if request.allow_downgrade:
        detail["allowDowngrade"] = True
    entry = Entry(type=EventType.DEPLOYMENT_CREATED, detail=detail)
    recorded = record(
        Decided(after=deployment, entries=(entry,), also=tuple(also)),
        before=None,
        actor=caller.name,
        policy_ms=deployment.created_at_ms,
        machine_ms=ports.clock.machine_ms(),
        request_id=request_id,
    )
    try:
        ports.store.commit(*recorded.changes)
    except StaleWrite:
        # Somebody with the same key was faster; anything else would be a doubled id, which cannot be.
        earlier = answered_before(request, caller=caller, idempotency_key=idempotency_key, ports=ports)
        if earlier is None:
            raise
        return earlier
    show(recorded, ports=ports)
    relay_outbox((start, *recorded.messages), ports=ports)
    return recorded.after


def request_hash(request: DeploymentRequest) -> str:
    """What makes two requests the same one."""
    fields = {name: getattr(request, name) for name in DeploymentRequest.__dataclass_fields__}
    fields["metadata"] = dict(sorted(request.metadata.items()))
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()


def new_deployment(request: DeploymentRequest, caller: Caller, *, ports: Ports) -> Deployment:
    rollouts = []
    for environment in request.path:
        override = request.override_in(environment)
        policy = overridden(current_policy(environment, ports=ports), override)
        rollout = Rollout(
            environment=environment,
            policy_revision=policy.revision,
            strategy=policy.strategy.kind,
            configuration=configuration_of(request, environment, ports=ports),
            override=override,
        )
        if environment in request.skip:
            message = f"Jumped by a hotfix: {request.hotfix_reason}"
            rollout = replace(rollout, phase=Phase.SKIPPED, is_jumped=True, message=message)
        rollouts.append(rollout)
    now = ports.clock.policy_ms()
    return Deployment(
        id=ports.new_id(),
        kind=request.kind,
        module=request.module,
        version=request.version,
        target=request.target,
        requested_by=caller.name,
        requester_email=request.requester_email,
        rule_made_by=request.rule_made_by,
        description=request.description,
        metadata=dict(request.metadata),
        # Whoever jumps an environment needs a second person, whatever the target's policy asks.
        require_approval=request.require_approval or bool(request.skip),
        undoes=request.undoes,
        retries=request.retries,
        hotfix_reason=request.hotfix_reason,
        break_glass_reason=request.break_glass_reason,
        allow_downgrade=request.allow_downgrade,
        created_at_ms=now,
        updated_at_ms=now,
        rollouts=tuple(rollouts),
        stages=request.stages,
    )


def read_ahead(deployment: Deployment, digest: str, *, ports: Ports) -> None:
    """Have what is asked of every environment on the way read with one call; `ports` are those of `reading_once`."""
    wanted: list[Address] = [(Line, ())]
    for rollout in deployment.rollouts:
        place = (rollout.environment, deployment.module)
        wanted += [(Assignment, place), (Turn, place)]
        wanted += [(Quarantine, (*place, subject)) for subject in subjects(digest, rollout.configuration)]
    ports.store.get_many(*wanted)


def refuse_quarantined(deployment: Deployment, digest: str, *, ports: Ports) -> None:
    """Nothing, unless the digest is kept out of an environment on the way.

    Raises:
        Quarantined: it was rolled back there before.
    """
    for rollout in deployment.rollouts:
        if rollout.phase is Phase.SKIPPED:
            continue
        found = find_quarantine(deployment.module, rollout.environment, digest, rollout.configuration, ports=ports)
        if found is not None:
            raise Quarantined(found.environment, found.version, found.reason)


def configuration_of(request: DeploymentRequest, environment: Environment, *, ports: Ports) -> int:
    """The revision a deployment takes with it: the one that is current when it is asked for."""
    if request.configuration is not None and environment is request.target:
        return request.configuration
    newest = newest_configuration(request.module, environment, ports=ports)
    return 0 if newest is None else newest.revision


def require_room(deployment: Deployment, digest: str, *, ports: Ports) -> None:
    """Refuse at once what would be refused when its turn comes; whoever runs it already needs no turn there."""
    if deployment.kind is Kind.ROLLBACK:
        return
    for rollout in deployment.rollouts:
        assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
        if rollout.phase is Phase.SKIPPED or runs_already(deployment, rollout, assignment, digest=digest, ports=ports):
            continue
        turn = ports.store.get(Turn, rollout.environment, deployment.module)
        if turn is None or turn.holder is None:
            continue
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        if policy.concurrency is Concurrency.REJECT:
            raise TurnTaken(rollout.environment, deployment.module, turn.holder)
        if len(turn.queue) >= policy.queue_limit:
            raise QueueFull(rollout.environment, deployment.module, policy.queue_limit, holder=turn.holder)
    line = ports.store.get(Line)
    if line is not None and len(line.waiting) >= MOST_WAITING:
        raise LineFull(MOST_WAITING)


def require_thawed(deployment: Deployment, digest: str, *, ports: Ports) -> None:
    """Refuse at once what a freeze that is in force now would refuse when its time comes."""
    for rollout in deployment.rollouts:
        assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
        if rollout.phase is Phase.SKIPPED or runs_already(deployment, rollout, assignment, digest=digest, ports=ports):
            continue
        _, goes_back = terms_of(rollout, assignment, edition(digest, rollout.configuration), ports=ports)
        if not goes_back:
            require_start(deployment, rollout, ports=ports)


def answered_before(
    request: DeploymentRequest, *, caller: Caller, idempotency_key: str, ports: Ports
) -> Deployment | None:
    """The deployment this caller got for this key and request before, None the first time.

    Raises:
        IdempotencyMismatch: the key came before with another request.
    """
    known = ports.store.get(IdempotentAnswer, caller.name, idempotency_key) if idempotency_key else None
    if known is None or known.expires_at_s <= ports.clock.machine_ms() // 1000:
        return None
    if known.request_hash != request_hash(request):
        raise IdempotencyMismatch("This Idempotency-Key was used before with another request.")
    return get_deployment(known.subject, ports=ports)


def _kept_answer(caller: Caller, key: str, fingerprint: str, subject: str, *, ports: Ports) -> Change:
    answer = IdempotentAnswer(
        caller=caller.name,
        idempotency_key=key,
        request_hash=fingerprint,
        subject=subject,
        expires_at_s=ports.clock.machine_ms() // 1000 + IDEMPOTENCY_SECONDS,
    )
    # What has expired may lie there for days until it is swept away.
    expired = ports.store.get(IdempotentAnswer, caller.name, key)
    return Add(answer) if expired is None else Replace(replace(answer, revision=expired.revision + 1))
