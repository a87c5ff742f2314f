"""Approvals in the flow: one outcome whoever comes first, and never the wrong question answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import AlreadyDecided, Conflict, DomainError, NotAllowed, NotFound, WrongDigest
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.decide_approval import decide_approval, expire_approval
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

HOUR_S = 3_600
FRANK = Caller(name="frank", roles=frozenset({Role.APPROVER}))


def asked(**approval: int) -> tuple[Scene, Deployment]:
    """A deployment that waits for its approval."""
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True, expires_seconds=HOUR_S, **approval))
    runs_already(scene)
    return scene, scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)


def decide(
    scene: Scene, deployment: Deployment, approved: bool, caller: Caller = ERIN, approval_id: str = ""
) -> Approval:
    return decide_approval(
        deployment.id, approved=approved, reason="", approval_id=approval_id, caller=caller, ports=scene.ports
    )


def questions(scene: Scene, deployment: Deployment) -> list[Approval]:
    return list(scene.store.list(Approval, deployment.id))


def test_an_approved_deployment_goes_on_and_completes() -> None:
    scene, deployment = asked()

    approval = decide(scene, deployment, True)

    assert approval.status is ApprovalStatus.APPROVED
    assert scene.now(deployment).rollouts[0].phase is Phase.AWAITING_TURN
    assert scene.run(deployment).status is Status.COMPLETED


def test_a_refused_deployment_ends_rejected_and_touches_nothing() -> None:
    scene, deployment = asked()

    decide(scene, deployment, False)
    scene.settle()

    ended = scene.now(deployment)
    assert ended.failure is not None
    assert (ended.status, ended.failure.code) == (Status.REJECTED, "REJECTED")
    assert scene.driver.runs[deployment.id].state == "Rejected"
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_whoever_requested_the_deployment_may_not_approve_it() -> None:
    scene, deployment = asked()

    with pytest.raises(NotAllowed):
        decide(scene, deployment, True, caller=DANA)

    assert scene.now(deployment) == deployment


def test_a_quorum_waits_for_everybody_it_needs() -> None:
    scene, deployment = asked(approvers=2)

    first = decide(scene, deployment, True)
    assert (first.status, scene.now(deployment).status) == (ApprovalStatus.PENDING, Status.PENDING_APPROVAL)
    second = decide(scene, deployment, True, caller=FRANK)

    assert second.status is ApprovalStatus.APPROVED
    assert scene.events(deployment).count("ApprovalDecided") == 2


def test_nobody_decides_twice() -> None:
    scene, deployment = asked()
    decide(scene, deployment, True)

    with pytest.raises(AlreadyDecided) as refused:
        decide(scene, deployment, False, caller=FRANK)

    assert refused.value.outcome == ApprovalStatus.APPROVED


def test_another_question_than_the_one_read_is_not_answered() -> None:
    scene, deployment = asked()

    with pytest.raises(WrongDigest):
        decide(scene, deployment, True, approval_id="apr-of-yesterday")

    [question] = questions(scene, deployment)
    assert decide(scene, deployment, True, approval_id=question.id).status is ApprovalStatus.APPROVED


def test_what_never_asked_cannot_be_approved() -> None:
    scene = a_scene()
    scene.set_policy()
    deployment = scene.create()

    with pytest.raises(NotFound):
        decide(scene, deployment, True)


def test_a_deployment_that_ended_meanwhile_cannot_be_approved() -> None:
    scene, deployment = asked()
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    with pytest.raises(AlreadyDecided):
        decide(scene, deployment, True)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(HOUR_S - 1, Status.PENDING_APPROVAL), (HOUR_S, Status.EXPIRED), (HOUR_S + 1, Status.EXPIRED)],
)
def test_a_question_nobody_answers_expires_at_its_instant(seconds: int, status: Status) -> None:
    scene, deployment = asked()
    [question] = questions(scene, deployment)
    scene.clock.advance(ms=question.requested_at_ms + seconds * 1000 - scene.clock.policy_ms())

    assert expire_approval(deployment.id, ports=scene.ports).status is status


def test_the_machine_itself_notices_that_time_is_up() -> None:
    scene, deployment = asked()

    scene.pass_time(HOUR_S + 1)

    assert scene.now(deployment).status is Status.EXPIRED
    assert scene.driver.runs[deployment.id].state == "Expired"


def test_an_answer_after_the_time_is_too_late_although_nobody_noticed_yet() -> None:
    scene, deployment = asked()
    scene.clock.advance(seconds=HOUR_S)

    with pytest.raises(AlreadyDecided) as refused:
        decide(scene, deployment, True)

    assert refused.value.outcome == ApprovalStatus.EXPIRED
    assert scene.now(deployment).status is Status.PENDING_APPROVAL


def test_expiring_a_deployment_that_asks_nothing_changes_nothing() -> None:
    scene = a_scene()
    deployment = scene.create()

    assert expire_approval(deployment.id, ports=scene.ports) == scene.now(deployment)


RACES = {
    "approve and reject": ["approve", "reject"],
    "approve and cancel": ["approve", "cancel"],
    "reject and cancel": ["reject", "cancel"],
    "expire and cancel": ["expire", "cancel"],
    "two approvers": ["approve", "approve"],
    "everybody": ["approve", "reject", "approve", "reject", "cancel"],
}


@pytest.mark.parametrize("race", RACES)
def test_of_several_who_decide_at_once_one_wins_and_the_others_are_told(race: str) -> None:
    for _ in range(10):
        scene, deployment = asked()
        if "expire" in RACES[race]:
            scene.clock.advance(seconds=HOUR_S)
        told = raced([said(word, n, scene, deployment) for n, word in enumerate(RACES[race])])

        outcomes = [event for event in scene.events(deployment) if event in ("ApprovalDecided", "CancelRequested")]
        ended = scene.now(deployment)
        [question] = questions(scene, deployment)
        assert question.status is not ApprovalStatus.PENDING
        assert len(question.decisions) <= 1
        if "cancel" not in RACES[race]:
            assert len(outcomes) == 1
            assert told.count(None) == 1
        assert (question.status, ended.status) in CONSISTENT
        assert all(error is None or isinstance(error, (Conflict, NotFound)) for error in told)


CONSISTENT = {
    (ApprovalStatus.APPROVED, Status.RUNNING),
    (ApprovalStatus.APPROVED, Status.CANCELLED),
    (ApprovalStatus.REJECTED, Status.REJECTED),
    (ApprovalStatus.WITHDRAWN, Status.CANCELLED),
    (ApprovalStatus.EXPIRED, Status.EXPIRED),
}


def said(word: str, number: int, scene: Scene, deployment: Deployment) -> Callable[[], object]:
    caller = Caller(name=f"person-{number}", roles=frozenset({Role.ADMIN}))
    words: dict[str, Callable[[], object]] = {
        "approve": lambda: decide(scene, deployment, True, caller),
        "reject": lambda: decide(scene, deployment, False, caller),
        "cancel": lambda: cancel_deployment(deployment.id, reason="", caller=caller, ports=scene.ports),
        "expire": lambda: expire_approval(deployment.id, ports=scene.ports),
    }
    return words[word]


def raced(words: list[Callable[[], object]]) -> list[DomainError | None]:
    """Everybody at once; what each was told, None where it went through."""
    barrier = threading.Barrier(len(words))

    def speak(word: Callable[[], object]) -> DomainError | None:
        barrier.wait()
        try:
            word()
        except DomainError as error:
            return error
        return None

    with ThreadPoolExecutor(len(words)) as threads:
        return list(threads.map(speak, words))
