"""Approvals beside the decision: delegation, second thoughts, comments, reminders, links; each told once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.approval import Approval, ApprovalStatus, RoleNeeded
from chalicelib.domain.approval_link import LINK_LIVES_S, ApprovalLink
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyDecided, InvalidInput, NotAllowed, NotAuthenticated, NotFound, WrongDigest
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.decide_by_link import decide_by_link, make_link, read_link
from chalicelib.usecases.delegate_approvals import delegate_approvals, end_delegation, list_delegations
from chalicelib.usecases.discuss_approval import comment_on_approval, remind_approvers, withdraw_from_approval
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.read_approvals import read_question
from chalicelib.usecases.reconcile import reconcile
from tests.builders import a_user
from tests.usecases.scene import DANA, ERIN, Scene, a_node_in, a_scene, runs_already

HOUR_S = 3_600
FRANK = Caller(name="frank", roles=frozenset({Role.DEPLOYER}))
ADA = Caller(name="ada", roles=frozenset({Role.ADMIN}))


def asked(**approval: Any) -> tuple[Scene, Deployment]:
    """A deployment that waits for its approval; erin and ada may decide, frank and dana may not."""
    scene = a_scene()
    users = {"erin": Role.APPROVER, "frank": Role.DEPLOYER, "ada": Role.ADMIN, "dana": Role.DEPLOYER}
    scene.store.commit(*(Add(a_user(username=name, roles=(role,))) for name, role in users.items()))
    scene.set_policy(approval=ApprovalPolicy(required=True, **approval))
    runs_already(scene)
    return scene, scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)


def approve(scene: Scene, deployment: Deployment, caller: Caller, **more: Any) -> Approval:
    return decide_approval(deployment.id, approved=True, reason="fine", caller=caller, ports=scene.ports, **more)


def delegate(scene: Scene, caller: Caller = ERIN, to: str = "frank", seconds: int = HOUR_S) -> None:
    until = scene.clock.policy_ms() + seconds * 1000
    delegate_approvals(to, from_ms=None, until_ms=until, reason="holiday", caller=caller, ports=scene.ports)


def test_a_quorum_with_an_admin_lets_it_go_on_when_both_have_agreed() -> None:
    scene, deployment = asked(approvers=2, roles=(RoleNeeded(role=Role.ADMIN, count=1),))

    approve(scene, deployment, ERIN)
    assert scene.now(deployment).status is Status.PENDING_APPROVAL
    approve(scene, deployment, ADA)

    assert scene.run(deployment).status is Status.COMPLETED


def test_who_pushed_the_version_is_excluded_unless_the_policy_lets_them() -> None:
    pusher = Caller(name="ci", roles=frozenset({Role.APPROVER}))
    scene, deployment = asked()
    with pytest.raises(NotAllowed, match="ci registered"):
        approve(scene, deployment, pusher)

    scene, deployment = asked(exclude_pusher=False)

    assert approve(scene, deployment, pusher).status is ApprovalStatus.APPROVED


def test_a_delegate_decides_for_the_time_and_both_are_named() -> None:
    scene, deployment = asked()
    with pytest.raises(NotAllowed):
        approve(scene, deployment, FRANK)
    with pytest.raises(NotAllowed, match="not delegated"):
        approve(scene, deployment, FRANK, on_behalf_of="erin")
    delegate(scene)

    approved = approve(scene, deployment, FRANK, on_behalf_of="erin")

    [decision] = approved.decisions
    assert (decision.by, decision.on_behalf_of, decision.roles) == ("frank", "erin", (Role.APPROVER,))
    assert scene.run(deployment).status is Status.COMPLETED


def test_a_delegation_that_is_over_or_ended_lets_nobody_decide() -> None:
    scene, deployment = asked()
    delegate(scene, seconds=60)
    scene.clock.advance(seconds=60)
    with pytest.raises(NotAllowed):
        approve(scene, deployment, FRANK, on_behalf_of="erin")
    delegate(scene)
    end_delegation("erin", "frank", caller=ERIN, ports=scene.ports)

    with pytest.raises(NotAllowed):
        approve(scene, deployment, FRANK, on_behalf_of="erin")

    assert list_delegations(ports=scene.ports) == ()
    actions = [record.action for record in scene.store.list(AuditRecord, "delegations:erin")]
    assert actions == ["ApprovalsDelegated", "ApprovalsDelegated", "DelegationEnded"]


def test_who_lost_their_rights_delegates_nothing() -> None:
    scene, deployment = asked()
    delegate(scene)
    scene.store.commit(Replace(a_user(username="erin", roles=(Role.VIEWER,), revision=1)))

    with pytest.raises(NotAllowed):
        approve(scene, deployment, FRANK, on_behalf_of="erin")


def test_whoever_requested_cannot_decide_as_anybodys_delegate() -> None:
    scene, deployment = asked()
    delegate(scene, to="dana")

    with pytest.raises(NotAllowed, match="requested"):
        approve(scene, deployment, DANA, on_behalf_of="erin")


@pytest.mark.parametrize(
    ("to", "from_s", "until_s", "field"),
    [("erin", 0, 60, "to"), ("nobody", 0, 60, "to"), ("frank", 0, 0, "until"), ("frank", 60, 60, "until"),
     ("frank", 0, 91 * 24 * HOUR_S, "until")],
)  # fmt: skip
def test_a_delegation_that_makes_no_sense_is_refused(to: str, from_s: int, until_s: int, field: str) -> None:
    scene, _ = asked()
    now = scene.clock.policy_ms()
    times = {"from_ms": now + from_s * 1000, "until_ms": now + until_s * 1000}

    with pytest.raises(InvalidInput) as refused:
        delegate_approvals(to, **times, reason="", caller=ERIN, ports=scene.ports)

    assert [violation.field for violation in refused.value.violations] == [field]


def test_only_whoever_delegated_or_an_admin_ends_it() -> None:
    scene, _ = asked()
    delegate(scene)

    with pytest.raises(NotAllowed):
        end_delegation("erin", "frank", caller=DANA, ports=scene.ports)
    end_delegation("erin", "frank", caller=ADA, ports=scene.ports)
    with pytest.raises(NotFound):
        end_delegation("erin", "frank", caller=ADA, ports=scene.ports)


def test_a_decision_is_withdrawn_before_the_quorum_and_not_after() -> None:
    scene, deployment = asked(approvers=2)
    approve(scene, deployment, ERIN)

    left = withdraw_from_approval(deployment.id, reason="wait", caller=ERIN, ports=scene.ports)

    assert left.decisions == ()
    approve(scene, deployment, ADA)
    assert scene.now(deployment).status is Status.PENDING_APPROVAL
    approve(scene, deployment, ERIN)
    with pytest.raises(AlreadyDecided):
        withdraw_from_approval(deployment.id, reason="", caller=ERIN, ports=scene.ports)
    assert scene.events(deployment).count("DecisionWithdrawn") == 1


def test_comments_are_part_of_the_question_and_of_the_timeline() -> None:
    scene, deployment = asked()

    comment_on_approval(deployment.id, text="which ticket?", caller=DANA, ports=scene.ports)

    question = read_question(deployment.id, ports=scene.ports)
    assert [(said.by, said.text) for said in question.approval.comments] == [("dana", "which ticket?")]
    assert "ApprovalCommented" in scene.events(deployment)


def test_the_sweep_reminds_at_the_policys_interval_and_each_time_once() -> None:
    scene, deployment = asked(remind_seconds=HOUR_S)
    for _ in range(3):
        reconcile(ports=scene.ports)
    assert "ApprovalReminder" not in scene.events(deployment)
    scene.clock.advance(seconds=HOUR_S)

    for _ in range(3):
        reconcile(ports=scene.ports)
        remind_approvers(deployment.id, ports=scene.ports)

    assert scene.events(deployment).count("ApprovalReminder") == 1


def test_the_question_shows_the_plan_and_how_it_went_in_the_environments_before() -> None:
    scene = a_scene(environment=Environment.QA, nodes=4)
    scene.set_policy(environment=Environment.QA, approval=ApprovalPolicy(required=True))
    scene.nodes.append(a_node_in(Environment.DEVELOPMENT, 9, ports=scene.ports))
    scene.set_policy()
    first = scene.run(scene.create("2.0.0"))
    deployment = scene.create("2.0.0", target=Environment.QA)
    scene.run(deployment, until=lambda d: d.status is Status.PENDING_APPROVAL)

    question = read_question(deployment.id, ports=scene.ports)

    assert question.plan is not None
    assert (question.plan.fleet, question.plan.plan_hash) == (4, question.approval.plan_hash)
    [evidence] = question.evidence
    assert (evidence.deployment_id, evidence.rollout.environment) == (first.id, Environment.DEVELOPMENT)
    assert all(wave.sentence for wave in evidence.rollout.waves)


class Links:
    """Links that are what they say; that they cannot be forged is the adapter's to prove."""

    def __init__(self) -> None:
        self.kept: dict[str, ApprovalLink] = {}

    def sign(self, link: ApprovalLink) -> str:
        self.kept[link.id] = link
        return link.id

    def read(self, token: str) -> ApprovalLink:
        return self.kept[token]


