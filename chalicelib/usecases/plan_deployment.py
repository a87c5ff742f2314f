"""The dry run: what a request would do if it were made now.

It reads what create_deployment and PlanWaves read, calls what they call, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.access import Caller
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.edition import edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ArtifactRefused, Frozen, LineFull, NotFound, Quarantined, QueueFull, TurnTaken
from chalicelib.domain.estimate import Estimate, estimate
from chalicelib.domain.forecast import Leg, LegTimes, Refusal, lay_out, worst_end
from chalicelib.domain.gate import gate_before
from chalicelib.domain.line import Line, would_wait
from chalicelib.domain.membership import members_of
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.node import LeftOut, Member, Node, taking_part
from chalicelib.domain.override import overridden
from chalicelib.domain.plan import plan_environment
from chalicelib.domain.rollback_window import is_return, returning
from chalicelib.domain.turn import Turn
from chalicelib.usecases.configurations import runs_on
from chalicelib.usecases.create_deployment import (
    DeploymentRequest,
    configuration_of,
    new_deployment,
    refuse_quarantined,
    require_room,
    require_thawed,
)
from chalicelib.usecases.policies import current_policy
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.reading_once import reading_once
from chalicelib.usecases.run_stage import refuse_downgrade, require_trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One environment as a request would find it now; `members` in the order they would change."""

    leg: Leg
    members: tuple[Member, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    configuration: int = 0
    is_return: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPlan:
    """What a request would do. `waits_for_line`: why it would have to wait for the line before it changes anything.

    Times are those of a line that runs: nobody knows when a stopped one will.
    """

    request: DeploymentRequest
    digest: str
    at_ms: int
    environments: tuple[LegTimes, ...]
    prospects: dict[Environment, Prospect]
    refusals: tuple[Refusal, ...]
    worst_end_ms: int | None
    estimate: Estimate
    waits_for_line: str = ""


def plan_deployment(request: DeploymentRequest, *, caller: Caller, ports: Ports) -> DeploymentPlan:
    """What this request would do if it were made now.

    Raises:
        NotFound: no such version was registered.
        InvalidInput: it overrides what the policy does not allow.
    """
    ports = reading_once(ports)
    version = ports.store.get(ModuleVersion, request.module, request.version)
    if version is None:
        raise NotFound("module version", f"{request.module} {request.version}")
    prospects = tuple(_prospect(environment, request, version, ports=ports) for environment in request.path)
    now = ports.clock.policy_ms()
    laid = lay_out([prospect.leg for prospect in prospects], now_ms=now)
    at_once = _refusals(request, version, caller, ports=ports)
    told = {(refusal.code, refusal.environment) for refusal in at_once}
    later = (refusal for times in laid for refusal in times.refusals if (refusal.code, refusal.environment) not in told)
    refused = (*at_once, *later)
    return DeploymentPlan(
        request=request,
        digest=version.digest,
        at_ms=now,
        environments=laid,
        prospects={prospect.leg.environment: prospect for prospect in prospects},
        refusals=refused,
        worst_end_ms=None if refused else worst_end(laid),
        estimate=estimate(laid),
        waits_for_line=_waits_for_line(laid, ports=ports),
    )


def _waits_for_line(laid: Sequence[LegTimes], *, ports: Ports) -> str:
    """Why it would wait for the line; nothing does where no environment would be changed. A full line is a refusal."""
    line = ports.store.get(Line)
    if line is None or all(times.leg.plan is None for times in laid):
        return ""
    try:
        return would_wait(line, "")
    except LineFull:
        return line.why


def _refusals(
    request: DeploymentRequest, version: ModuleVersion, caller: Caller, *, ports: Ports
) -> tuple[Refusal, ...]:
    """What asking for it and SecurityScan would find. What only the artifact can tell, Build finds out."""
    found: list[Refusal] = []
    asked = new_deployment(request, caller, ports=ports)
    try:
        require_room(asked, version.digest, ports=ports)
    except (TurnTaken, QueueFull, LineFull) as full:
        where = request.target if isinstance(full, LineFull) else Environment(full.environment)
        code = {TurnTaken: "TURN_TAKEN", QueueFull: "QUEUE_FULL", LineFull: "LINE_FULL"}[type(full)]
        found.append(Refusal(code=code, environment=where, message=str(full)))
    try:
        refuse_quarantined(asked, version.digest, ports=ports)
    except Quarantined as kept_out:
        where = Environment(kept_out.environment or request.target)
        found.append(Refusal(code="QUARANTINED", environment=where, message=str(kept_out)))
    try:
        require_thawed(asked, version.digest, ports=ports)
    except Frozen as frozen:
        found.append(Refusal(code="FROZEN", environment=Environment(frozen.environment), message=str(frozen)))
    try:
        require_trusted(version, [each for each in request.path if each not in request.skip], ports=ports)
        if not request.allow_downgrade:
            refuse_downgrade(version, request.target, ports=ports)
    except ArtifactRefused as refused:
        found.append(Refusal(code=refused.reason, environment=request.target, message=str(refused)))
    return tuple(found)


def _prospect(
    environment: Environment, request: DeploymentRequest, version: ModuleVersion, *, ports: Ports
) -> Prospect:
    in_force = current_policy(environment, ports=ports)
    policy = overridden(in_force, request.override_in(environment))
    if environment in request.skip:
        jumped = f"Jumped by a hotfix: {request.hotfix_reason}"
        return Prospect(leg=Leg(environment=environment, policy=policy, why=jumped))
    assignment = ports.store.get(Assignment, environment, request.module)
    configuration = configuration_of(request, environment, ports=ports)
    wanted = edition(version.digest, configuration)
    runs = None if assignment is None else assignment.stable
    turn = ports.store.get(Turn, environment, request.module)
    holder = "" if turn is None or turn.holder is None else turn.holder
    why = f"{version.version} runs here already." if runs == wanted else ""
    if why and not holder:
        return Prospect(leg=Leg(environment=environment, policy=policy, why=why), configuration=configuration)
    if why:
        why += f" {holder} has the turn and may change that; it is looked at again afterwards."
    goes_back = is_return(policy, assignment, wanted, now_ms=ports.clock.policy_ms())
    policy = returning(policy) if goes_back else policy
    selector = runs_on(request.module, environment, configuration, ports=ports)
    found = ports.store.list(Node, environment)
    nodes, left_out = taking_part(found, selector, module=request.module, now_ms=ports.clock.machine_ms())
    members = members_of(nodes, deployment_id="", module=request.module, spec=policy.strategy)
    refusal: Refusal | None = None
    plan = None
    try:
        plan = plan_environment(policy, members, digest=wanted or "", from_digest=runs)
    except ValueError as impossible:
        code = "NO_NODES" if not members else "PLAN_IMPOSSIBLE"
        message = f"{environment} cannot be deployed to: {impossible}."
        refusal = Refusal(code=code, environment=environment, message=message)
    leg = Leg(
        environment=environment,
        policy=policy,
        freezes=() if goes_back else in_force.freezes,
        breaks_freezes=bool(request.break_glass_reason),
        plan=None if refusal is not None else plan,
        gate=gate_before(
            policy,
            target=request.target,
            requested=request.require_approval,
            jumps=bool(request.skip),
            breaks_freezes=bool(request.break_glass_reason and in_force.freezes),
        ),
        refusal=refusal,
        queued_behind=holder,
        why=why,
    )
    return Prospect(leg=leg, members=members, left_out=left_out, configuration=configuration, is_return=goes_back)
