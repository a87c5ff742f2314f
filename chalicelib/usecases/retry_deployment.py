"""Try a deployment that did not complete again: a new one, from what failed on."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.deployment import Deployment, Kind, Stage, StageName, StageStatus, Status
from chalicelib.domain.errors import IllegalTransition
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import get_deployment


def retry_deployment(
    deployment_id: str, *, reason: str, caller: Caller, idempotency_key: str = "", request_id: str = "", ports: Ports
) -> Deployment:
    """A new deployment of the same version, asked for by the caller, that goes on where the ended one failed.

    Tests that passed are not run again, and environments that run the version already are skipped. Bytes and signature
    are checked again, since keys may have been revoked meanwhile, and approvers are asked again.

    Raises:
        IllegalTransition: it has not ended, or it completed.
    """
    ended = get_deployment(deployment_id, ports=ports)
    if not ended.has_ended or ended.status is Status.COMPLETED:
        raise IllegalTransition(ended.status, "retry")
    request = DeploymentRequest(
        module=ended.module,
        version=ended.version,
        target=ended.target,
        requester_email=ended.requester_email,
        require_approval=ended.require_approval,
        description=reason or f"Retry of {ended.id}",
        metadata=ended.metadata,
        kind=ended.kind,
        undoes=ended.undoes,
        retries=ended.id,
        only_target=ended.kind is Kind.ROLLBACK,
        hotfix_reason=ended.hotfix_reason,
        # Not what was skipped because the version ran there: by now it may not.
        skip=tuple(rollout.environment for rollout in ended.rollouts if rollout.is_jumped),
        allow_downgrade=ended.allow_downgrade,
        configuration=ended.rollout(ended.target).configuration if ended.kind is Kind.ROLLBACK else None,
        stages=_passed(ended),
    )
    return create_deployment(
        request, caller=caller, idempotency_key=idempotency_key, request_id=request_id, ports=ports
    )


def _passed(ended: Deployment) -> tuple[Stage, ...]:
    test = ended.stage(StageName.TEST)
    if test is None or test.status is not StageStatus.SUCCEEDED:
        return ()
    return (replace(test, message=f"Passed in {ended.id}: {test.message}"[:1_000]),)
