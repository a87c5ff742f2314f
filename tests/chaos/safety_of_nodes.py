"""What must never happen to nodes, waves and verdicts, whatever went wrong in a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chalicelib.domain.analysis.policy import AnalysisMode
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.strategies import WaveKind
from chalicelib.domain.timeline import EventType
from tests.chaos.evidence import Evidence
from tests.chaos.faults import CLOCKS, Mode

Found = Iterator[str]


def fences_of_effects_rise(evidence: Evidence) -> Found:
    """S4: on all nodes together, no effect carries a smaller fence than one before it."""
    highest = 0
    for effect in evidence.history.effects:
        if effect.fence < highest:
            yield f"{effect.node} obeyed fence {effect.fence} after {highest} had been obeyed"
        highest = max(highest, effect.fence)


def waves_are_judged_in_order(evidence: Evidence) -> Found:
    """S10: a wave starts once, after the one before it was judged; promotion comes after the last one's judgement."""
    for deployment_id, events in evidence.events.items():
        started: list[int] = []
        passed: set[int] = set()
        for event in events:
            wave = event.wave or 0
            if event.type is EventType.WAVE_STARTED:
                if started and (wave != started[-1] + 1 or started[-1] not in passed):
                    yield f"{deployment_id} started wave {wave} after {started}, judged {sorted(passed)}"
                started.append(wave)
            if event.type is EventType.VERDICT_REACHED:
                passed.add(wave)
            ended = event.type is EventType.ENVIRONMENT_ENDED or (
                event.type is EventType.DEPLOYMENT_ENDED and event.status == Status.COMPLETED
            )
            if ended and started and started[-1] not in passed:
                yield f"{deployment_id} was promoted without a judgement of wave {started[-1]}"


def fleet_is_uniform(evidence: Evidence) -> Found:
    """S11: in the end every node runs exactly what is stable; what was taken back runs nowhere."""
    for assignment in evidence.assignments:
        for node, digest in evidence.running.items():
            if digest != assignment.stable_digest:
                yield f"{node} runs {digest}, and {assignment.stable_digest} is stable"


def only_registered_bytes_run(evidence: Evidence) -> Found:
    """S12: nodes run what is registered and signed, nothing else."""
    for effect in evidence.history.effects:
        if effect.digest is not None and effect.digest not in evidence.versions:
            yield f"{effect.node} ran {effect.digest}, which nobody registered"


def no_node_flaps(evidence: Evidence) -> Found:
    """S17: under one fence a node is sent to a version once: forth, and back at most once."""
    began: dict[tuple[str, int], list[str | None]] = defaultdict(list)
    for effect in evidence.history.effects:
        before = began[effect.node, effect.fence]
        if effect.digest in before:
            yield f"{effect.node} went to {effect.digest} twice under fence {effect.fence}"
        before.append(effect.digest)


def waves_keep_their_size(evidence: Evidence) -> Found:
    """S18: never do more nodes run what is being tried than the waves so far have taken."""
    orders: list[tuple[int, Assignment]] = evidence.changes(Assignment)
    allowed: dict[int, int] = {}
    trying: dict[int, str | None] = {}
    took: dict[int, set[str]] = defaultdict(set)
    for effect in evidence.history.effects:
        while orders and orders[0][0] < effect.at:
            _, order = orders.pop(0)
            if order.is_changing:
                trying[order.fence] = order.candidate_digest
                allowed[order.fence] = max(allowed.get(order.fence, 0), order.active_upto)
            elif order.stable_digest == trying.get(order.fence):
                # Promoted: whoever was left out follows.
                allowed[order.fence] = len(evidence.running)
        if effect.fence in trying and effect.digest == trying[effect.fence]:
            took[effect.fence].add(effect.node)
            if len(took[effect.fence]) > allowed[effect.fence]:
                yield f"{sorted(took[effect.fence])} run {effect.digest}, {allowed[effect.fence]} were to"


def orders_keep_to_the_plan(evidence: Evidence) -> Found:
    """S25: what nodes are told to run reaches no further than the wave that is on."""
    known: dict[str, Deployment] = {}
    for commit in evidence.history.commits:
        records = [change.record for change in commit.changes]
        known |= {record.id: record for record in records if isinstance(record, Deployment)}
        for order in records:
            if not isinstance(order, Assignment) or not order.is_changing or order.deployment_id not in known:
                continue
            rollout = known[order.deployment_id].rollout(order.environment)
            planned = max((wave.upto for wave in rollout.waves if wave.number <= rollout.wave), default=0)
            if order.active_upto > planned:
                yield f"{order.active_upto} nodes were to run {order.candidate_version} in a wave up to {planned}"


def waves_bake_their_time(evidence: Evidence) -> Found:
    """S24: between the last answer of a wave and its promotion lies the whole bake (clocks permitting)."""
    if any(Mode(fault.mode) in CLOCKS for fault in evidence.history.fired):
        return
    for deployment in evidence.deployments:
        bakes = {wave.number: wave.bake_seconds for r in deployment.rollouts for wave in r.waves}
        deployed: dict[int, int] = {}
        for event in evidence.events.get(deployment.id, []):
            if event.type is EventType.WAVE_DEPLOYED:
                deployed[event.wave or 0] = event.at_ms
            promoted = event.type is EventType.VERDICT_REACHED and event.detail["decision"] == "promote"
            wave = event.wave or 0
            if promoted and event.at_ms - deployed.get(wave, event.at_ms) < bakes.get(wave, 0) * 1000:
                yield f"{deployment.id} promoted wave {wave} before its {bakes[wave]} s were over"


def nothing_is_promoted_blindly(evidence: Evidence) -> Found:
    """S19: where the policy demands an analysis, no wave that serves is promoted without numbers compared."""
    if evidence.policy is None or evidence.policy.analysis.mode is not AnalysisMode.REQUIRED:
        return
    for deployment in evidence.deployments:
        staging = {w.number for r in deployment.rollouts for w in r.waves if w.kind is WaveKind.STAGE}
        for event in evidence.events.get(deployment.id, []):
            promoted = event.type is EventType.VERDICT_REACHED and event.detail["decision"] == "promote"
            if promoted and event.wave not in staging and event.detail["comparedWith"] == "healthOnly":
                yield f"{deployment.id} promoted wave {event.wave} without numbers"
