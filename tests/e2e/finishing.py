"""Whatever was going on goes on to its end: people answer, nodes report, time passes, the sweep comes by."""

from __future__ import annotations

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import resume_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.reconcile import Reconciled, reconcile
from tests.usecases.scene import DANA, ERIN, Scene

MOST_ROUNDS = 200
ROUND_S = 5
SWEEP_EVERY = 12
"""Rounds of five seconds: a sweep a minute."""


def play_on(scene: Scene) -> list[Deployment]:
    """Until every deployment has ended and the sweep finds nothing; all of them, as they ended.

    Raises:
        AssertionError: some never ended.
    """
    for number in range(MOST_ROUNDS):
        scene.pass_time(ROUND_S)
        _answer(scene)
        if number % SWEEP_EVERY == SWEEP_EVERY - 1:
            done = reconcile(ports=scene.ports)
            scene.settle()
            if done == Reconciled() and not _open(scene) and not _running(scene):
                return _all(scene)
    raise AssertionError(f"never ended: {[(d.id, d.status, d.current) for d in _open(scene)]} {_running(scene)}")


def _answer(scene: Scene) -> None:
    for deployment in _open(scene):
        rollout = deployment.current
        if deployment.status is Status.PENDING_APPROVAL:
            decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
        elif rollout is not None and rollout.phase is Phase.PAUSED:
            resume_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.settle()


def _all(scene: Scene) -> list[Deployment]:
    found: list[Deployment] = list(scene.store.page(Deployment, "lists", "DEPLOYMENTS", limit=100).records)
    return found


def _open(scene: Scene) -> list[Deployment]:
    return [each for each in _all(scene) if not each.has_ended]


def _running(scene: Scene) -> list[str]:
    return [name for name in scene.driver.runs if scene.driver.is_running(name)]
