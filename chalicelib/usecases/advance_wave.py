"""AdvanceWave: judge the wave that has baked; if it may go on, start the next one.

Everything is read from the rollout, so a repeated task, or a new execution that took over a lost one, does what is
left to do and nothing twice.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.analysis.evidence import Evidence
from chalicelib.domain.analysis.policy import AnalysisMode
from chalicelib.domain.analysis.verdict import Decision, Reason, ReasonCode, Verdict
from chalicelib.domain.assignment import Assignment, settled
from chalicelib.domain.canary_analysis import judge
from chalicelib.domain.deployment import Deployment, Kind, Status
from chalicelib.domain.freeze import Freeze, FreezeThen, Verb
from chalicelib.domain.line import Line
from chalicelib.domain.policy import HoldThen, Policy
from chalicelib.domain.quarantine import quarantine_of_undone
from chalicelib.domain.rollout import Phase, Rollout, Wave, hold_wave, pause, promote_wave, wait_for_promotion
from chalicelib.domain.strategies import WaveKind
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.fail_silent_nodes import fail_overdue_nodes
from chalicelib.usecases.gather_evidence import gather_evidence
from chalicelib.usecases.keep_freezes import freeze_of, met
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.quarantines import quarantined
from chalicelib.usecases.recording import Decided, Entry, change_deployment
from chalicelib.usecases.start_restore import restore_decision
from chalicelib.usecases.start_wave import started_wave
from chalicelib.usecases.tell_verdict import verdict_entry

LINE_PAUSE_MS = 30 * 24 * 3600 * 1000
"""A wave waits this long for a stopped line (policy time); then it is cancelled, as a pause is that nobody ends."""


def advance_wave(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment after whatever is due now was decided."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if deployment.has_ended or rollout is None:
            return None
        policy = policy_of(rollout, ports=ports)
        now = ports.clock.policy_ms()
        if rollout.phase is Phase.AWAITING_TURN and rollout.waves:
            started, moved, entry = started_wave(deployment, rollout, 0, policy=policy, ports=ports)
            return Decided(after=deployment.with_rollout(started), entries=(entry,), also=moved)
        if is_to_be_judged(deployment, now_ms=now):
            return judged(deployment, rollout, policy, ports=ports)
        if rollout.phase is Phase.PAUSED and (rollout.pause_until_ms or 0) <= now:
            why = f"Paused for {policy.pause_seconds} s without anybody resuming it."
            return restore_decision(deployment, Status.CANCELLED, why=why, policy=policy, ports=ports)
        return None

    deployment = change_deployment(deployment_id, decide, ports=ports)
    rollout = deployment.current
    if rollout is not None and rollout.phase is Phase.DEPLOYING:
        fail_overdue_nodes(deployment_id, ports=ports)
    return deployment


def is_to_be_judged(deployment: Deployment, *, now_ms: int) -> bool:
    """Whether the wave that is on has baked as long as it should, and its smoke hook, if one was asked, has answered."""
    rollout = deployment.current
    if rollout is None or rollout.phase is not Phase.BAKING or deployment.awaits_smoke:
        return False
    return (rollout.bake_until_ms or 0) <= now_ms


def judged(deployment: Deployment, rollout: Rollout, policy: Policy, *, ports: Ports) -> Decided:
    """The verdict on a wave that has baked, and what follows from it."""
    assignment = _assignment(deployment, rollout, ports=ports)
    analysis = policy.analysis.of_module(deployment.module)
    staging = rollout.current.kind is WaveKind.STAGE
    declared = None if staging else analysis
    evidence = gather_evidence(deployment, rollout, assignment, thorough=True, declared=declared, ports=ports)
    if staging:
        verdict = _judge_staged(evidence, policy)
    else:
        verdict = _with_requests_seen(judge(evidence, analysis), evidence, rollout.current)
    entry = verdict_entry(rollout, verdict, final=True)
    match verdict.decision:
        case Decision.PROMOTE:
            return _promote(deployment, rollout, verdict, entry, policy, assignment, ports=ports)
        case Decision.HOLD:
            return _hold(deployment, rollout, verdict, entry, policy, seen=_requests(evidence), ports=ports)
        case Decision.ROLLBACK:
            return restore_decision(
                deployment, Status.ROLLED_BACK, why=verdict.sentence, entries=(entry,), policy=policy, ports=ports
            )


def _judge_staged(evidence: Evidence, policy: Policy) -> Verdict:
    """A staged version serves nobody yet: that it is up and passed its smoke test is all there is to judge."""
    verdict = judge(evidence, replace(policy.analysis, mode=AnalysisMode.HEALTH_ONLY))
    if verdict.decision is not Decision.PROMOTE:
        return verdict
    sentence = (
        f"Started and smoke-tested beside the old version on {len(evidence.canary)} nodes; nobody is served by it yet."
    )
    return replace(verdict, sentence=sentence, reasons=(Reason(code=ReasonCode.HEALTH_ONLY, sentence=sentence),))


def _with_requests_seen(verdict: Verdict, evidence: Evidence, wave: Wave) -> Verdict:
    """A wave that would be promoted is held until its nodes have served as many requests as its bake asks for."""
    seen = _requests(evidence)
    missing = wave.bake_requests - seen
    if verdict.decision is not Decision.PROMOTE or missing <= 0:
        return verdict
    sentence = f"The bake asks for {wave.bake_requests} requests; the new version has served {seen}."
    reason = Reason(code=ReasonCode.TOO_FEW_REQUESTS, sentence=sentence, missing=missing)
    return replace(verdict, decision=Decision.HOLD, reasons=(reason, *verdict.reasons), sentence=sentence)


def _requests(evidence: Evidence) -> int:
    """How many requests the new version has served in this bake."""
    return sum(window.requests for node in evidence.canary for window in node.during)


def _promote(
    deployment: Deployment,
    rollout: Rollout,
    verdict: Verdict,
    entry: Entry,
    policy: Policy,
    assignment: Assignment,
    *,
    ports: Ports,
) -> Decided:
    now = ports.clock.policy_ms()
    line = ports.store.get(Line)
    if line is not None and line.is_stopped and deployment.kind is not Kind.ROLLBACK:
        paused = pause(rollout, why=line.why, until_ms=now + LINE_PAUSE_MS, now_ms=now, for_line=True)
        detail = {"why": line.why, "waitsFor": "line"}
        told = Entry(type=EventType.PAUSED, environment=rollout.environment, wave=rollout.wave, detail=detail)
        return Decided(after=deployment.with_rollout(paused), entries=(entry, told))
    freeze = None if rollout.is_last_wave else freeze_of(deployment, rollout, Verb.PROMOTE, ports=ports)
    if freeze is not None:
        return _not_yet(deployment, rollout, freeze, entry, policy, now)
    promoted = promote_wave(rollout, compared_with=verdict.compared_with, sentence=verdict.sentence, now_ms=now)
    if promoted.phase is not Phase.PROMOTED:
        started, moved, begun = started_wave(deployment, promoted, rollout.wave + 1, policy=policy, ports=ports)
        return Decided(after=deployment.with_rollout(started), entries=(entry, begun), also=moved)
    until = now + policy.retention_seconds * 1000 if policy.retention_seconds else None
    ended = Entry(
        type=EventType.ENVIRONMENT_ENDED,
        environment=rollout.environment,
        detail={"outcome": str(promoted.phase), "digest": deployment.digest},
    )
    kept_out, said = _kept_out(deployment, rollout, ports=ports)
    return Decided(
        after=deployment.with_rollout(promoted),
        entries=(entry, *said, ended),
        also=(Replace(settled(assignment, retained_until_ms=until, now_ms=now)), *kept_out),
    )


def _kept_out(
    deployment: Deployment, rollout: Rollout, *, ports: Ports
) -> tuple[tuple[Change, ...], tuple[Entry, ...]]:
    """What people roll back stays out of the environment as what the judge takes back does."""
    if deployment.kind is not Kind.ROLLBACK:
        return (), ()
    return quarantined(quarantine_of_undone(deployment, rollout, now_ms=ports.clock.policy_ms()), ports=ports)


def _not_yet(
    deployment: Deployment, rollout: Rollout, freeze: Freeze, entry: Entry, policy: Policy, now: int
) -> Decided:
    """The wave is good and the next one may not begin: it bakes on, watched, or pauses for a person to resume it."""
    told = met(rollout, freeze)
    if freeze.window.then is FreezeThen.WAIT and freeze.until_ms is not None:
        waiting = wait_for_promotion(rollout, until_ms=freeze.until_ms)
        return Decided(after=deployment.with_rollout(waiting), entries=(entry, told))
    why = f"{freeze.sentence} in {rollout.environment}."
    paused = pause(rollout, why=why, until_ms=now + policy.pause_seconds * 1000, now_ms=now)
    said = Entry(type=EventType.PAUSED, environment=rollout.environment, wave=rollout.wave, detail={"why": why})
    return Decided(after=deployment.with_rollout(paused), entries=(entry, told, said))


def _hold(
    deployment: Deployment, rollout: Rollout, verdict: Verdict, entry: Entry, policy: Policy, *, seen: int, ports: Ports
) -> Decided:
    now = ports.clock.policy_ms()
    enough_seen = policy.hold.max_requests and seen >= policy.hold.max_requests
    if rollout.current.holds < policy.hold.max_holds and not enough_seen:
        held = hold_wave(
            rollout,
            seconds=policy.hold.step_seconds,
            compared_with=verdict.compared_with,
            sentence=verdict.sentence,
            now_ms=now,
        )
        return Decided(after=deployment.with_rollout(held), entries=(entry,))
    bound = f"{seen} requests seen" if enough_seen else f"{policy.hold.max_holds} times"
    why = f"Held as long as the policy allows ({bound}): {verdict.sentence}"
    if policy.hold.then is HoldThen.ROLLBACK:
        return restore_decision(deployment, Status.ROLLED_BACK, why=why, entries=(entry,), policy=policy, ports=ports)
    until = now + policy.pause_seconds * 1000
    paused = pause(
        replace(rollout, bake_until_ms=now + policy.hold.step_seconds * 1000), why=why, until_ms=until, now_ms=now
    )
    told = Entry(type=EventType.PAUSED, environment=rollout.environment, wave=rollout.wave, detail={"why": why})
    return Decided(after=deployment.with_rollout(paused), entries=(entry, told))


def _assignment(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> Assignment:
    found = ports.store.get(Assignment, rollout.environment, deployment.module)
    return found or Assignment(environment=rollout.environment, module=deployment.module)
