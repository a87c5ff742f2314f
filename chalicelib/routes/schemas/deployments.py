"""Bodies of deployments. Source: docs/contracts/control.md."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from chalicelib.domain.deployment import Deployment, Kind, ListedDeployment, StageName, StageStatus, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.hook import call_id
from chalicelib.routes.fields import (
    Email,
    EnvironmentName,
    Instant,
    ModuleName,
    QueryInt,
    Reason,
    Version,
    iso,
    iso_or_none,
    one_of,
)
from chalicelib.routes.schemas.hooks import HookCallBody, hook_call_body
from chalicelib.routes.schemas.rollouts import RolloutBody, rollout_body
from chalicelib.routes.schemas.strategies import StrategyOverrideBody
from chalicelib.routes.validation import Answered, Received, broken_inside
from chalicelib.usecases.create_deployment import DeploymentRequest
from chalicelib.usecases.ports import Page
from chalicelib.usecases.reads import DeploymentFilter

MetadataKey = Annotated[str, Field(min_length=1, max_length=100)]
MetadataValue = Annotated[str, Field(max_length=500)]


class Hotfix(Received):
    """Why environments before the target are jumped, and which."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    skip: Annotated[list[EnvironmentName], Field(min_length=1, max_length=3)]


class BreakGlass(Received):
    """Why freezes are passed; a second person has to agree before each environment that has any."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


class CreateDeployment(Received):
    """One module version, to one environment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "moduleName": "payment-processor",
                    "version": "2.0.0",
                    "targetEnvironment": "Production",
                    "requesterEmail": "dev@example.com",
                    "requireApproval": False,
                    "description": "Fee breakdown in the answer",
                    "metadata": {"ticket": "PAY-17"},
                }
            ]
        }
    )

    module_name: ModuleName
    version: Version
    target_environment: EnvironmentName
    requester_email: Email | None = None
    require_approval: bool = False
    description: Reason = ""
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)] = Field(default_factory=dict)
    hotfix: Hotfix | None = None
    allow_downgrade: bool = False
    strategy: StrategyOverrideBody | None = None
    break_glass: BreakGlass | None = None

    @field_validator("hotfix")
    @classmethod
    def _jumps_only_what_comes_before(cls, hotfix: Hotfix | None, info: ValidationInfo) -> Hotfix | None:
        target = info.data.get("target_environment")
        if hotfix is None or target is None:
            return hotfix
        if any(environment not in target.path()[:-1] for environment in hotfix.skip):
            raise broken_inside(InvalidInput(Violation("skip", "must name environments before the target")))
        if len(set(hotfix.skip)) != len(hotfix.skip):
            raise broken_inside(InvalidInput(Violation("skip", "must name each environment once")))
        return hotfix

    def request(self) -> DeploymentRequest:
        """The same for the use case."""
        return DeploymentRequest(
            module=self.module_name,
            version=self.version,
            target=self.target_environment,
            requester_email=self.requester_email or "",
            require_approval=self.require_approval,
            description=self.description,
            metadata=self.metadata,
            hotfix_reason=self.hotfix.reason if self.hotfix is not None else "",
            allow_downgrade=self.allow_downgrade,
            skip=tuple(self.hotfix.skip) if self.hotfix is not None else (),
            break_glass_reason=self.break_glass.reason if self.break_glass is not None else "",
            strategy=self.strategy.override() if self.strategy is not None else None,
        )


class Signal(Received):
    """Why somebody says this to a deployment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Error budget is spent"}]})

    reason: Reason = ""

    def said(self) -> dict[str, Any]:
        """The same for the use case."""
        return {"reason": self.reason}


class Promote(Signal):
    """`all` ends every bake of this environment, not only this one; `wave` must be the one that is on, if it is given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Looks right", "wave": 1}]})

    all: bool = False
    wave: Annotated[int, Field(ge=0, le=10_000)] | None = None

    def said(self) -> dict[str, Any]:
        return {"reason": self.reason, "every": self.all, "wave": self.wave}


class ListDeployments(Received):
    """Which deployments to list."""

    module: ModuleName | None = None
    environment: EnvironmentName | None = None
    status: Annotated[Status, one_of(Status)] | None = None
    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None

    def filter(self) -> DeploymentFilter:
        """The same for the use case."""
        return DeploymentFilter(module=self.module, environment=self.environment, status=self.status)


