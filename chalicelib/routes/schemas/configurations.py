"""Bodies of module configuration. Source: docs/modules.md."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.domain.configuration import Configuration
from chalicelib.domain.environment import Environment
from chalicelib.routes.fields import Instant, QueryInt, Reason, iso
from chalicelib.routes.schemas.node_fields import Labels
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.configurations import ConfigurationRequest


class PutConfiguration(Received):
    """What the module is told from the next deployment on, and the labels of the nodes it runs on. No place for secrets."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"values": {"feeBp": 290}, "runsOn": {"zone": "a"}, "reason": "PAY-17"}]}
    )

    values: dict[str, Any] = Field(default_factory=dict)
    runs_on: Labels = Field(default_factory=dict)
    reason: Reason = ""
    expected_revision: Annotated[int, Field(ge=0, le=99_999_999)] | None = None

    def request(self, module: str, environment: Environment, *, if_match: int | None) -> ConfigurationRequest:
        """The same for the use case."""
        return ConfigurationRequest(
            module=module,
            environment=environment,
            values=self.values,
            runs_on=self.runs_on,
            reason=self.reason,
            expected_revision=self.expected_revision if if_match is None else if_match,
        )


class ListConfigurations(Received):
    """Which revisions: those below `before`, the newest first."""

    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 20
    before: Annotated[QueryInt, Field(ge=1, le=99_999_999)] | None = None


class ConfigurationBody(Answered):
    """One revision; revision 0 is to be configured with nothing. `deployedRevision` is what the environment runs."""

    module_name: str
    environment: Environment
    revision: int
    deployed_revision: int
    values: dict[str, Any]
    runs_on: dict[str, str]
    reason: str
    changed_by: str | None
    changed_at: Instant | None


class ConfigurationList(Answered):
    """Revisions, the newest first."""

    revisions: list[ConfigurationBody]


def configuration_body(
    found: Configuration | None, *, module: str, environment: Environment, deployed: int
) -> ConfigurationBody:
    """One revision, or what stands for none."""
    if found is None:
        found = Configuration(environment=environment, module=module, revision=0, changed_by="", changed_at_ms=0)
    return ConfigurationBody(
        module_name=module,
        environment=environment,
        revision=found.revision,
        deployed_revision=deployed,
        values=found.values,
        runs_on=found.runs_on,
        reason=found.reason,
        changed_by=found.changed_by or None,
        changed_at=iso(found.changed_at_ms) if found.changed_at_ms else None,
    )
