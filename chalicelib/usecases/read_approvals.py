"""What an approver has to know: who is still needed, what would happen, and how it went in the environments before."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.edition import edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.membership import members_of
from chalicelib.domain.node import Node, taking_part
from chalicelib.domain.plan import EnvironmentPlan, plan_environment
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.usecases.configurations import runs_on
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Page, Ports
from chalicelib.usecases.reads import get_approval, pending_approvals
from chalicelib.usecases.recording import get_deployment

MOST_SEARCHED = 50
"""How many deployments of the module are looked through for the one that brought this version to an environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How an environment before this one took the version, and which deployment did it; waves have the verdicts."""

    deployment_id: str
    rollout: Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An approval with everything to decide it by. `plan` is None where the policy's numbers cannot move the fleet."""

    approval: Approval
    deployment: Deployment
    plan: EnvironmentPlan | None
    evidence: tuple[Evidence, ...]


def read_question(deployment_id: str, *, ports: Ports) -> Question:
    """What a deployment asks for, or asked for last.

    Raises:
        NotFound: no such deployment, or it never asked.
    """
    return question(get_approval(deployment_id, ports=ports), ports=ports)


def read_questions(*, limit: int, cursor: str | None, ports: Ports) -> Page:
    """What waits for people, the one that expires first first."""
    page = pending_approvals(limit=limit, cursor=cursor, ports=ports)
    return Page(records=tuple(question(each, ports=ports) for each in page.records), cursor=page.cursor)


def question(approval: Approval, *, ports: Ports) -> Question:
    """One approval with its plan as it would be now, and its evidence."""
    deployment = get_deployment(approval.deployment_id, ports=ports)
    return Question(
        approval=approval,
        deployment=deployment,
        plan=_plan(deployment, deployment.rollout(approval.environment), ports=ports),
        evidence=_evidence(deployment, approval.environment, ports=ports),
    )


def _plan(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> EnvironmentPlan | None:
    environment = rollout.environment
    selector = runs_on(deployment.module, environment, rollout.configuration, ports=ports)
    found, now = ports.store.list(Node, environment), ports.clock.machine_ms()
    nodes, _ = taking_part(found, selector, module=deployment.module, now_ms=now)
    policy = policy_of(rollout, ports=ports)
    members = members_of(nodes, deployment_id=deployment.id, module=deployment.module, spec=policy.strategy)
    try:
        return plan_environment(
            policy,
            members,
            digest=edition(deployment.digest, rollout.configuration) or "",
            from_digest=edition(rollout.from_digest, rollout.from_configuration),
        )
    except ValueError:
        return None


def _evidence(deployment: Deployment, before: Environment, *, ports: Ports) -> tuple[Evidence, ...]:
    found = []
    earlier: list[Deployment] | None = None
    for rollout in deployment.rollouts:
        if rollout.environment is before:
            break
        shown = Evidence(deployment_id=deployment.id, rollout=rollout)
        if rollout.phase is Phase.SKIPPED:
            if earlier is None:
                earlier = _earlier(deployment, ports=ports)
            shown = next((each for each in _promoted(earlier, rollout.environment)), shown)
        found.append(shown)
    return tuple(found)


def _earlier(deployment: Deployment, *, ports: Ports) -> list[Deployment]:
    """Deployments of the same bytes, newest first."""
    partition = f"DEPLOYMENTS#{deployment.module}"
    page = ports.store.page(Deployment, "lists", partition, limit=MOST_SEARCHED, newest_first=True)
    return [each for each in page.records if each.digest == deployment.digest and each.id != deployment.id]


def _promoted(deployments: list[Deployment], environment: Environment) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(deployment_id=each.id, rollout=rollout)
        for each in deployments
        for rollout in each.rollouts
        if rollout.environment is environment and rollout.phase is Phase.PROMOTED
    )
