"""Deployments in the states they can be in, each brought there as people and nodes would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment
from chalicelib.usecases.decide_approval import decide_approval
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

HOUR_S = 3_600

Reached = tuple[Scene, Deployment]
Start = Callable[[], Reached]
"""How a deployment comes past the gate: there is none (`pending`), or somebody agreed (`agreed`)."""


def a_ready_scene(**policy: Any) -> Scene:
    scene = a_scene()
    scene.set_policy(**policy)
    runs_already(scene)
    return scene


def pending() -> Reached:
    scene = a_ready_scene()
    return scene, scene.create()


def pending_before_a_gate(approvers: int = 1) -> Reached:
    approval = ApprovalPolicy(required=True, approvers=approvers, expires_seconds=HOUR_S)
    scene = a_ready_scene(approval=approval)
    return scene, scene.create()


def asked(approvers: int = 1) -> Reached:
    scene, deployment = pending_before_a_gate(approvers)
    return scene, scene.run(deployment, until=lambda d: d.status is Status.PENDING_APPROVAL)


def says_yes(scene: Scene, deployment: Deployment) -> Reached:
    decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    return scene, scene.now(deployment)


def agreed() -> Reached:
    return says_yes(*asked())


def rejected() -> Reached:
    scene, deployment = asked()
    decide_approval(deployment.id, approved=False, reason="no", caller=ERIN, ports=scene.ports)
    return scene, scene.now(deployment)


def expired() -> Reached:
    scene, deployment = asked()
    scene.pass_time(HOUR_S + 1)
    return scene, scene.now(deployment)


def deploying(start: Start = pending) -> Reached:
    scene, deployment = start()
    scene.settle()
    return scene, scene.now(deployment)


def baking(start: Start = pending) -> Reached:
    scene, deployment = start()
    return scene, scene.run(deployment, until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def paused(start: Start = pending) -> Reached:
    scene, deployment = baking(start)
    return scene, pause_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


def cancelling(start: Start = pending) -> Reached:
    return cancelled(lambda: baking(start))


def cancelled(start: Start = pending) -> Reached:
    scene, deployment = start()
    return scene, cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


def completed(start: Start = pending) -> Reached:
    scene, deployment = start()
    return scene, scene.run(deployment)


def rollback_failed(start: Start = pending) -> Reached:
    scene, deployment = cancelling(start)
    scene.nodes[0].cannot_start = {scene.digests["1.0.0"]}
    return scene, scene.run(deployment)