class Links(Answered):
    """Where to go on."""

    self: str
    events: str


class DeploymentAccepted(Answered):
    """A deployment was recorded and ordered to start; the same request with the same key is answered the same."""

    execution_id: str
    status: Status = Status.PENDING
    start_time: Instant
    links: Links


class StageBody(Answered):
    """A stage before or after the environments."""

    name: StageName
    status: StageStatus
    start_time: Instant
    end_time: Instant | None
    message: str


class ErrorBody(Answered):
    """Why a deployment did not complete."""

    code: str
    message: str


class DeploymentSummary(Answered):
    """A deployment in a list."""

    execution_id: str
    kind: Kind
    module_name: str
    version: str
    target_environment: Environment
    status: Status
    requested_by: str
    start_time: Instant
    updated_at: Instant
    end_time: Instant | None
    error: ErrorBody | None
    links: Links


class DeploymentBody(DeploymentSummary):
    """Everything the caller sent and all that became of it; `correlationId` is in every log line about it."""

    correlation_id: str
    digest: str | None
    requester_email: str
    require_approval: bool
    description: str
    metadata: dict[str, str]
    undoes: str | None
    retries: str | None
    hotfix_reason: str | None
    break_glass_reason: str | None
    allow_downgrade: bool
    superseded_by: str | None
    cancel_requested_by: str | None
    stages: list[StageBody]
    hooks: list[HookCallBody]
    environments: list[RolloutBody]


class DeploymentPage(Answered):
    """Deployments, newest first."""

    deployments: list[DeploymentSummary]
    cursor: str | None


def links_of(deployment_id: str) -> Links:
    """Where a deployment and its events are."""
    here = f"/api/v1/deployments/{deployment_id}"
    return Links(self=here, events=f"{here}/events")


def accepted_body(deployment: Deployment) -> DeploymentAccepted:
    """What creating it is answered."""
    return DeploymentAccepted(
        execution_id=deployment.id, start_time=iso(deployment.created_at_ms), links=links_of(deployment.id)
    )


def deployment_body(deployment: Deployment) -> DeploymentBody:
    """All of a deployment."""
    return DeploymentBody(
        **_summary(deployment),
        correlation_id=deployment.correlation_id,
        digest=deployment.digest,
        requester_email=deployment.requester_email,
        require_approval=deployment.require_approval,
        description=deployment.description,
        metadata=deployment.metadata,
        undoes=deployment.undoes or None,
        retries=deployment.retries or None,
        hotfix_reason=deployment.hotfix_reason or None,
        break_glass_reason=deployment.break_glass_reason or None,
        allow_downgrade=deployment.allow_downgrade,
        superseded_by=deployment.superseded_by or None,
        cancel_requested_by=deployment.cancel_requested_by or None,
        stages=[
            StageBody(
                name=stage.name,
                status=stage.status,
                start_time=iso(stage.started_at_ms),
                end_time=iso_or_none(stage.ended_at_ms),
                message=stage.message,
            )
            for stage in deployment.stages
        ],
        hooks=[hook_call_body(call_id(deployment.id, call.position), call) for call in deployment.hooks],
        environments=[rollout_body(rollout) for rollout in deployment.rollouts],
    )


def deployment_page(page: Page) -> DeploymentPage:
    """A page of the list."""
    return DeploymentPage(
        deployments=[DeploymentSummary(**_summary(deployment)) for deployment in page.records], cursor=page.cursor
    )


def _summary(deployment: Deployment | ListedDeployment) -> dict[str, Any]:
    failure = deployment.failure
    return {
        "execution_id": deployment.id,
        "kind": str(deployment.kind),
        "module_name": deployment.module,
        "version": deployment.version,
        "target_environment": deployment.target,
        "status": deployment.status,
        "requested_by": deployment.requested_by,
        "start_time": iso(deployment.created_at_ms),
        "updated_at": iso(deployment.updated_at_ms),
        "end_time": iso_or_none(deployment.ended_at_ms),
        "error": None if failure is None else ErrorBody(code=failure.code, message=failure.message),
        "links": links_of(deployment.id),
    }
