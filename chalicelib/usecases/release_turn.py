"""ReleaseTurn: the environment is done, whoever is next may change it."""

from __future__ import annotations

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.rollout import Phase
from chalicelib.domain.turn import Turn, give_up
from chalicelib.usecases.leave_line import left_line
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.recording import Decided, change_deployment
from chalicelib.usecases.take_turn import hand_on


def release_turn(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment after it gave up the turn of every environment it has finished, and the next holder after it took it."""

    def decide(deployment: Deployment) -> Decided | None:
        changes: list[Change] = []
        for rollout in deployment.rollouts:
            if rollout.phase is not Phase.PROMOTED:
                continue
            turn = ports.store.get(Turn, rollout.environment, deployment.module)
            if turn is not None and turn.position(deployment.id) is not None:
                changes.append(Replace(give_up(turn, deployment.id)))
        if changes:
            changes += left_line(deployment.id, ports=ports)
        return Decided(after=deployment, also=tuple(changes)) if changes else None

    deployment = change_deployment(deployment_id, decide, ports=ports)
    hand_on(deployment, ports=ports)
    return deployment
