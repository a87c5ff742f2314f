"""Which environments a deployment passes over: those that run its edition already and that nobody is about to change."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Kind
from chalicelib.domain.edition import edition
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.timeline import EventType
from chalicelib.domain.turn import Turn, held_by_another
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Entry


def runs_already(
    deployment: Deployment, rollout: Rollout, assignment: Assignment | None, *, digest: str | None, ports: Ports
) -> bool:
    """Whether there is nothing to do here: the edition is stable, and no other deployment has the turn to change that.

    While another one has it, what will run when it is done is not known: the deployment stands in line, and is asked
    again when its turn has come. A rollback is never passed over.
    """
    wanted = edition(digest, rollout.configuration)
    if deployment.kind is Kind.ROLLBACK or assignment is None or assignment.stable != wanted:
        return False
    return not held_by_another(ports.store.get(Turn, rollout.environment, deployment.module), deployment.id)


def passed_over(deployment: Deployment, rollout: Rollout) -> tuple[Rollout, Entry]:
    """The rollout Skipped, and the event that says so."""
    skipped = replace(rollout, phase=Phase.SKIPPED, fence=0, message=f"{deployment.version} runs here already.")
    return skipped, Entry(type=EventType.ENVIRONMENT_SKIPPED, environment=rollout.environment)
