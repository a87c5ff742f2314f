"""Somebody looks during the bake: any heartbeat may, at most one a second does, and what it finds ends the bake at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.analysis.policy import AnalysisMode
from chalicelib.domain.assignment import Assignment, Look
from chalicelib.domain.canary_analysis import find_harm
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.rollout import CHANGING, Phase
from chalicelib.usecases.fail_silent_nodes import fail_overdue_nodes
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.gather_evidence import gather_evidence
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Add, Ports, Replace
from chalicelib.usecases.reading_once import reading_once
from chalicelib.usecases.recording import Decided, change_deployment, get_deployment
from chalicelib.usecases.start_restore import restore_decision
from chalicelib.usecases.tell_verdict import verdict_entry

LOOK_EVERY_MS = 1_000
"""Somebody looks for harm at most this often per wave."""

MOST_LOOKS = 4
"""Waves one call looks for harm in, those first that have waited longest: a node that waits for its answer is soon taken for
silent. The next report looks at others."""


def look_for_harm(changing: Sequence[tuple[Assignment, Look | None]], *, ports: Ports) -> tuple[str, ...]:
    """Take the looks that are due and that nobody else took; the modules whose looks this call took.

    With each assignment comes when its next look is due, as it was read lately: whoever read what is no longer so does not
    get the look.
    """
    taken: list[str] = []
    # They are of one environment, and look at the same nodes.
    seen = reading_once(ports)
    for assignment, known in sorted(changing, key=lambda each: _due_ms(each[1])):
        # One after the other: when a look fails, those behind it stay due.
        if assignment.is_changing and _is_taken(assignment, known, ports=ports):
            _look_at(assignment, ports=seen)
            taken.append(assignment.module)
        if len(taken) == MOST_LOOKS:
            break
    return tuple(taken)


def _look_at(assignment: Assignment, *, ports: Ports) -> None:
    deployment = get_deployment(assignment.deployment_id or "", ports=ports)
    rollout = deployment.current
    if rollout is None or rollout.environment is not assignment.environment:
        return
    if rollout.phase is Phase.DEPLOYING:
        deployment = fail_overdue_nodes(deployment.id, known=deployment, ports=ports)
    elif rollout.phase is Phase.RESTORING:
        finish_restore(deployment.id, ports=ports)
    if rollout.phase in CHANGING:
        _find(deployment, assignment, ports=ports)


def _due_ms(look: Look | None) -> int:
    return 0 if look is None else look.due_at_ms


def _is_taken(assignment: Assignment, known: Look | None, *, ports: Ports) -> bool:
    """Whether this call won the right to look now, and put the next look off by a second."""
    now = ports.clock.machine_ms()
    if known is not None and now < known.due_at_ms:
        return False
    following = Look(
        environment=assignment.environment,
        module=assignment.module,
        due_at_ms=now + LOOK_EVERY_MS,
        revision=0 if known is None else known.revision + 1,
    )
    try:
        ports.store.commit(Add(following) if known is None else Replace(following))
    except StaleWrite:
        return False
    return True


def _find(known: Deployment, assignment: Assignment, *, ports: Ports) -> None:
    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase not in CHANGING:
            return None
        if deployment.irreversible and rollout.phase is Phase.PAUSED:
            return None  # what is found would only pause it
        policy = policy_of(rollout, ports=ports)
        compares = policy.analysis.mode is not AnalysisMode.HEALTH_ONLY
        evidence = gather_evidence(deployment, rollout, assignment, thorough=False, compares=compares, ports=ports)
        if rollout.phase is Phase.DEPLOYING:
            # Who has not answered yet is watched by the deadline, not by the judge.
            evidence = replace(evidence, canary=tuple(node for node in evidence.canary if node.during))
        harm = find_harm(evidence, policy.analysis.of_module(deployment.module))
        if harm is None:
            return None
        entry = verdict_entry(rollout, harm, final=False)
        return restore_decision(
            deployment,
            Status.ROLLED_BACK,
            why=harm.sentence,
            entries=(entry,),
            first_bad_report_ms=rollout.first_bad_report_ms,
            policy=policy,
            ports=ports,
        )

    change_deployment(known.id, decide, known=known, ports=ports)