def linked(**approval: Any) -> tuple[Scene, Deployment, Links, str]:
    scene, deployment = asked(**approval)
    links = Links()
    token, link = make_link(deployment.id, caller=ERIN, links=links, ports=scene.ports)
    assert link.expires_at_s == scene.clock.machine_ms() // 1000 + LINK_LIVES_S
    return scene, deployment, links, token


def by_link(scene: Scene, links: Links, token: str) -> Approval:
    return decide_by_link(token, approved=True, reason="from the train", links=links, ports=scene.ports)


def test_a_link_shows_what_is_asked_as_often_as_one_likes_and_decides_once() -> None:
    scene, deployment, links, token = linked(approvers=2)
    for _ in range(3):
        person, question = read_link(token, links=links, ports=scene.ports)
    assert (person, question.approval.decisions) == ("erin", ())

    approval = by_link(scene, links, token)

    assert [decision.by for decision in approval.decisions] == ["erin"]
    withdraw_from_approval(deployment.id, reason="", caller=ERIN, ports=scene.ports)
    for again in (by_link, lambda s, li, t: read_link(t, links=li, ports=s.ports)):
        with pytest.raises(AlreadyDecided):
            again(scene, links, token)


def test_a_link_is_bound_to_the_plan_that_was_read() -> None:
    scene, deployment, links, token = linked()
    [stored] = scene.store.list(Approval, deployment.id)
    scene.store.commit(Replace(replace(stored, plan_hash="f" * 64, revision=stored.revision + 1)))

    with pytest.raises(WrongDigest):
        by_link(scene, links, token)
    assert scene.now(deployment).status is Status.PENDING_APPROVAL


def test_a_link_is_worth_nothing_once_its_persons_rights_changed() -> None:
    scene, _, links, token = linked()
    scene.store.commit(Replace(a_user(username="erin", roles=(Role.APPROVER,), generation=1, revision=1)))

    with pytest.raises(NotAuthenticated):
        by_link(scene, links, token)


def test_a_link_gives_nobody_more_than_they_may() -> None:
    scene, deployment = asked()

    with pytest.raises(NotAllowed):
        make_link(deployment.id, caller=FRANK, links=Links(), ports=scene.ports)
